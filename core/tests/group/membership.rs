//! Cores that come, catch up, vote, and go.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_core::{MembershipError, MemoryNetwork, Role};
use quorate_model::event::EventKind;
use quorate_model::ids::{NodeId, Revision};
use quorate_raft_store::MemoryEngine;

use crate::support::*;

/// Snapshots after very little log, and hardly any tail.
fn eager(id: u64) -> quorate_core::CoreConfig {
    let mut config = config(id, 1);
    config.compaction.min_log_bytes = 16 * 1024;
    config.compaction.tail_entries = 2;
    config
}

/// The sets of voters in the membership log.
async fn voters_logged(core: &TestCore) -> Vec<BTreeSet<NodeId>> {
    let read = core.read(|state| {
        let events = state.events();
        let sets = events.filter_map(|(_, event)| match &event.what {
            EventKind::VotersChanged { voters } => Some(voters.iter().copied().collect()),
            _ => None,
        });
        sets.collect()
    });
    read.await.unwrap().value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_catches_up_by_snapshot_votes_and_leaves() {
    let network = MemoryNetwork::default();
    let mut cores = Vec::new();
    for id in 1..=4 {
        cores.push(start(eager(id), Arc::new(MemoryEngine::new()), &network).await);
    }
    form(&cores[0], &[1, 2, 3]).await;
    for number in 0..60 {
        let value = letters(1024, number);
        cores[number % 3]
            .propose(setting(&format!("key{number}"), &value))
            .await
            .unwrap();
    }
    let leading = leader(&cores).unwrap();
    until("the leader cut its log", || {
        (leading.metrics().purged > Some(Revision::new(10))).then_some(())
    })
    .await;

    let follower = cores
        .iter()
        .find(|core| core.metrics().role == Role::Follower)
        .unwrap();
    let refused = follower.add_learner(node(4)).await.unwrap_err();
    assert_eq!(
        refused,
        MembershipError::NotLeader {
            leader: Some(leading.node())
        }
    );
    let unknown = leading
        .change_voters(nodes(&[1, 2, 3, 4]))
        .await
        .unwrap_err();
    assert_eq!(unknown, MembershipError::UnknownNode { node: node(4) });

    leading.add_learner(node(4)).await.unwrap();
    leading.add_learner(node(4)).await.unwrap();
    assert_eq!(leading.metrics().learners, nodes(&[4]));
    let fresh = &cores[3];
    until("the learner installed the snapshot", || {
        fresh.metrics().snapshot
    })
    .await;
    assert_eq!(
        read_setting(fresh, "key59").await.map(|value| value.len()),
        Some(1024)
    );
    assert_eq!(digest(fresh).await, digest(&leading).await);

    // Promoted, it can take the place of another.
    leading.change_voters(nodes(&[1, 2, 3, 4])).await.unwrap();
    leading.change_voters(nodes(&[1, 2, 3, 4])).await.unwrap();
    let still = leading.remove(node(4)).await.unwrap_err();
    assert_eq!(still, MembershipError::StillVoter { node: node(4) });
    let leaver = (1..=3).find(|id| node(*id) != leading.node()).unwrap();
    let rest: Vec<u64> = (1..=4).filter(|id| *id != leaver).collect();
    leading.change_voters(nodes(&rest)).await.unwrap();
    leading.remove(node(leaver)).await.unwrap();
    leading.remove(node(leaver)).await.unwrap();
    let metrics = leading.metrics();
    assert_eq!(
        (metrics.voters, metrics.learners),
        (nodes(&rest), nodes(&[]))
    );
    // Once for each other set, whatever was asked twice and went by a joint one.
    let expected = [nodes(&[1, 2, 3, 4]), nodes(&rest)];
    for core in cores.iter().filter(|core| core.node() != node(leaver)) {
        assert_eq!(voters_logged(core).await, expected);
    }

    // Without the leaver and the leader, the new voter is part of the majority.
    let gone = cores
        .iter()
        .position(|core| core.node() == node(leaver))
        .unwrap();
    stop(cores.remove(gone), &network).await;
    cores.retain(|core| core.node() != leading.node());
    stop(leading, &network).await;
    cores[0]
        .propose(setting("with", "the new one"))
        .await
        .unwrap();
    for core in &cores {
        assert_eq!(
            read_setting(core, "with").await.as_deref(),
            Some("the new one")
        );
    }
    for core in cores {
        stop(core, &network).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_removes_itself_steps_down() {
    let network = MemoryNetwork::default();
    let mut cores = Vec::new();
    for id in 1..=3 {
        cores.push(start(eager(id), Arc::new(MemoryEngine::new()), &network).await);
    }
    form(&cores[0], &[1, 2, 3]).await;
    let leading = leader(&cores).unwrap();
    let rest: Vec<u64> = (1..=3).filter(|id| node(*id) != leading.node()).collect();
    // Without a vote it leads on, until it is removed for good. It may lose its
    // leadership before it sees the end of that.
    leading.change_voters(nodes(&rest)).await.unwrap();
    leading
        .propose(setting("k", "led by a learner"))
        .await
        .unwrap();
    match leading.remove(leading.node()).await {
        Ok(()) | Err(MembershipError::NotLeader { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    // Outside the group, it does not change it while it still seems to lead.
    let outside = leading.add_learner(leading.node()).await;
    let refused = matches!(outside, Err(MembershipError::NotLeader { .. }));
    assert!(refused, "{outside:?}");
    let others: Vec<_> = cores
        .iter()
        .filter(|core| core.node() != leading.node())
        .cloned()
        .collect();
    let next = until("another one leads", || leader(&others)).await;
    until("the removed one stepped down", || {
        (leading.metrics().role == Role::Learner).then_some(())
    })
    .await;
    assert_eq!(leading.metrics().leader, None);
    next.remove(leading.node()).await.unwrap();
    next.propose(setting("k", "v")).await.unwrap();
    assert_eq!(next.metrics().voters, nodes(&rest));
    for core in cores {
        stop(core, &network).await;
    }
}

/// A core that was away long enough for its log to be cut elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_that_was_away_is_sent_a_snapshot() {
    let network = MemoryNetwork::default();
    let mut cores = Vec::new();
    for id in 1..=3 {
        cores.push(start(eager(id), Arc::new(MemoryEngine::new()), &network).await);
    }
    form(&cores[0], &[1, 2, 3]).await;
    let away = cores
        .iter()
        .find(|core| core.metrics().role == Role::Follower)
        .unwrap()
        .clone();
    network.cut_off(away.node(), true);
    let leading = leader(&cores).unwrap();
    let behind = away.metrics().last_log;
    for number in 0..60 {
        let value = letters(1024, number);
        leading
            .propose(setting(&format!("key{number}"), &value))
            .await
            .unwrap();
    }
    until("the leader cut its log", || {
        (leading.metrics().purged > behind).then_some(())
    })
    .await;
    network.cut_off(away.node(), false);
    in_time("caught up", async {
        assert_eq!(
            read_setting(&away, "key59").await.map(|value| value.len()),
            Some(1024)
        );
    })
    .await;
    assert_eq!(digest(&away).await, digest(&leading).await);
    for core in cores {
        stop(core, &network).await;
    }
}
