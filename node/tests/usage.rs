//! What the binary says to wrong usage and without a node.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Ended, absent, end, quorate, run};

/// One line of error, at most one of hint, nothing on stdout.
fn assert_told(ended: &Ended, code: i32, error: &str, hint: &str) {
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{ended:?}");
    assert!(
        lines[0].starts_with("error: ") && lines[0].contains(error),
        "{ended:?}"
    );
    assert_eq!(
        lines.len(),
        if hint.is_empty() { 1 } else { 2 },
        "{ended:?}"
    );
    if !hint.is_empty() {
        assert!(
            lines[1].starts_with("hint: ") && lines[1].contains(hint),
            "{ended:?}"
        );
    }
}

#[test]
fn wrong_usage() {
    for (line, error, hint) in [
        ("clutser stauts", "'clutser'", "`quorate cluster status`"),
        ("status", "'status'", "`quorate cluster status`"),
        ("cluster status --jsn", "'--jsn'", "`--json`"),
        (
            "node join",
            "--core",
            "quorate node join --core NAME@HOST[:PORT]",
        ),
        (
            "node join --core 10.0.0.1",
            "the @ is missing",
            "NAME@HOST[:PORT]",
        ),
        ("node join --core c@h:port", "port", "NAME@HOST[:PORT]"),
        (
            "node join --core c@h --token=",
            "the token is empty",
            "quorate token create",
        ),
        ("token create", "--role", "quorate token create --help"),
        ("token create --role coer", "core, replicant", "`core`"),
        ("token create --role core --ttl 1", "30m, 24h or 7d", ""),
        ("token create --role core --ttl -1h", "30m, 24h or 7d", ""),
        ("token create --role core --ttl 1000d", "366d at most", ""),
        (
            "token revoke a.b",
            "not the id of a token",
            "quorate token list",
        ),
        (
            "cluster force-leave core1",
            "the @ is missing",
            "quorate cluster status",
        ),
        ("cluster history --limit 0", "1..=1000", ""),
        ("--admin https://h cluster status", "https", ""),
    ] {
        let arguments: Vec<_> = line.split(' ').collect();
        assert_told(&run(&arguments), 64, error, hint);
    }
}

#[test]
fn help_is_no_failure_unless_it_was_not_asked_for() {
    for arguments in [&["--help"][..], &["node", "join", "--help"], &["--version"]] {
        let ended = run(arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    }
    for arguments in [&[][..], &["node"], &["cluster"]] {
        let ended = run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (64, ""), "{ended:?}");
        assert!(ended.stderr.contains("Usage: quorate"), "{ended:?}");
    }
}

#[test]
fn help_does_not_show_the_token_of_the_environment() {
    let mut command = quorate(&["node", "join", "--help"]);
    command.env("QUORATE_TOKEN", "hush");
    let ended = end(command, "");
    assert!(ended.stdout.contains("QUORATE_TOKEN"), "{ended:?}");
    assert!(!ended.stdout.contains("hush"), "{ended:?}");
}

#[test]
fn no_node_is_running() {
    let folder = tempfile::tempdir().unwrap();
    let dir = absent(folder.path());
    for line in [
        "cluster status",
        "cluster status --watch",
        "cluster history",
        "cluster force-leave core2@h",
        "cluster rotate-ca",
        "node init",
        "node join --core core1@h",
        "node leave",
        "token list",
        "token create --role core",
        "token revoke t1",
    ] {
        let mut command = quorate(&line.split(' ').collect::<Vec<_>>());
        command.args(["--dir", &dir]);
        assert_told(
            &end(command, ""),
            69,
            "absent/admin.sock",
            "quorate node start",
        );
    }
    let mut command = quorate(&["cluster", "status"]);
    command.env("QUORATE_NODE__DATA_DIR", &dir);
    assert_told(
        &end(command, ""),
        69,
        "absent/admin.sock",
        "quorate node start",
    );
    let nowhere = run(&["--admin", "http://127.0.0.1:1", "cluster", "status"]);
    assert_told(&nowhere, 69, "http://127.0.0.1:1", "admin.bind");
}

#[test]
fn completions() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = run(&["completions", shell]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
        assert!(ended.stdout.contains("force-leave"), "{shell}");
    }
    assert_told(&run(&["completions", "bahs"]), 64, "'bahs'", "`bash`");
}
