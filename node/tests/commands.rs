//! The binary against a scripted node.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use common::scripted_node::status;
use common::{Served, finished, step};
use quorate_admin::api::{ClusterStatus, Code, HistoryEvent, Phase, Problem, WorkKind};
use tokio::task::spawn_blocking;

#[tokio::test]
async fn status_as_a_table_and_as_json() {
    let served = Served::start().await;
    let table = served.run(&["cluster", "status"]).await;
    let expected = "\
CLUSTER quorate (6f1c…)   QUORUM 2/2   LEADER core1@127.0.0.1
NODE             ROLES  STATE     REVISION  LAG  CLIENTS  VERSION
core1@127.0.0.1  core   leader          42    0        -  0.1.0
core2@127.0.0.1  core   follower        42    0        -  0.1.0
";
    assert_eq!((table.code, table.stderr.as_str()), (0, ""), "{table:?}");
    assert_eq!(table.stdout, expected);
    let json = served.run(&["cluster", "status", "--json"]).await;
    let parsed: ClusterStatus = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(parsed, status());
    served.stop().await;
}

#[tokio::test]
async fn colour_only_where_it_is_asked_for() {
    let served = Served::start().await;
    let line = ["cluster", "status", "--color"];
    for (choice, coloured) in [("auto", false), ("always", true), ("never", false)] {
        let arguments: Vec<_> = line.into_iter().chain([choice]).collect();
        let ended = served.run(&arguments).await;
        assert_eq!(ended.stdout.contains('\u{1b}'), coloured, "{ended:?}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_stale_status_is_no_failure_but_said() {
    let served = Served::start().await;
    {
        let mut script = served.node.script.lock().unwrap();
        script.status.stale = true;
        script.status.quorum.alive = 1;
    }
    let ended = served.run(&["cluster", "status"]).await;
    assert_eq!(ended.code, 0);
    assert!(
        ended.stdout.lines().next().unwrap().ends_with("STALE"),
        "{ended:?}"
    );
    assert!(
        ended.stderr.starts_with("warning: no quorum answers"),
        "{ended:?}"
    );
    served.stop().await;
}

#[tokio::test]
async fn a_node_in_no_cluster_says_what_to_type() {
    let served = Served::start().await;
    {
        let mut script = served.node.script.lock().unwrap();
        script.status.nodes.clear();
        script.status.this_node.phase = Phase::Idle;
    }
    let ended = served.run(&["cluster", "status"]).await;
    assert!(ended.stdout.contains("quorate node init"), "{ended:?}");
    served.stop().await;
}

#[tokio::test]
async fn joining_prints_a_line_a_step() {
    let served = Served::start().await;
    served.node.script.lock().unwrap().work = [
        step("learner", Some(0)),
        step("learner", Some(1_200)),
        step("voter", None),
        finished("core2@127.0.0.1 is a core of quorate", None),
    ]
    .into();
    let line = [
        "node",
        "join",
        "--core",
        "core1@127.0.0.1:4370",
        "--token",
        "-",
        "--wipe",
    ];
    let ended = served.run_with(&line, "hush\n", |_| ()).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    assert_eq!(
        ended.stdout,
        "learner\nvoter\ncore2@127.0.0.1 is a core of quorate\n"
    );
    assert_eq!(
        served.changes(),
        ["join core1@127.0.0.1:4370 Some(\"hush\") true"]
    );
    served.stop().await;
}

#[tokio::test]
async fn the_token_may_come_from_the_environment() {
    let served = Served::start().await;
    served.node.script.lock().unwrap().work = [finished("joined", None)].into();
    let line = ["node", "join", "--core", "core1@127.0.0.1"];
    let adapt = |command: &mut std::process::Command| {
        command.env("QUORATE_TOKEN", "hush");
    };
    let ended = served.run_with(&line, "", adapt).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, "joined\n"),
        "{ended:?}"
    );
    assert_eq!(
        served.changes(),
        ["join core1@127.0.0.1 Some(\"hush\") false"]
    );
    served.stop().await;
}

#[tokio::test]
async fn each_problem_is_an_exit_code() {
    let served = Served::start().await;
    for code in Code::ALL {
        let problem = Problem::new(code, "it can't\nbe done").with_hint("do that first");
        let expected = "error: it can't be done\nhint: do that first\n";
        // Refused at once, and failing later.
        served.node.script.lock().unwrap().problem = Some(problem.clone());
        let refused = served.run(&["node", "leave"]).await;
        assert_eq!(refused.code, i32::from(code.exit_code()), "{refused:?}");
        assert_eq!(refused.stderr, expected);
        {
            let mut script = served.node.script.lock().unwrap();
            script.problem = None;
            script.work = [finished("failed", Some(problem))].into();
        }
        let failed = served.run(&["node", "leave"]).await;
        assert_eq!(failed.code, i32::from(code.exit_code()), "{failed:?}");
        assert_eq!(
            (failed.stdout.as_str(), failed.stderr.as_str()),
            ("", expected)
        );
    }
    served.stop().await;
}

#[tokio::test]
async fn work_that_is_forgotten_does_not_hang() {
    let served = Served::start().await;
    let ended = served.run(&["node", "leave"]).await;
    assert_eq!(ended.code, 75, "{ended:?}");
    assert!(ended.stderr.contains("was it restarted?"), "{ended:?}");
    served.stop().await;
}

