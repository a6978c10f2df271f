//! Certificates of one's own.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// Files that exist and can be read; what is in them, the transport checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pki {
    pub ca: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
}

pub(crate) fn check_readable(path: &Path) -> Result<(), Problem> {
    let shown = path.display();
    let file = File::open(path);
    match file.and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_dir() => {
            Err(Problem::new(format!("{shown} is a directory, not a file")))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::new(format!("cannot read {shown}: {error}"))),
    }
}
