//! The rules over the real tree. A failure names file, line, fault and cure.
#![allow(clippy::expect_used)]

use std::path::Path;
use std::sync::LazyLock;

use quorate_tidy::finding::assert_none;
use quorate_tidy::layers::LAYERS;
use quorate_tidy::lengths::LONG;
use quorate_tidy::{
    Tree, clippy_config, dead_files, ignored_tests, layers, lengths, links, paths, words,
};

static TREE: LazyLock<Tree> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Tree::load(&root).expect("the repository can be read")
});

/// Guards the guards: rules over an empty tree find nothing.
#[test]
fn the_tree_is_there() {
    for path in ["Cargo.toml", "model/src/lib.rs", ".ci/run", "README.md"] {
        assert!(TREE.paths.contains(path), "{path} is missing");
    }
    assert!(TREE.rust_files().count() > 30);
}

#[test]
fn crates_use_only_what_lies_below() {
    assert_none("layers", layers::check(&TREE, LAYERS));
}

#[test]
fn nested_clippy_configurations_repeat_the_root() {
    assert_none("clippy.toml", clippy_config::check(&TREE, LAYERS));
}

#[test]
fn files_are_short() {
    assert_none("lengths", lengths::check(&TREE, LONG));
}

#[test]
fn every_file_is_compiled() {
    assert_none("dead files", dead_files::check(&TREE));
}

#[test]
fn nothing_was_left_behind_in_the_text() {
    assert_none("words", words::check(&TREE));
}

#[test]
fn ignored_tests_have_a_reason_and_a_run() {
    assert_none("ignored tests", ignored_tests::check(&TREE));
}

#[test]
fn links_lead_somewhere() {
    assert_none("links", links::check(&TREE));
}

#[test]
fn no_path_of_one_machine() {
    assert_none("paths", paths::check(&TREE));
}
