//! The change of the certificate authority, while one of the cores is away.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod support;

use std::net::Ipv4Addr;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use support::cluster::Cluster;
use support::node::Node;
use support::refused::{NOT_ALLOWED, TRY_AGAIN, assert_refused};
use support::stranger::{ADMISSION, Stranger};
use support::wait::until;

const ROTATE: [&str; 2] = ["cluster", "rotate-ca"];
const FINISH: [&str; 3] = ["cluster", "rotate-ca", "--finish"];
/// Several times what a core takes to notice a new authority.
const WHILE: Duration = Duration::from_secs(4);

/// The serial of the authority that signed what the node shows to strangers.
fn authority_of(node: &Node) -> u32 {
    let target = (Ipv4Addr::LOCALHOST, node.transport_port).into();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let shown = runtime.block_on(async {
        let connection = Stranger::anonymous(&[ADMISSION]).connect(target).await;
        connection.unwrap().peer_identity().unwrap()
    });
    let chain = shown.downcast::<Vec<CertificateDer<'_>>>().unwrap();
    // In the name of the issuer: `Quorate CLUSTER CA SERIAL`.
    let text = String::from_utf8_lossy(&chain[0]).into_owned();
    let serial = text.split(" CA ").nth(1).unwrap().get(..8).unwrap();
    u32::from_str_radix(serial, 16).unwrap()
}

fn authorities(cluster: &Cluster) -> Vec<u32> {
    cluster.nodes.iter().map(authority_of).collect()
}

#[test]
fn it_waits_for_who_is_away() {
    let home = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::form(home.path(), 3);
    let ended = cluster.nodes[0].run(&FINISH);
    let error = ["there is one certificate authority"];
    assert_refused(&ended, NOT_ALLOWED, &error, "quorate cluster rotate-ca");
    let old_token = cluster.nodes[0].core_token();
    let away = cluster.follower();
    cluster.nodes[away].kill();
    let asked = (away + 1) % 3;

    let ended = cluster.nodes[asked].run(&ROTATE);
    assert_eq!(ended.code, 0, "{ended:?}");
    let ended = cluster.nodes[asked].run(&ROTATE);
    let error = ["two certificate authorities are trusted already"];
    assert_refused(&ended, NOT_ALLOWED, &error, "rotate-ca --finish");
    std::thread::sleep(WHILE);
    for node in cluster.others(away) {
        assert_eq!(authority_of(node), 1, "{} did not wait", node.name);
    }
    let ended = cluster.nodes[asked].run(&FINISH);
    let name = cluster.nodes[away].name.clone();
    let error = ["the old certificate authority is still needed by", &name];
    assert_refused(&ended, TRY_AGAIN, &error, "start those that are down");

    cluster.nodes[away].start();
    cluster.wait_whole();
    until("all have certificates of the new authority", || {
        let found = authorities(&cluster);
        (found == [2, 2, 2])
            .then_some(())
            .ok_or(format!("{found:?}"))
    });
    let finished = until("the rotation finishes", || {
        let ended = cluster.nodes[asked].run(&FINISH);
        (ended.code == 0)
            .then_some(ended.stdout)
            .ok_or(ended.stderr)
    });
    assert_eq!(
        finished,
        "only the new certificate authority is trusted now\n"
    );

    // All connections are made anew, with the new certificates alone.
    cluster.nodes.iter_mut().for_each(Node::kill);
    cluster.nodes.iter_mut().for_each(Node::start);
    cluster.wait_whole();
    assert_eq!(authorities(&cluster), [2, 2, 2]);
    let node = Node::alone(home.path(), "core4");
    let ended = node.join(&cluster.nodes[0].core_address(), &old_token);
    let error = ["does not belong to the cluster that the token names"];
    assert_refused(&ended, NOT_ALLOWED, &error, "use a token of the cluster");
    cluster.add(node);
    assert_eq!(authorities(&cluster), [2, 2, 2, 2]);
}
