//! openraft's own test suite for stores.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::{Arc, RwLock};

use common::{ChainMachine, TestLog, TestStates, TestTypes};
use openraft::StorageError;
use openraft::testing::{StoreBuilder, Suite};
use quorate_raft_store::{Engine, MemoryEngine, Offload, SledEngine, StoreConfig, open};
use tempfile::TempDir;

struct OnSled;
struct InMemory;

fn build(engine: Arc<dyn Engine>, config: StoreConfig) -> (TestLog, TestStates) {
    let machine = Arc::new(RwLock::new(ChainMachine::default()));
    let paced = config.offload == Offload::Inline;
    let (log, states, worker) = open::<TestTypes, _>(engine, machine, config).unwrap();
    if paced {
        tokio::spawn(worker.run_paced(tokio::task::yield_now));
    } else {
        worker.run_on_thread().unwrap();
    }
    (log, states)
}

impl StoreBuilder<TestTypes, TestLog, TestStates, TempDir> for OnSled {
    async fn build(&self) -> Result<(TempDir, TestLog, TestStates), StorageError<u64>> {
        let directory = tempfile::tempdir().unwrap();
        let engine = SledEngine::open(directory.path()).unwrap();
        let (log, states) = build(Arc::new(engine), StoreConfig::default());
        Ok((directory, log, states))
    }
}

impl StoreBuilder<TestTypes, TestLog, TestStates> for InMemory {
    async fn build(&self) -> Result<((), TestLog, TestStates), StorageError<u64>> {
        // No cache, so that every read goes to the engine.
        let config = StoreConfig {
            cache_bytes: 0,
            offload: Offload::Inline,
            ..StoreConfig::default()
        };
        let (log, states) = build(Arc::new(MemoryEngine::new()), config);
        Ok(((), log, states))
    }
}

#[test]
fn openraft_accepts_the_store_on_sled() {
    Suite::test_all(OnSled).unwrap();
}

#[test]
fn openraft_accepts_the_store_in_memory() {
    Suite::test_all(InMemory).unwrap();
}
