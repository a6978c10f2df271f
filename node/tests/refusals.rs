//! What a node refuses, in which words, and with which exit code.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod support;

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use common::{end, quorate};
use quorate_admin::api::TokenRole;
use support::cluster::Cluster;
use support::node::Node;
use support::ports::free_port;
use support::refused::{
    CONFIGURATION, NOT_ALLOWED, TRY_AGAIN, UNAVAILABLE, USAGE, assert_alone, assert_refused,
};
use support::replicant::Replicant;
use support::wait::until;
use tempfile::TempDir;

/// For a refusal that somebody waits for.
const SOON: Duration = Duration::from_secs(30);

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn joining_without_a_core() {
    let home = home();
    let node = Node::alone(home.path(), "core1");
    let ended = node.run(&["node", "join"]);
    let hint = "quorate node join --core NAME@HOST[:PORT]";
    assert_refused(&ended, USAGE, &["--core"], hint);
    assert_alone(&node);
}

#[test]
fn a_replicant_without_discovery() {
    let home = home();
    let mut node = Node::new(home.path(), "rep1");
    node.sets = vec!["node.roles=replicant".to_owned()];
    let ended = node.start_in_vain();
    let error = ["cluster.discovery_strategy", "`manual` is for cores alone"];
    assert_refused(
        &ended,
        CONFIGURATION,
        &error,
        "set cluster.discovery_strategy",
    );
    assert!(!node.dir.exists(), "{}", node.dir.display());
}

#[test]
fn joining_towards_nobody() {
    let home = home();
    let host = Node::alone(home.path(), "core1");
    let token = host.core_token();
    let node = Node::alone(home.path(), "core2");
    let silent = free_port();
    for (core, tried) in [
        (
            format!("core9@127.0.0.1:{silent}"),
            format!("127.0.0.1:{silent}"),
        ),
        (
            "core9@no-such-host.invalid".to_owned(),
            "no-such-host.invalid:4370".to_owned(),
        ),
    ] {
        let start = Instant::now();
        let ended = node.join(&core, &token);
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        assert_refused(&ended, UNAVAILABLE, &[&tried], "");
        assert_alone(&node);
    }
    // The token is not used up by that.
    let ended = node.join(&host.core_address(), &token);
    assert_eq!(ended.code, 0, "{ended:?}");
}

#[test]
fn joining_towards_a_replicant() {
    let home = home();
    let replicant = Replicant::start();
    let node = Node::alone(home.path(), "core2");
    let ended = node.join(&replicant.core_address, &replicant.token);
    let address = replicant.core_address.replace("rep1@", "");
    let error = format!("{address} is a replicant; name a core");
    assert_refused(
        &ended,
        NOT_ALLOWED,
        &[&error],
        "name a core of that cluster",
    );
    assert_alone(&node);
}

/// It would wait for itself.
#[test]
fn joining_towards_itself() {
    let home = home();
    let node = Node::alone(home.path(), "core1");
    let other = Node::alone(home.path(), "core2");
    let core = node.core_address();
    let elsewhere = core.replace("127.0.0.1:", "localhost:");
    let own_token = node.core_token();
    for (core, token) in [
        (&core, other.core_token()),
        (&core, own_token.clone()),
        (&elsewhere, own_token),
    ] {
        let ended = node.run(&["node", "join", "--core", core, "--token", &token, "--wipe"]);
        let hint = "name a core of the cluster that this node is to join";
        assert_refused(&ended, USAGE, &["leads to this node itself"], hint);
        assert_alone(&node);
    }
}

#[test]
fn a_token_of_a_core_works_once() {
    let home = home();
    let host = Node::alone(home.path(), "core1");
    let token = host.core_token();
    let first = Node::alone(home.path(), "core2");
    let ended = first.join(&host.core_address(), &token);
    assert_eq!(ended.code, 0, "{ended:?}");
    let second = Node::alone(home.path(), "core3");
    let ended = second.join(&host.core_address(), &token);
    let hint = "quorate token create --role core";
    assert_refused(&ended, NOT_ALLOWED, &["works once"], hint);
    assert_alone(&second);
}

#[test]
fn an_expired_token() {
    let home = home();
    let host = Node::alone(home.path(), "core1");
    let token = host.token(TokenRole::Core, 1);
    let node = Node::alone(home.path(), "core2");
    std::thread::sleep(Duration::from_millis(1_500));
    let ended = node.join(&host.core_address(), &token);
    let hint = "quorate token create --role core";
    assert_refused(&ended, NOT_ALLOWED, &["the token expired at 20"], hint);
    assert_alone(&node);
}

#[test]
fn a_token_for_another_role() {
    let home = home();
    let host = Node::alone(home.path(), "core1");
    let token = host.token(TokenRole::Replicant, 600);
    let node = Node::alone(home.path(), "core2");
    let ended = node.join(&host.core_address(), &token);
    let error = ["the token is for the role replicant"];
    let hint = "quorate token create --role core";
    assert_refused(&ended, NOT_ALLOWED, &error, hint);
    assert_alone(&node);
}

