//! A process that dies at any step of a join or a leave, and comes back, has
//! joined or has not, has left or has not: nothing is half done.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod support;

use common::{end, quorate};
use quorate_admin::api::{NodeState, Phase};
use support::cluster::Cluster;
use support::node::Node;
use support::wait::until;

/// Two nodes: one alone, one that joins it. Whichever is told to dies on the way.
fn join_with_a_crash(of_joiner: bool, point: &'static str) {
    let home = tempfile::tempdir().unwrap();
    let mut target = Node::alone(home.path(), "core1");
    let mut joiner = Node::alone(home.path(), "core2");
    let victim = if of_joiner { &mut joiner } else { &mut target };
    victim.terminate();
    victim.crash_at = Some(point);
    victim.start();
    victim.wait_settled();
    let token = target.core_token();
    let mut join = quorate(&["node", "join", "--core", &target.core_address()]);
    join.arg("--token").arg(token).arg("--dir").arg(&joiner.dir);
    // It asks until it is answered, by whichever process runs then.
    let asked = std::thread::spawn(move || end(join, ""));
    let victim = if of_joiner { &mut joiner } else { &mut target };
    victim.wait_dead();
    victim.crash_at = None;
    victim.start();
    asked.join().unwrap();
    let mut cluster = Cluster {
        nodes: vec![target, joiner],
        targets: Default::default(),
    };
    let status = cluster.wait_whole();
    assert_eq!(status.nodes.len(), 2, "{point}: {status:?}");
    assert_eq!(status.quorum.voters, 2, "{point}: {status:?}");
}

/// Of three nodes the leader leaves, or another; whoever comes to the point dies.
fn leave_with_a_crash(of_leader: bool, point: &'static str) {
    let home = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::form(home.path(), 3);
    // All of them: who leads after the restart is open.
    for node in &mut cluster.nodes {
        node.crash_at = Some(point);
    }
    for node in &mut cluster.nodes {
        node.terminate();
    }
    for node in &mut cluster.nodes {
        node.start();
    }
    cluster.wait_whole();
    let leaving = if of_leader {
        cluster.leader()
    } else {
        cluster.follower()
    };
    let leaver_name = cluster.nodes[leaving].name.clone();
    cluster.nodes[leaving].run(&["node", "leave"]);
    until("somebody dies at the crash point", || {
        let dead = cluster
            .nodes
            .iter_mut()
            .find_map(|node| (!node.is_running()).then_some(()));
        dead.ok_or_else(|| String::from("all run"))
    });
    for node in &mut cluster.nodes {
        node.crash_at = None;
        if !node.is_running() {
            node.wait_dead();
            node.start();
        } else {
            node.terminate();
            node.start();
        }
    }
    until("everybody agrees on who is in", || {
        let mut said = Vec::new();
        for node in &cluster.nodes {
            let status = node.status()?;
            if node.name == leaver_name && status.this_node.phase != Phase::Member {
                match status.this_node.phase {
                    Phase::Removed => continue,
                    phase => return Err(format!("{} is {phase:?}", node.name)),
                }
            }
            let down = status.nodes.iter().any(|node| {
                matches!(
                    node.state,
                    NodeState::Down | NodeState::Learner | NodeState::Candidate
                )
            });
            if status.stale || down || status.leader.is_none() {
                return Err(format!("{status:?}"));
            }
            if status.nodes.len() != status.quorum.voters as usize {
                return Err(format!("{status:?}"));
            }
            said.push(status.nodes.len());
        }
        // Either all three are in it, or the two that did not leave.
        let is_agreed = said == [3, 3, 3] || said == [2, 2];
        is_agreed.then_some(()).ok_or(format!("{said:?}"))
    });
}

#[test]
fn the_joiner_dies() {
    for point in [
        "JoinIntended",
        "JoinAdmitted",
        "JoinStoreMade",
        "JoinSwitched",
        "JoinAnnounced",
        "JoinVoting",
    ] {
        join_with_a_crash(true, point);
    }
}

#[test]
fn the_core_that_was_asked_dies() {
    for point in ["AdmitProposing", "AdmitCommitted", "TierChanged"] {
        join_with_a_crash(false, point);
    }
}

#[test]
fn the_leaver_dies() {
    for point in ["LeaveHandedOver", "LeaveRemoved"] {
        leave_with_a_crash(true, point);
    }
}

#[test]
fn the_leader_dies_while_another_leaves() {
    for point in ["LeaveMarked", "TierChanged"] {
        leave_with_a_crash(false, point);
    }
}
