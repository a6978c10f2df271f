//! Joining by a shared secret, without a token.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod support;

use std::fs;
use std::path::Path;

use common::{Ended, run};
use support::cluster::Cluster;
use support::node::Node;
use support::refused::{CONFIGURATION, NOT_ALLOWED, USAGE, assert_alone, assert_refused};

const COOKIE: &str = "node.cookie=5f2d0c1b9a8e7d6c5b4a39281706f5e4";
const OTHER: &str = "node.cookie=00112233445566778899aabbccddeeff";
const HINT: &str = "the same node.cookie and cluster.name on both nodes";

fn start(home: &Path, short_name: &str, sets: &[&str]) -> Node {
    let mut node = Node::new(home, short_name);
    node.sets.extend(sets.iter().map(|set| (*set).to_owned()));
    node.start();
    node.wait_settled();
    node
}

fn join(node: &Node, host: &Node) -> Ended {
    node.run(&["node", "join", "--core", &host.core_address()])
}

#[test]
fn whoever_knows_it_joins() {
    let home = tempfile::tempdir().unwrap();
    let mut cluster = Cluster {
        nodes: vec![start(home.path(), "core1", &[COOKIE])],
        targets: Default::default(),
    };
    // The same, from a file that ends its line.
    let file = home.path().join("cookie");
    fs::write(&file, COOKIE.replace("node.cookie=", "") + "\n").unwrap();
    let from_file = format!("node.cookie=file://{}", file.display());
    for (short_name, cookie) in [("core2", COOKIE), ("core3", &from_file)] {
        let node = start(home.path(), short_name, &[cookie]);
        let ended = join(&node, &cluster.nodes[0]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
        cluster.nodes.push(node);
        cluster.wait_whole();
    }
    assert_eq!(cluster.nodes[0].token_ids().unwrap(), Vec::<String>::new());
    for node in &cluster.nodes {
        assert!(!node.whole_log().contains("5f2d0c1b"), "it is in the log");
    }
}

#[test]
fn whoever_does_not_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let host = start(home.path(), "core1", &[COOKIE]);
    let hostless = start(home.path(), "core5", &[]);
    let renamed = "cluster.name=other";
    for (short_name, sets, host) in [
        ("core2", &[OTHER][..], &host),
        ("core3", &[COOKIE, renamed], &host),
        ("core4", &[COOKIE], &hostless),
    ] {
        let node = start(home.path(), short_name, sets);
        let ended = join(&node, host);
        let error = ["that node accepts no cookie, or another one"];
        assert_refused(&ended, NOT_ALLOWED, &error, HINT);
        assert_alone(&node);
        assert_alone(host);
    }
    let ended = join(&hostless, &host);
    let error = ["a token is needed, or a cookie"];
    assert_refused(&ended, USAGE, &error, "quorate token create --role core");
}

#[test]
fn a_weak_one_is_refused_where_others_can_try_it() {
    let home = tempfile::tempdir().unwrap();
    for (cookie, error) in [
        ("", "the cookie is empty"),
        ("changeme", "the cookie is a well-known one"),
        ("short", "the cookie has 5 bytes, fewer than 16"),
    ] {
        let cookie = format!("node.cookie={cookie}");
        let open = "transport.bind=0.0.0.0:4370";
        let hint = "openssl rand -hex 32";
        let checked = run(&["config", "check", "--set", &cookie, "--set", open]);
        let error = [error, "0.0.0.0:4370 is not loopback"];
        assert_refused(&checked, CONFIGURATION, &error, hint);

        let mut node = Node::new(home.path(), "core1");
        node.sets.extend([cookie.clone(), open.to_owned()]);
        let ended = node.start_in_vain();
        assert_refused(&ended, CONFIGURATION, &error, hint);
        assert!(!node.dir.exists(), "it was refused too late");

        // On loopback it is for trying things.
        let local = "transport.bind=127.0.0.1:4370";
        let checked = run(&["config", "check", "--set", &cookie, "--set", local]);
        assert_eq!(checked.code, 0, "{checked:?}");
    }
}
