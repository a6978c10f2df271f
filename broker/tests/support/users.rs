//! A file with users, gone with its owner.

use std::path::{Path, PathBuf};

use quorate_broker::{AuthenticationConfig, user_line};

/// What most clients expect.
pub(crate) const ITERATIONS: u32 = 4096;

pub(crate) struct UserFile {
    path: PathBuf,
}

impl UserFile {
    /// `test` tells the files of tests apart that run at the same time.
    pub(crate) fn new(test: &str, users: &[(&str, &str)]) -> Self {
        Self::slow(test, users, ITERATIONS)
    }

    /// The more iterations, the longer a password takes.
    pub(crate) fn slow(test: &str, users: &[(&str, &str)], iterations: u32) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.users"));
        let lines = users
            .iter()
            .map(|(name, password)| user_line(name, password, iterations).unwrap() + "\n");
        let file = Self { path };
        file.write(&lines.collect::<String>());
        file
    }

    /// In place of what was in it.
    pub(crate) fn write(&self, text: &str) {
        std::fs::write(&self.path, text).unwrap();
    }

    pub(crate) fn config(&self, allow_anonymous: bool) -> AuthenticationConfig {
        AuthenticationConfig {
            allow_anonymous,
            scram_users: Some(self.path.clone()),
        }
    }
}

impl Drop for UserFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
