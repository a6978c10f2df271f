//! Three cores: they agree, survive a leader, and come back from their disks.

use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};

use quorate_core::MemoryNetwork;
use quorate_model::command::Command;
use quorate_model::limits::MAX_RETAINED_PAYLOAD_BYTES;
use quorate_model::reply::Reply;
use quorate_model::retained::{Message, QoS, RetainedBound};
use quorate_model::topic_filter::TopicFilter;
use quorate_model::topic_name::TopicName;
use quorate_raft_store::{Engine, MemoryEngine, SledEngine};

use crate::support::*;

fn sled(dir: &Path, id: u64) -> Arc<dyn Engine> {
    Arc::new(SledEngine::open(&dir.join(id.to_string())).unwrap())
}

async fn start_three(network: &MemoryNetwork) -> Vec<TestCore> {
    let mut cores = Vec::new();
    for id in 1..=3 {
        cores.push(start(config(id, 1), Arc::new(MemoryEngine::new()), network).await);
    }
    cores
}

/// On a node that proposes and leads, the state and whoever proposed hold the same text.
#[tokio::test]
async fn the_leader_does_not_copy_what_it_proposes() {
    let network = MemoryNetwork::default();
    let cores = start_three(&network).await;
    form(&cores[0], &[1, 2, 3]).await;
    let leader = leader(&cores).unwrap();
    let filter = TopicFilter::new("a/long/filter/that/is/nowhere/else").unwrap();
    let add_route = Command::AddRoute {
        filter: filter.clone(),
    };
    leader.propose(add_route).await.unwrap();
    for core in &cores {
        let held = core.read(|state| {
            let (_, held, _) = state.view().routes().next().unwrap();
            held.clone()
        });
        let held = held.await.unwrap().value;
        assert_eq!(held, filter);
        let is_same = std::ptr::eq(held.as_str(), filter.as_str());
        assert_eq!(is_same, core.node() == leader.node(), "{}", core.node());
    }
    for core in cores {
        stop(core, &network).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agrees_on_sled_loses_the_leader_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let network = MemoryNetwork::default();
    let mut cores = Vec::new();
    for id in 1..=3 {
        cores.push(start(config(id, 1), sled(dir.path(), id), &network).await);
    }
    form(&cores[0], &[1, 2, 3]).await;

    // Each node's write is seen by a linearizable read on every node.
    for core in &cores {
        let value = core.node().to_string();
        let committed = core.propose(setting("who", &value)).await.unwrap();
        assert_eq!(committed.reply, Reply::Done);
        for reader in &cores {
            assert_eq!(read_setting(reader, "who").await.as_deref(), Some(&*value));
        }
    }

    // The leader goes; the others go on.
    let leader = leader(&cores).unwrap();
    let gone = leader.node();
    cores.retain(|core| core.node() != gone);
    stop(leader, &network).await;
    for core in &cores {
        core.propose(setting("after", &core.node().to_string()))
            .await
            .unwrap();
    }
    let last = cores.last().unwrap().node().to_string();
    assert_eq!(read_setting(&cores[0], "after").await, Some(last.clone()));
    for core in cores.drain(..) {
        stop(core, &network).await;
    }

    // All come back from their disks, under new incarnations.
    for id in 1..=3 {
        cores.push(start(config(id, 2), sled(dir.path(), id), &network).await);
    }
    for core in &cores {
        assert_eq!(read_setting(core, "after").await, Some(last.clone()));
        core.propose(member_up(2)).await.unwrap();
        core.propose(setting("again", "yes")).await.unwrap();
    }
    let expected = digest(&cores[0]).await;
    for core in &cores {
        assert_eq!(digest(core).await, expected);
    }
    for core in cores {
        stop(core, &network).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_share_entries() {
    let network = MemoryNetwork::default();
    let cores = start_three(&network).await;
    form(&cores[0], &[1, 2, 3]).await;
    let mut callers = Vec::new();
    for number in 0..300_usize {
        let core = cores[number % 3].clone();
        callers.push(tokio::spawn(async move {
            core.propose(claim(&format!("client{number}")))
                .await
                .unwrap()
        }));
    }
    for caller in callers {
        let committed = caller.await.unwrap();
        let Reply::Claimed { epoch } = committed.reply else {
            panic!("{committed:?}");
        };
        assert_eq!(epoch.revision(), committed.revision);
    }
    let count = cores[1].read(|state| state.owner_count()).await.unwrap();
    assert_eq!(count.value, 300);
    let entries: u64 = cores
        .iter()
        .map(|core| core.metrics().proposals.entries)
        .sum();
    assert!(entries < 150, "{entries} entries for 301 commands");
    let many = cores[2]
        .propose_many(vec![setting("a", "1"), setting("b", "2")])
        .await
        .unwrap();
    assert_eq!(many.replies, [Reply::Done, Reply::Done]);
    for core in cores {
        stop(core, &network).await;
    }
}

/// The leader applies a request, its answers are lost, and the retries must
/// neither apply it again nor answer anything else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retried_request_is_applied_once() {
    let network = MemoryNetwork::default();
    let lost = Arc::new(AtomicU32::new(0));
    let is_lossy = Arc::new(Mutex::new(false));
    let mut cores = Vec::new();
    for id in 1..=3 {
        let (lost, is_lossy) = (Arc::clone(&lost), Arc::clone(&is_lossy));
        let link = Meddler {
            inner: network.link(node(id)),
            requests: Mutex::default(),
            // The encoded request inside tells a proposal from all else.
            loses_answer: Box::new(move |request| {
                let is_proposal = request.windows(4).any(|bytes| bytes == b"QREQ");
                is_proposal && *is_lossy.lock().unwrap() && lost.fetch_add(1, SeqCst) < 3
            }),
        };
        let engine = Arc::new(MemoryEngine::new());
        cores.push(start_over(config(id, 1), engine, &network, Arc::new(link)).await);
    }
    form(&cores[0], &[1, 2, 3]).await;
    *is_lossy.lock().unwrap() = true;
    let leader = leader(&cores).unwrap().node();
    let follower = cores.iter().find(|core| core.node() != leader).unwrap();
    let committed = follower.propose(claim("once")).await.unwrap();
    assert!(lost.load(SeqCst) >= 3, "the test lost no answer");
    assert!(
        matches!(committed.reply, Reply::Claimed { .. }),
        "{committed:?}"
    );
    assert!(follower.metrics().proposals.retries >= 3);
    for core in cores {
        stop(core, &network).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_only_once() {
    let network = MemoryNetwork::default();
    let cores = start_three(&network).await;
    let refused = cores[0].form(nodes(&[2, 3])).await.unwrap_err();
    assert_eq!(
        refused,
        quorate_core::FormError::NotAMember { node: node(1) }
    );
    form(&cores[0], &[1, 2, 3]).await;
    let refused = cores[0].form(nodes(&[1, 2, 3])).await.unwrap_err();
    assert_eq!(refused, quorate_core::FormError::AlreadyFormed);
    for core in cores {
        stop(core, &network).await;
    }
}

/// Entries of megabytes get through, and many of them in more than one message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_entries_are_carried_in_pieces() {
    let network = MemoryNetwork::default();
    let mut cores = Vec::new();
    for id in 1..=3 {
        let mut config = config(id, 1);
        config.limits.append_bytes = 1024 * 1024;
        config.compaction.min_log_bytes = u64::MAX;
        config.compaction.min_log_entries = u64::MAX;
        cores.push(start(config, Arc::new(MemoryEngine::new()), &network).await);
    }
    form(&cores[0], &[1, 2, 3]).await;
    let retain = |number: usize, size: usize| Command::Retain {
        topic: TopicName::new(format!("topic/{number}")).unwrap(),
        message: Message {
            qos: QoS::AtLeastOnce,
            payload: vec![7; size],
            properties: Vec::new(),
            expires: None,
        },
        within: RetainedBound::NONE,
    };
    let largest = MAX_RETAINED_PAYLOAD_BYTES;
    let committed = cores[2].propose(retain(0, largest)).await.unwrap();
    assert_eq!(committed.reply, Reply::Done);

    let leading = leader(&cores).unwrap();
    let away = cores
        .iter()
        .find(|core| core.node() != leading.node())
        .unwrap();
    network.cut_off(away.node(), true);
    for number in 1..40 {
        leading.propose(retain(number, 100 * 1024)).await.unwrap();
    }
    network.cut_off(away.node(), false);
    let topic = TopicName::new("topic/39").unwrap();
    let read = away.read(|state| state.view().retained(&topic).map(|it| it.message.bytes()));
    assert_eq!(
        in_time("caught up", read).await.unwrap().value,
        Some(100 * 1024)
    );
    assert_eq!(digest(away).await, digest(&leading).await);
    for core in cores {
        stop(core, &network).await;
    }
}
