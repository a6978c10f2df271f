//! `quorate config`, as it is typed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{end, quorate, run};

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[test]
fn a_good_one_is_ok() {
    let ended = run(&["config", "check"]);
    assert_eq!(ended.stdout, "configuration ok\n", "{ended:?}");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
}

/// What a node would fail on only when it has formed a cluster.
#[test]
fn files_that_are_of_no_use_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("users"), "alice\n").unwrap();
    fs::write(path("pem"), "no PEM\n").unwrap();
    let users = format!("auth.scram_users={}", path("users"));
    let cert = format!("listeners.tls.a.cert={}", path("pem"));
    let key = format!("listeners.tls.a.key={}", path("pem"));
    for (sets, hint) in [
        (vec![users.as_str()], "quorate config user"),
        (vec![&cert, &key], "listeners.tls.a.cert"),
    ] {
        let sets = sets.into_iter().flat_map(|set| ["--set", set]);
        let line: Vec<&str> = ["config", "check"].into_iter().chain(sets).collect();
        let ended = run(&line);
        assert_eq!((ended.code, ended.stdout.as_str()), (78, ""), "{ended:?}");
        assert!(ended.stderr.contains(hint), "{ended:?}");
    }
}

#[test]
fn the_line_of_a_user_is_one_that_a_node_takes() {
    let folder = tempfile::tempdir().unwrap();
    let asked = quorate(&["config", "user", "alice"]);
    let ended = end(asked, "wonderland\nnot this\n");
    assert_eq!(ended.code, 0, "{ended:?}");
    let line = ended.stdout;
    assert!(line.starts_with("alice:") && line.ends_with('\n'), "{line}");
    let file = folder.path().join("users");
    fs::write(&file, &line).unwrap();
    let users = format!("auth.scram_users={}", file.display());
    assert_eq!(run(&["config", "check", "--set", &users]).code, 0);
    let ended = run(&["config", "user", "a:b"]);
    assert_eq!(ended.code, 64, "{ended:?}");
}

#[test]
fn every_problem_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("q.toml");
    fs::write(&file, "[node]\nnmae = \"core1@h\"\n").unwrap();
    let file = file.display().to_string();
    let line = ["config", "check", "-c", &file, "--set", "log.level=inof"];
    let ended = run(&line);
    assert_eq!((ended.code, ended.stdout.as_str()), (78, ""), "{ended:?}");
    let told = lines(&ended.stderr);
    let starts: Vec<_> = told
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(starts, ["error:", "hint:", "error:", "hint:"], "{ended:?}");
    assert!(
        told[0].contains("nmae") && told[0].contains(":2"),
        "{ended:?}"
    );
    assert!(told[1].contains("node.name"), "{ended:?}");
    assert!(told[2].contains("log.level"), "{ended:?}");
    assert!(told[3].contains("info"), "{ended:?}");
}

#[test]
fn a_warning_is_told_and_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("q.toml");
    fs::write(&file, format!("[node]\ncookie = \"{}\"\n", "5e".repeat(32))).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let file = file.display().to_string();
    let ended = run(&["config", "check", "-c", &file]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.stdout, "configuration ok\n");
    assert!(ended.stderr.starts_with("warning: "), "{ended:?}");
    assert!(!ended.stderr.contains("5e5e"), "{ended:?}");
}

#[test]
fn flags_win_over_the_environment() {
    let mut command = quorate(&["config", "show", "--origin"]);
    command.args(["--set", "node.name=core9@127.0.0.1", "--dir", "/d"]);
    command.env("QUORATE_NODE__NAME", "core1@127.0.0.1");
    command.env("QUORATE_NODE__ROLES", "core");
    let ended = end(command, "");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    for line in [
        "name = \"core9@127.0.0.1\"  # --set node.name",
        "roles = [\"core\"]  # env QUORATE_NODE__ROLES",
        "data_dir = \"/d\"  # --set node.data_dir",
    ] {
        assert!(lines(&ended.stdout).contains(&line), "{line}: {ended:?}");
    }
    let plain = run(&["config", "show"]);
    assert!(!plain.stdout.contains('#'), "{plain:?}");
}

#[test]
fn examples() {
    let single = run(&["config", "example"]);
    assert_eq!(single.code, 0, "{single:?}");
    for kind in ["core", "replicant", "single"] {
        let ended = run(&["config", "example", kind]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
        assert_eq!(ended.stdout == single.stdout, kind == "single");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("q.toml");
    fs::write(&file, single.stdout).unwrap();
    let file = file.display().to_string();
    let checked = run(&["config", "check", "-c", &file]);
    assert_eq!(checked.stdout, "configuration ok\n", "{checked:?}");
}