#[test]
fn a_token_of_another_cluster() {
    let home = home();
    let host = Node::alone(home.path(), "core1");
    let other = Node::alone(home.path(), "other1");
    let token = other.core_token();
    let node = Node::alone(home.path(), "core2");
    let ended = node.join(&host.core_address(), &token);
    let core = host.core_address().replace("core1@", "");
    assert_refused(
        &ended,
        NOT_ALLOWED,
        &[&core, "does not belong to the cluster that the token names"],
        "use a token of the cluster",
    );
    assert_alone(&node);
}

#[test]
fn a_revoked_token() {
    let home = home();
    let host = Node::alone(home.path(), "core1");
    let token = host.core_token();
    let id = host.token_ids().unwrap().remove(0);
    assert_eq!(host.run(&["token", "revoke", &id]).code, 0);
    let node = Node::alone(home.path(), "core2");
    let ended = node.join(&host.core_address(), &token);
    let hint = "quorate token create --role core";
    assert_refused(&ended, NOT_ALLOWED, &["no such token"], hint);
    assert_alone(&node);
}

#[test]
fn what_is_no_token() {
    let home = home();
    let host = Node::alone(home.path(), "core1");
    let node = Node::alone(home.path(), "core2");
    let mut cut = host.core_token();
    cut.truncate(cut.len() / 2);
    for token in ["garbage", &cut] {
        let ended = node.join(&host.core_address(), token);
        let hint = "quorate token create --role core";
        assert_refused(&ended, USAGE, &["token"], hint);
        assert!(!ended.stderr.contains(token), "{ended:?}");
    }
    assert_alone(&node);
}

#[test]
fn joining_without_a_token() {
    let home = home();
    let host = Node::alone(home.path(), "core1");
    let node = Node::alone(home.path(), "core2");
    let ended = node.run(&["node", "join", "--core", &host.core_address()]);
    let hint = "quorate token create --role core";
    assert_refused(&ended, USAGE, &["a token is needed"], hint);
    assert_alone(&node);
}

#[test]
fn joining_a_cluster_that_cannot_decide_says_so_and_goes_on() {
    let home = home();
    let mut cluster = Cluster::form(home.path(), 2);
    let token = cluster.nodes[0].core_token();
    let node = Node::alone(home.path(), "core3");
    cluster.nodes[1].kill();
    let core = cluster.nodes[0].core_address();
    let join = |arguments: &[&str]| {
        let mut join = quorate(&["node", "join"]);
        join.args(arguments).arg("--dir").arg(&node.dir);
        std::thread::spawn(move || end(join, ""))
    };
    let joining = join(&["--core", &core, "--token", &token]);
    let obstacle = "the cluster cannot decide now";
    until("the node says what it waits for", || {
        let detail = node.status()?.this_node.detail.unwrap_or_default();
        detail.contains(obstacle).then_some(()).ok_or(detail)
    });
    // One that cannot be reached is no reason to give the other up.
    let silent = format!("core9@127.0.0.1:{}", free_port());
    let also = join(&["--core", &silent]);
    until("the node has asked there too", || {
        let detail = node.status()?.this_node.detail.unwrap_or_default();
        let says = detail.contains("nobody answered");
        says.then_some(()).ok_or(detail)
    });
    assert!(!joining.is_finished());
    cluster.nodes[1].start();
    for joining in [joining, also] {
        let ended = joining.join().unwrap();
        assert_eq!(ended.code, 0, "{ended:?}");
        // Whichever of the two reasons it saw.
        let says = "asking to be let in: 127.0.0.1:";
        assert!(ended.stdout.contains(says), "{ended:?}");
    }
    cluster.nodes.push(node);
    cluster.wait_whole();
}

