use quorate_admin::api::{Quorum, ThisNode};

use super::*;

const PLAIN: Palette = Palette { enabled: false };

fn node(name: &str, role: &str, state: NodeState, revision: Option<u64>) -> NodeStatus {
    NodeStatus {
        name: name.to_owned(),
        id: "1".to_owned(),
        roles: vec![role.to_owned()],
        state,
        revision,
        lag: revision.map(|revision| 16_726 - revision),
        clients: (role == "replicant").then_some(12),
        version: "0.1.0".to_owned(),
        address: "127.0.0.1:4370".to_owned(),
    }
}

fn healthy() -> ClusterStatus {
    ClusterStatus {
        cluster_name: "quorate".to_owned(),
        cluster_id: Some("6f1c0a2b".to_owned()),
        leader: Some("core1@127.0.0.1".to_owned()),
        term: 3,
        quorum: Quorum {
            alive: 2,
            voters: 2,
            needed: 2,
        },
        stale: false,
        nodes: vec![
            node("core1@127.0.0.1", "core", NodeState::Leader, Some(16_726)),
            node("core2@127.0.0.1", "core", NodeState::Follower, Some(16_726)),
            node(
                "rep1@127.0.0.1",
                "replicant",
                NodeState::CatchingUp,
                Some(15_910),
            ),
        ],
        this_node: ThisNode {
            name: "core1@127.0.0.1".to_owned(),
            id: "1".to_owned(),
            phase: Phase::Member,
            detail: None,
        },
    }
}

fn alone(phase: Phase, detail: Option<&str>) -> ClusterStatus {
    let mut status = healthy();
    status.nodes.clear();
    status.this_node.phase = phase;
    status.this_node.detail = detail.map(str::to_owned);
    status
}

#[test]
fn a_healthy_cluster() {
    let expected = "\
CLUSTER quorate (6f1c…)   QUORUM 2/2   LEADER core1@127.0.0.1
NODE             ROLES      STATE        REVISION  LAG  CLIENTS  VERSION
core1@127.0.0.1  core       leader          16726    0        -  0.1.0
core2@127.0.0.1  core       follower        16726    0        -  0.1.0
rep1@127.0.0.1   replicant  catching up     15910  816       12  0.1.0
";
    assert_eq!(render(&healthy(), PLAIN), expected);
    assert_eq!(what_is_missing(&healthy()), None);
}

#[test]
fn without_a_quorum() {
    let mut status = healthy();
    status.stale = true;
    status.leader = None;
    status.quorum.alive = 1;
    status.nodes[0].state = NodeState::Down;
    status.nodes[0].revision = None;
    status.nodes[2].state = NodeState::Down;
    let text = render(&status, PLAIN);
    let header = text.lines().next().unwrap();
    assert_eq!(
        header,
        "CLUSTER quorate (6f1c…)   QUORUM 1/2   LEADER -   STALE"
    );
    assert!(
        text.contains("core1@127.0.0.1  core       down             -"),
        "{text}"
    );
    assert_eq!(
        what_is_missing(&status).unwrap(),
        "no quorum answers, so this is what the node saw last: 1 of 2 cores answer, and 2 must; \
         down: core1@127.0.0.1"
    );
}

#[test]
fn outside_of_a_cluster() {
    let idle = render(&alone(Phase::Idle, None), PLAIN);
    assert!(
        idle.starts_with("core1@127.0.0.1 is in no cluster\n"),
        "{idle}"
    );
    assert!(
        idle.contains("quorate node join --core NAME@HOST"),
        "{idle}"
    );

    let joining = render(&alone(Phase::Joining, Some("learner")), PLAIN);
    assert_eq!(joining, "core1@127.0.0.1 is joining a cluster: learner\n");

    let removed = render(&alone(Phase::Removed, None), PLAIN);
    assert!(removed.contains("in no cluster any more"), "{removed}");
}

#[test]
fn colour_where_it_says_something() {
    let painted = render(&healthy(), Palette { enabled: true });
    assert!(painted.contains("\u{1b}[32m2/2\u{1b}[0m"), "{painted:?}");
    assert!(
        painted.contains("\u{1b}[33mcatching up\u{1b}[0m"),
        "{painted:?}"
    );
}
