//! `admin.sock`: whoever can open it administers the node.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use super::BindError;
use crate::socket_path;

/// A socket is born with the permissions that the umask leaves, and given its
/// own a moment later. So it is born in this folder, which is closed to
/// others, and moved when it is ready. Short, since socket paths are.
const BIRTHPLACE: &str = ".sock";

#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    file: PathBuf,
}

impl AdminSocket {
    /// Listens at `file`, with mode 0600 from the first moment. Replaces a
    /// socket that an earlier process left, but none that answers.
    pub async fn bind(file: &Path) -> Result<Self, BindError> {
        let birthplace = file.with_file_name(BIRTHPLACE);
        socket_path::check(file)?;
        socket_path::check(&birthplace.join("s"))?;
        check_free(file).await?;
        let listener = bind_private(file, &birthplace).map_err(|source| BindError::Io {
            path: file.to_owned(),
            source,
        })?;
        Ok(Self {
            listener,
            file: file.to_owned(),
        })
    }

    pub(super) fn into_parts(self) -> (UnixListener, PathBuf) {
        (self.listener, self.file)
    }
}

async fn check_free(file: &Path) -> Result<(), BindError> {
    let failed = |source| BindError::Io {
        path: file.to_owned(),
        source,
    };
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(BindError::NotASocket(file.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(file).await {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        // A full backlog is a listener too.
        Ok(_) => Err(BindError::InUse(file.to_owned())),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            Err(BindError::InUse(file.to_owned()))
        }
        Err(error) => Err(failed(error)),
    }
}

fn bind_private(file: &Path, birthplace: &Path) -> io::Result<UnixListener> {
    // A process that died in here has left it.
    clear(birthplace)?;
    DirBuilder::new().mode(0o700).create(birthplace)?;
    let newborn = birthplace.join("s");
    let bound = UnixListener::bind(&newborn).and_then(|listener| {
        fs::set_permissions(&newborn, Permissions::from_mode(0o600))?;
        fs::rename(&newborn, file)?;
        Ok(listener)
    });
    clear(birthplace)?;
    bound
}

fn clear(birthplace: &Path) -> io::Result<()> {
    match fs::remove_dir_all(birthplace) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