#[tokio::test]
async fn a_join_that_is_given_up_elsewhere_has_not_succeeded() {
    let served = Served::start().await;
    let mut given_up = finished("gave up joining", None);
    given_up.kind = WorkKind::Leave;
    served.node.script.lock().unwrap().work = [step("asking", None), given_up].into();
    let line = ["node", "join", "--core", "core1@127.0.0.1"];
    let ended = served.run(&line).await;
    assert_eq!(ended.code, 75, "{ended:?}");
    assert!(ended.stderr.contains("the join was given up"), "{ended:?}");
    let ended = served.run(&["node", "leave"]).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, "gave up joining\n"),
        "{ended:?}"
    );
    served.stop().await;
}

#[tokio::test]
async fn ctrl_c_leaves_the_work_to_the_node() {
    let served = Served::start().await;
    served.node.script.lock().unwrap().work = [step("learner", Some(1))].into();
    let mut command = served.command(&["node", "leave"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (code, stderr) = spawn_blocking(move || {
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "learner\n");
        let pid = child.id().to_string();
        let kill = std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status();
        assert!(kill.unwrap().success());
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        (child.wait().unwrap().code(), stderr)
    })
    .await
    .unwrap();
    assert_eq!(code, Some(75), "{stderr}");
    assert!(
        stderr.starts_with("note: the leave goes on in the node"),
        "{stderr}"
    );
    served.stop().await;
}

#[tokio::test]
async fn tokens() {
    let served = Served::start().await;
    let created = served
        .run(&["token", "create", "--role", "core", "--ttl", "30m"])
        .await;
    assert_eq!(
        (created.code, created.stdout.as_str()),
        (0, "hush\n"),
        "{created:?}"
    );
    assert!(
        created.stderr.contains("2030-01-01T00:00:00Z"),
        "{created:?}"
    );
    assert!(!created.stderr.contains("hush"), "{created:?}");
    let json = served
        .run(&["token", "create", "--role", "replicant", "--json"])
        .await;
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&json["token"], &json["role"]),
        (&"hush".into(), &"replicant".into())
    );
    let listed = served.run(&["token", "list"]).await;
    assert!(listed.stdout.starts_with("no tokens"), "{listed:?}");
    let listed = served.run(&["token", "list", "--json"]).await;
    assert_eq!(listed.stdout, "[]\n");
    let revoked = served.run(&["token", "revoke", "t1"]).await;
    assert_eq!(revoked.stdout, "token t1 is revoked\n");
    let changes = ["create_token 1800", "create_token 86400", "revoke_token t1"];
    assert_eq!(served.changes(), changes);
    served.stop().await;
}

#[tokio::test]
async fn membership_by_others() {
    let served = Served::start().await;
    for (line, stdout) in [
        (
            "node init",
            "core1@127.0.0.1 formed the cluster quorate (6f1c…)\n",
        ),
        (
            "cluster force-leave core2@h",
            "core2@h is removed from the cluster\n",
        ),
        (
            "cluster rotate-ca",
            "both certificate authorities are trusted, and the nodes renew their certificates\n",
        ),
        (
            "cluster rotate-ca --finish",
            "only the new certificate authority is trusted now\n",
        ),
    ] {
        let ended = served.run(&line.split(' ').collect::<Vec<_>>()).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (0, stdout),
            "{ended:?}"
        );
    }
    let changes = [
        "init",
        "force_leave core2@h",
        "rotate_authority",
        "finish_rotation",
    ];
    assert_eq!(served.changes(), changes);
    served.stop().await;
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let served = Served::start().await;
    let event = HistoryEvent {
        revision: 1,
        time: "2030-01-01T00:00:00Z".to_owned(),
        what: "x".repeat(1_000),
        by: None,
    };
    served.node.script.lock().unwrap().history = vec![event; 1_000];
    let mut command = served.command(&["cluster", "history", "--limit", "1000"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (code, stderr) = spawn_blocking(move || {
        // As `head -1` does. A megabyte does not fit into the pipe.
        let mut first = [0_u8; 8];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        (child.wait().unwrap().code(), stderr)
    })
    .await
    .unwrap();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    served.stop().await;
}

#[tokio::test]
async fn watching_prints_a_block_a_change() {
    let served = Served::start().await;
    let mut command = served.command(&["cluster", "status", "--watch"]);
    command.stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let (first, rest) = spawn_blocking(move || {
        let mut text = String::new();
        for _ in 0..4 {
            stdout.read_line(&mut text).unwrap();
        }
        (text, stdout)
    })
    .await
    .unwrap();
    assert!(
        first.starts_with("CLUSTER quorate") && first.contains("leader"),
        "{first}"
    );
    // Unchanged for longer than a period, then changed.
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    served.node.script.lock().unwrap().status.leader = None;
    let second = spawn_blocking(move || {
        let lines = rest.lines().take(2).map(Result::unwrap);
        lines.collect::<Vec<_>>()
    });
    let second = second.await.unwrap();
    assert_eq!(
        second,
        ["", "CLUSTER quorate (6f1c…)   QUORUM 2/2   LEADER -"]
    );
    child.kill().unwrap();
    child.wait().unwrap();
    served.stop().await;
}
