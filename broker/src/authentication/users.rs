//! The users as they are now.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::UserFileError;
use super::user_file::UserFile;

pub(super) struct Users {
    path: PathBuf,
    current: Mutex<Arc<UserFile>>,
}

impl Users {
    pub(super) fn load(path: PathBuf) -> Result<Self, UserFileError> {
        let current = Mutex::new(Arc::new(UserFile::load(&path)?));
        Ok(Self { path, current })
    }

    #[cfg(test)]
    pub(super) fn of(file: UserFile) -> Self {
        let current = Mutex::new(Arc::new(file));
        let path = PathBuf::new();
        Self { path, current }
    }

    pub(super) fn current(&self) -> Arc<UserFile> {
        Arc::clone(&self.lock())
    }

    /// Returns how many there are. A file with a fault changes nothing.
    pub(super) fn reload(&self) -> Result<usize, UserFileError> {
        let fresh = Arc::new(UserFile::load(&self.path)?);
        let users = fresh.len();
        *self.lock() = fresh;
        Ok(users)
    }

    fn lock(&self) -> MutexGuard<'_, Arc<UserFile>> {
        // Nothing panics while it is held.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
