//! What a test's configuration is read from.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::{ConfigError, Loaded, Problem, Sources, load};

pub(crate) struct Given {
    dir: TempDir,
    sources: Sources,
}

pub(crate) fn given() -> Given {
    Given {
        dir: tempfile::tempdir().unwrap(),
        sources: Sources::default(),
    }
}

impl Given {
    /// Of the configuration file.
    pub(crate) fn path(&self) -> PathBuf {
        self.in_dir("quorate.toml")
    }

    pub(crate) fn in_dir(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// An empty file, for a key that wants one to be there.
    pub(crate) fn touch(self, name: &str) -> Self {
        let path = self.in_dir(name);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        self
    }

    /// `--set`, with DIR for this one's folder.
    pub(crate) fn set_in_dir(self, set: &str) -> Self {
        let set = set.replace("DIR", &self.dir.path().display().to_string());
        self.set(&set)
    }

    pub(crate) fn file(mut self, text: &str) -> Self {
        fs::write(self.path(), text).unwrap();
        self.sources.file = Some(self.path());
        self
    }

    pub(crate) fn env(mut self, variable: &str, text: &str) -> Self {
        self.sources.env.push((variable.into(), text.into()));
        self
    }

    pub(crate) fn set(mut self, set: &str) -> Self {
        self.sources.sets.push(set.into());
        self
    }

    pub(crate) fn load(&self) -> Result<Loaded, ConfigError> {
        load(&self.sources)
    }

    /// `what; hint` of each problem, with FILE for the file's path and DIR for
    /// its folder's.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.lines(self.load().unwrap_err().problems())
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.lines(&self.load().unwrap().warnings)
    }

    fn lines(&self, problems: &[Problem]) -> Vec<String> {
        let file = self.path().display().to_string();
        let dir = self.dir.path().display().to_string();
        let lines = problems.iter().map(|problem| {
            let hint = problem.hint().map(|hint| format!("; {hint}"));
            let line = format!("{problem}{}", hint.unwrap_or_default());
            line.replace(&file, "FILE").replace(&dir, "DIR")
        });
        lines.collect()
    }
}
