//! Who may look into a data directory.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use support::node::Node;
use support::refused::{CONFIGURATION, assert_refused};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn make(path: &Path, mode: u32) {
    fs::create_dir(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The directory itself, and all that is in it.
fn tree(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    if root.is_dir() {
        for entry in fs::read_dir(root).unwrap() {
            found.extend(tree(&entry.unwrap().path()));
        }
    }
    found
}

#[test]
fn what_a_node_writes_is_its_owners_alone() {
    let home = tempfile::tempdir().unwrap();
    let mut node = Node::new(home.path(), "core1");
    node.dir = home.path().join("made/on/the way");
    node.start();
    node.wait_settled();
    node.core_token();
    let files = tree(&home.path().join("made"));
    let has = |name: &str| {
        let shown = files.iter().map(|file| file.display().to_string());
        shown.filter(|file| file.contains(name)).count()
    };
    assert!(has("/raft-") > 2 && has("/identity") == 1, "{files:?}");
    for file in &files {
        assert_eq!(mode(file) & 0o077, 0, "{} is open", file.display());
    }
}

#[test]
fn a_directory_that_others_may_read_is_warned_of_and_stays_so() {
    let home = tempfile::tempdir().unwrap();
    let mut node = Node::new(home.path(), "core1");
    make(&node.dir, 0o755);
    node.start();
    node.wait_settled();
    let log = node.whole_log();
    assert!(log.contains("others may look into the data"), "{log}");
    assert_eq!(mode(&node.dir), 0o755);
    for file in tree(&node.dir).iter().skip(1) {
        assert_eq!(mode(file) & 0o077, 0, "{} is open", file.display());
    }
}

#[test]
fn a_directory_that_others_may_write_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::new(home.path(), "core1");
    make(&node.dir, 0o775);
    let ended = node.start_in_vain();
    let dir = node.dir.display().to_string();
    let error = ["others may write", &dir, "0775"];
    assert_refused(&ended, CONFIGURATION, &error, &format!("chmod 700 {dir}"));
    assert_eq!(mode(&node.dir), 0o775);
    assert_eq!(fs::read_dir(&node.dir).unwrap().count(), 0);
}
