//! Paths of Unix sockets, which the kernel keeps short.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// `sun_path` without the zero byte at its end.
const MAX_BYTES: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the socket path {} has {bytes} bytes, and the system allows {MAX_BYTES}", path.display()
)]
pub struct PathTooLong {
    path: PathBuf,
    bytes: usize,
}

pub(crate) fn check(path: &Path) -> Result<(), PathTooLong> {
    let bytes = path.as_os_str().as_bytes().len();
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    Err(PathTooLong {
        path: path.to_owned(),
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path() {
        assert_eq!(check(Path::new(&"x".repeat(MAX_BYTES))), Ok(()));
        let error = check(Path::new(&"x".repeat(MAX_BYTES + 1))).unwrap_err();
        assert!(
            error.to_string().contains(&MAX_BYTES.to_string()),
            "{error}"
        );
    }
}
