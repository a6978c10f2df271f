//! What a refusal looks like to whoever typed the command.

use quorate_admin::api::Phase;

use super::node::Node;
use crate::common::Ended;

pub(crate) const USAGE: i32 = 64;
pub(crate) const UNAVAILABLE: i32 = 69;
pub(crate) const TRY_AGAIN: i32 = 75;
pub(crate) const NOT_ALLOWED: i32 = 77;
pub(crate) const CONFIGURATION: i32 = 78;

/// `error:` lines that hold all of `error`, and a hint that holds `hint`.
#[track_caller]
pub(crate) fn assert_refused(ended: &Ended, code: i32, error: &[&str], hint: &str) {
    assert_eq!(ended.code, code, "{ended:?}");
    let lines = |label: &str| -> String {
        let lines = ended.stderr.lines().filter(|line| line.starts_with(label));
        lines.collect::<Vec<_>>().join("\n")
    };
    let (errors, hints) = (lines("error: "), lines("hint: "));
    assert!(!errors.is_empty(), "{ended:?}");
    for part in error {
        assert!(errors.contains(part), "{part:?} is not in {ended:?}");
    }
    assert!(hints.contains(hint), "{hint:?} is no hint of {ended:?}");
}

/// It is still in the cluster of one that it formed.
#[track_caller]
pub(crate) fn assert_alone(node: &Node) {
    let status = node.status().unwrap();
    assert_eq!(status.this_node.phase, Phase::Member, "{status:?}");
    assert_eq!(status.nodes.len(), 1, "{status:?}");
}
