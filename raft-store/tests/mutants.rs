//! The planted bugs do what they say, so that the simulator can find them.
#![cfg(feature = "mutants")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::{Arc, RwLock};

use common::{ChainMachine, Opened, TestTypes, entry, log_id, open_configured, open_engine};
use openraft::storage::{RaftLogStorage as _, RaftLogStorageExt as _, RaftStateMachine as _};
use openraft::{RaftSnapshotBuilder as _, Vote};
use quorate_model::Mutant;
use quorate_raft_store::{Engine, MemoryEngine, Offload, StoreConfig, Tree, open};

fn config(mutant: Option<Mutant>) -> StoreConfig {
    StoreConfig {
        offload: Offload::Inline,
        mutant,
        ..StoreConfig::default()
    }
}

fn opened(engine: &Arc<MemoryEngine>, mutant: Option<Mutant>) -> Opened {
    open_configured(Arc::clone(engine) as Arc<dyn Engine>, config(mutant)).unwrap()
}

#[tokio::test]
async fn forget_vote_forgets_the_vote() {
    for (mutant, kept) in [(None, true), (Some(Mutant::ForgetVote), false)] {
        let engine = Arc::new(MemoryEngine::new());
        let mut store = opened(&engine, mutant);
        store.log.save_vote(&Vote::new(3, 1)).await.unwrap();
        assert_eq!(store.log.read_vote().await.unwrap(), Some(Vote::new(3, 1)));
        store.close();
        assert_eq!(engine.get(Tree::Meta, b"vote").unwrap().is_some(), kept);
    }
}

#[tokio::test]
async fn ack_before_sync_acknowledges_what_a_power_loss_takes() {
    for (mutant, kept) in [(None, true), (Some(Mutant::AckBeforeSync), false)] {
        let engine = Arc::new(MemoryEngine::new());
        let machine = Arc::new(RwLock::new(ChainMachine::default()));
        let shared = Arc::clone(&engine) as Arc<dyn Engine>;
        let (mut log, _states, worker) =
            open::<TestTypes, _>(shared, machine, config(mutant)).unwrap();
        // For the mutant, the sync never comes: as if the power went right then.
        let never = move || async move {
            if !kept {
                std::future::pending::<()>().await;
            }
        };
        tokio::spawn(worker.run_paced(never));
        log.blocking_append([entry(1, 0)]).await.unwrap();
        let after = engine.after_power_loss();
        assert_eq!(after.last(Tree::Log).unwrap().is_some(), kept);
    }
}

#[tokio::test]
async fn snapshot_off_by_one_is_refused_at_the_next_start() {
    for mutant in [None, Some(Mutant::SnapshotOffByOne)] {
        let engine = Arc::new(MemoryEngine::new());
        let mut store = opened(&engine, mutant);
        let entries = common::append(&mut store.log, 1, 0..10).await;
        store.states.apply(entries).await.unwrap();
        let built = store
            .states
            .get_snapshot_builder()
            .await
            .build_snapshot()
            .await
            .unwrap();
        assert_eq!(built.meta.last_log_id, Some(log_id(1, 9)));
        drop(built);
        store.close();
        match open_engine(engine) {
            Ok(again) => {
                assert_eq!((mutant, again.machine.read().unwrap().applied), (None, 10));
                again.close();
            }
            Err(error) => {
                assert!(mutant.is_some() && error.to_string().contains("ends elsewhere"));
            }
        }
    }
}
