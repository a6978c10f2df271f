//! A core that starts again knows what it answered before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate_core::{MemoryNetwork, ReadError};
use quorate_raft_store::{Engine, MemoryEngine, Tree, Write};

use crate::support::{
    Meddler, config, form, leader, letters, node, read_setting, setting, start, start_over, stop,
    until,
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
    let mut engines: Vec<Arc<dyn Engine>> = Vec::new();
    let mut cores = Vec::new();
    for id in [1, 2, 3] {
        let engine = Arc::new(MemoryEngine::new());
        engines.push(engine.clone());
        cores.push(start(config(id, 1), engine, &network).await);
    }
    form(&cores[0], &[1, 2, 3]).await;
    let id = until("a leader", || leader(&cores)).await.node().get();
    let at = usize::try_from(id - 1).unwrap();
    let engine = engines.remove(at);
    let leading = cores.remove(at);
    // A commit is noted with the sync of the next entry.
    for value in ["older", "old"] {
        leading.propose(setting("key", value)).await.unwrap();
    }
    let note = Write::Put {
        tree: Tree::Meta,
        key: COMMITTED.to_vec(),
        value: engine.get(Tree::Meta, COMMITTED).unwrap().unwrap(),
    };
    let value = letters(LARGE, 1);
    leading.propose(setting("key", &value)).await.unwrap();
    stop(leading, &network).await;
    engine.write(vec![note]).unwrap();

    let are_lost = Arc::new(AtomicBool::new(true));
    let loses = Arc::clone(&are_lost);
    let link = Arc::new(Meddler {
        inner: network.link(node(id)),
        requests: Mutex::default(),
        loses_answer: Box::new(move |request| {
            loses.load(Ordering::Relaxed) && request.len() > LARGE
        }),
    });
    let core = start_over(config(id, 2), engine, &network, link).await;
    let soon = Duration::from_secs(1);
    let early = core
        .read_within(soon, |state| state.view().setting("key").map(str::to_owned))
        .await;
    match early {
        Err(ReadError::Timeout) => {}
        // Another core leads, if this machine was very slow.
        Ok(read) if read.value.as_ref() == Some(&value) => {}
        stale => panic!("it can't know yet, and says {stale:?}"),
    }
    are_lost.store(false, Ordering::Relaxed);
    assert_eq!(read_setting(&core, "key").await, Some(value));
    cores.push(core);
    for core in cores {
        stop(core, &network).await;
    }
}
