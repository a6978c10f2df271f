//! A library that a child preloads, through which its disk fails.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::Writer;

/// The compiled shim and the file that controls it.
pub struct Shim {
    directory: TempDir,
}

impl Shim {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shim/disk_fault.c");
        let library = directory.path().join("disk_fault.so");
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status();
        assert!(status.expect("a C compiler").success());
        let shim = Self { directory };
        shim.set("none");
        shim
    }

    pub fn database(&self) -> PathBuf {
        self.data().join("database")
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn control(&self) -> PathBuf {
        self.directory.path().join("control")
    }

    pub fn set(&self, fault: &str) {
        // Renamed, so that the child never reads half of it.
        let fresh = self.directory.path().join("control.new");
        std::fs::write(&fresh, fault).unwrap();
        std::fs::rename(&fresh, self.control()).unwrap();
    }

    pub fn start(&self, entries: Option<u64>) -> Writer {
        let environment = self.environment(&self.data());
        let environment = environment
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        Writer::start(&self.database(), entries, &environment)
    }

    /// For a child whose files below `below` are struck.
    pub fn environment(&self, below: &Path) -> [(&'static str, String); 3] {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let library = self.directory.path().join("disk_fault.so");
        [
            ("LD_PRELOAD", text(&library)),
            ("DISK_FAULT_CONTROL", text(&self.control())),
            ("DISK_FAULT_BELOW", text(below)),
        ]
    }
}
