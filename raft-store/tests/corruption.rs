//! Damaged records give typed errors: never a panic, never a wrong entry.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::{Arc, OnceLock};

use common::{entry, log_id, open_engine};
use openraft::storage::{RaftLogStorage as _, RaftLogStorageExt as _, RaftStateMachine as _};
use openraft::{RaftLogReader as _, RaftSnapshotBuilder as _, Vote};
use proptest::prelude::*;
use quorate_raft_store::{Engine, MemoryEngine, Tree, Write};

/// What happens to one record.
#[derive(Clone, Debug)]
enum Damage {
    Flip { at: usize, mask: u8 },
    Cut { at: usize },
    Grow { bytes: Vec<u8> },
    Replace { bytes: Vec<u8> },
    Lose,
}

fn damages() -> impl Strategy<Value = Damage> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        4 => (any::<usize>(), 1..=u8::MAX).prop_map(|(at, mask)| Damage::Flip { at, mask }),
        2 => any::<usize>().prop_map(|at| Damage::Cut { at }),
        1 => bytes().prop_map(|bytes| Damage::Grow { bytes }),
        2 => bytes().prop_map(|bytes| Damage::Replace { bytes }),
        1 => Just(Damage::Lose),
    ]
}

impl Damage {
    fn apply(&self, mut value: Vec<u8>) -> Option<Vec<u8>> {
        let length = value.len().max(1);
        match self {
            Self::Flip { at, mask } => {
                if let Some(byte) = value.get_mut(at % length) {
                    *byte ^= mask;
                }
            }
            Self::Cut { at } => value.truncate(at % length),
            Self::Grow { bytes } => value.extend_from_slice(bytes),
            Self::Replace { bytes } => value.clone_from(bytes),
            Self::Lose => return None,
        }
        Some(value)
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

fn healthy() -> &'static MemoryEngine {
    static ENGINE: OnceLock<MemoryEngine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let engine = Arc::new(MemoryEngine::new());
        runtime().block_on(async {
            let mut opened = open_engine(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
            opened
                .log
                .save_vote(&Vote::new_committed(2, 7))
                .await
                .unwrap();
            let entries: Vec<_> = (0..12).map(|index| entry(1, index)).collect();
            opened.log.blocking_append(entries.clone()).await.unwrap();
            opened.states.apply(entries).await.unwrap();
            opened.machine.write().unwrap().ballast = 300_000;
            let mut builder = opened.states.get_snapshot_builder().await;
            builder.build_snapshot().await.unwrap();
            drop(builder);
            opened.log.purge(log_id(1, 2)).await.unwrap();
            opened
                .log
                .save_committed(Some(log_id(1, 11)))
                .await
                .unwrap();
            opened
                .log
                .save_vote(&Vote::new_committed(3, 7))
                .await
                .unwrap();
            opened.close();
        });
        engine.after_crash()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_records_are_typed_errors(which in any::<usize>(), damage in damages()) {
        let engine = healthy().after_crash();
        let mut records = Vec::new();
        for tree in Tree::ALL {
            let found = engine.range(tree, &[], &[0xff; 20], usize::MAX).unwrap();
            records.extend(found.into_iter().map(|(key, value)| (tree, key, value)));
        }
        let (tree, key, value) = records.swap_remove(which % records.len());
        let damaged = damage.apply(value.clone());
        let unchanged = damaged.as_ref() == Some(&value);
        let change = match damaged {
            Some(value) => Write::Put { tree, key, value },
            None => Write::Remove { tree, key },
        };
        engine.write(vec![change]).unwrap();
        let Ok(mut opened) = open_engine(Arc::new(engine)) else {
            prop_assert!(!unchanged);
            return Ok(());
        };
        // Records that may be lost without a trace: a whole vote or commit,
        // and the purge mark. Everything else that opens must be right.
        let entries = runtime().block_on(opened.log.try_get_log_entries(..));
        if let Ok(entries) = entries {
            for entry in entries {
                prop_assert_eq!(&entry, &common::entry(1, entry.log_id.index));
            }
        } else {
            prop_assert!(opened.log.health().error().is_some());
        }
        opened.close();
    }
}
