//! A core that starts again knows what it answered before.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate_core::{MemoryNetwork, ReadError};
use quorate_raft_store::{Engine, MemoryEngine, Tree, Write};
use support::{
    Meddler, config, form, leader, read_setting, setting, start, start_over, stop, until,
};

/// The value, and with it every append of its entry, is larger than this.
const LARGE: usize = 4 * 1024;
/// Under which the store notes how far the log is committed.
const COMMITTED: &[u8] = b"committed";

/// A leader that starts again leads on, without an entry of its own that would
/// tell it what is committed, and what its disk tells may be old. Here it tells of
/// the entry before the last, and no follower can say that it has the last.
#[tokio::test]
async fn a_leader_that_starts_again_reads_what_it_acknowledged() {
    let network = MemoryNetwork::default();
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::new());
    let mut cores = vec![start(config(1, 1), Arc::clone(&engine), &network).await];
    for id in [2, 3] {
        let engine = Arc::new(MemoryEngine::new());
        cores.push(start(config(id, 1), engine, &network).await);
    }
    form(&cores[0], &[1, 2, 3]).await;
    until("node 1 leads", || {
        leader(&cores).filter(|core| core.node().get() == 1)
    })
    .await;
    // A commit is noted with the sync of the next entry.
    for value in ["older", "old"] {
        cores[0].propose(setting("key", value)).await.unwrap();
    }
    let value = "x".repeat(LARGE);
    let noted = engine.get(Tree::Meta, COMMITTED).unwrap().unwrap();
    cores[0].propose(setting("key", &value)).await.unwrap();
    stop(cores.remove(0), &network).await;
    let (tree, key) = (Tree::Meta, COMMITTED.to_vec());
    let note = Write::Put {
        tree,
        key,
        value: noted,
    };
    engine.write(vec![note]).unwrap();

    let are_lost = Arc::new(AtomicBool::new(true));
    let loses = Arc::clone(&are_lost);
    let link = Arc::new(Meddler {
        inner: network.link(support::node(1)),
        requests: Mutex::default(),
        loses_answer: Box::new(move |request| {
            loses.load(Ordering::Relaxed) && request.len() > LARGE
        }),
    });
    let core = start_over(config(1, 2), engine, &network, link).await;
    let soon = Duration::from_secs(1);
    let early = core
        .read_within(soon, |state| state.view().setting("key").map(str::to_owned))
        .await;
    assert!(
        matches!(&early, Err(ReadError::Timeout)),
        "it can't know yet, and says {early:?}"
    );
    are_lost.store(false, Ordering::Relaxed);
    assert_eq!(read_setting(&core, "key").await, Some(value));
    cores.push(core);
    for core in cores {
        stop(core, &network).await;
    }
}
