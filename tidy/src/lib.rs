//! The style rules of the repository that neither rustc nor clippy can check.
//!
//! `tests/tidy.rs` loads the tree and runs one test a rule. A rule is a pure
//! function from file contents to [`Finding`]s, so each has unit tests that
//! show it failing. Only the standard library is used.

pub mod clippy_config;
pub mod dead_files;
pub mod finding;
pub mod ignored_tests;
pub mod layers;
pub mod lengths;
pub mod links;
pub mod manifest;
pub mod paths;
pub mod rust_text;
pub mod tree;
pub mod words;

pub use finding::Finding;
pub use tree::Tree;