/// Nobody has its secret, so somebody may want to revoke it.
#[test]
fn a_token_that_nobody_confirmed_is_named() {
    let home = home();
    let mut cluster = Cluster::form(home.path(), 2);
    let (away, leader) = (cluster.follower(), cluster.leader());
    cluster.nodes[away].kill();
    let ended = cluster.nodes[leader].run(&["token", "create", "--role", "core"]);
    let error = ["the cluster may have made the token"];
    assert_refused(&ended, TRY_AGAIN, &error, "quorate token revoke");
    let (_, id) = ended.stderr.split_once("the token ").unwrap();
    let id = id.split(',').next().unwrap();
    cluster.nodes[away].start();
    cluster.wait_whole();
    let revoked = cluster.nodes[leader].run(&["token", "revoke", id]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
}

#[test]
fn data_are_cleared_only_when_that_is_asked_for() {
    let home = home();
    let host = Node::alone(home.path(), "core1");
    let node = Node::alone(home.path(), "core2");
    node.token(TokenRole::Replicant, 600);
    let token = host.core_token();
    let ended = node.join(&host.core_address(), &token);
    assert_refused(&ended, NOT_ALLOWED, &["data of its own"], "--wipe");
    assert_alone(&node);
    assert_eq!(node.token_ids().unwrap().len(), 1);
    let line = [
        "node",
        "join",
        "--core",
        &host.core_address(),
        "--token",
        &token,
        "--wipe",
    ];
    let ended = node.run(&line);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(node.status().unwrap().nodes.len(), 2);
}

#[test]
fn joining_while_in_a_cluster_with_others() {
    let home = home();
    let cluster = Cluster::form(home.path(), 2);
    let host = Node::alone(home.path(), "other1");
    let token = host.core_token();
    for node in &cluster.nodes {
        let ended = node.join(&host.core_address(), &token);
        let error = ["must leave first"];
        assert_refused(&ended, NOT_ALLOWED, &error, "quorate node leave");
        assert_eq!(node.status().unwrap().nodes.len(), 2);
    }
}

#[test]
fn a_name_that_is_taken() {
    let home = home();
    let host = Node::alone(home.path(), "core1");
    let token = host.core_token();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut node = Node::alone(elsewhere.path(), "core1");
    let ended = node.join(&host.core_address(), &token);
    let error = ["the name core1@127.0.0.1 belongs to node"];
    assert_refused(&ended, NOT_ALLOWED, &error, "force-leave core1@127.0.0.1");
    assert_alone(&node);
    assert!(node.terminate().success());
}

#[test]
fn a_second_node_on_the_same_data() {
    let home = home();
    let first = Node::alone(home.path(), "core1");
    let mut second = Node::new(home.path(), "core1");
    second.name.clone_from(&first.name);
    let ended = second.start_in_vain();
    let dir = first.dir.display().to_string();
    assert_refused(
        &ended,
        TRY_AGAIN,
        &["another node runs", &dir],
        "node.data_dir",
    );
    assert_alone(&first);
}

#[test]
fn leaving_that_would_lose_the_quorum() {
    let home = home();
    let mut cluster = Cluster::form(home.path(), 3);
    let at = cluster.follower();
    cluster.nodes[at].kill();
    let other = (at + 1) % 3;
    let ended = cluster.nodes[other].run(&["node", "leave"]);
    let error = ["1 of 2 cores would answer and 2 are needed"];
    assert_refused(&ended, NOT_ALLOWED, &error, "");
    let status = cluster.nodes[other].status().unwrap();
    assert_eq!(status.nodes.len(), 3, "{status:?}");
    cluster.nodes[at].start();
    cluster.wait_whole();
}

#[test]
fn a_node_that_answers_is_not_forced_out() {
    let home = home();
    let cluster = Cluster::form(home.path(), 2);
    let name = &cluster.nodes[1].name;
    let ended = cluster.nodes[0].run(&["cluster", "force-leave", name]);
    let error = ["the node answers; ask it to leave instead"];
    let hint = "on that node: quorate node leave";
    assert_refused(&ended, NOT_ALLOWED, &error, hint);
    let ended = cluster.nodes[0].run(&["cluster", "force-leave", "core9@h"]);
    assert_refused(&ended, USAGE, &["core9@h"], "quorate cluster status");
}

#[test]
fn the_last_core_does_not_leave() {
    let home = home();
    let node = Node::alone(home.path(), "core1");
    let ended = node.run(&["node", "leave"]);
    let error = ["it is the last core"];
    assert_refused(&ended, NOT_ALLOWED, &error, "join another core first");
    assert_alone(&node);
}

#[test]
fn a_name_does_not_change() {
    let home = home();
    let mut node = Node::alone(home.path(), "core1");
    assert!(node.terminate().success());
    node.name = "core7@127.0.0.1".to_owned();
    let ended = node.start_in_vain();
    let error = ["core1@127.0.0.1", "core7@127.0.0.1"];
    assert_refused(
        &ended,
        CONFIGURATION,
        &error,
        "set node.name back to core1@127.0.0.1",
    );
    node.name = "core1@127.0.0.1".to_owned();
    node.start();
    node.wait_settled();
}

#[test]
fn a_busy_port() {
    let home = home();
    let node = Node::new(home.path(), "core1");
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, node.transport_port)).unwrap();
    let address = udp.local_addr().unwrap().to_string();
    let ended = node.start_in_vain();
    let error = [address.as_str(), "in use"];
    assert_refused(&ended, UNAVAILABLE, &error, "transport.bind");
    drop(udp);

    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, node.admin_port)).unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let ended = node.start_in_vain();
    let error = [address.as_str(), "in use"];
    assert_refused(&ended, UNAVAILABLE, &error, "admin.bind");
}

#[test]
fn a_directory_that_cannot_be() {
    let home = home();
    let mut node = Node::new(home.path(), "core1");
    // A file stands in the way, which stops the superuser too.
    std::fs::write(&node.dir, "").unwrap();
    node.dir = node.dir.join("data");
    let ended = node.start_in_vain();
    let dir = node.dir.display().to_string();
    assert_refused(&ended, CONFIGURATION, &[&dir], "node.data_dir");
}
