//! Damaged and lost records give typed errors: never a panic, never a wrong
//! entry, never less than what was acknowledged.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::{Arc, OnceLock};

use common::{ChainMachine, Opened, entry, log_id, open_engine, payload};
use openraft::storage::{RaftLogStorage as _, RaftStateMachine as _};
use openraft::{RaftLogReader as _, RaftSnapshotBuilder as _, Vote};
use proptest::prelude::*;
use quorate_raft_store::{Engine, MemoryEngine, StoreError, Tree, Write};

/// Tree, key, value.
type Record = (Tree, Vec<u8>, Vec<u8>);

/// What happens to one record.
#[derive(Clone, Debug)]
enum Damage {
    Flip { at: usize, mask: u8 },
    Cut { at: usize },
    Grow { bytes: Vec<u8> },
    Replace { bytes: Vec<u8> },
}

fn damages() -> impl Strategy<Value = Damage> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        4 => (any::<usize>(), 1..=u8::MAX).prop_map(|(at, mask)| Damage::Flip { at, mask }),
        2 => any::<usize>().prop_map(|at| Damage::Cut { at }),
        1 => bytes().prop_map(|bytes| Damage::Grow { bytes }),
        2 => bytes().prop_map(|bytes| Damage::Replace { bytes }),
    ]
}

impl Damage {
    fn apply(&self, mut value: Vec<u8>) -> Vec<u8> {
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
        }
        value
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// Entries 3 to 11, all committed; a snapshot at 7; a vote of term 3.
fn healthy() -> &'static MemoryEngine {
    static ENGINE: OnceLock<MemoryEngine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let engine = Arc::new(MemoryEngine::new());
        runtime().block_on(async {
            let mut opened = open_engine(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
            let log = &mut opened.log;
            let entries = common::append(log, 1, 0..12).await;
            let applied = entries.into_iter().take(8);
            opened.states.apply(applied).await.unwrap();
            opened.machine.write().unwrap().ballast = 300_000;
            let mut builder = opened.states.get_snapshot_builder().await;
            builder.build_snapshot().await.unwrap();
            drop(builder);
            log.purge(log_id(1, 2)).await.unwrap();
            log.save_committed(Some(log_id(1, 11))).await.unwrap();
            // Everything before it is done when this is.
            log.save_vote(&Vote::new_committed(3, 7)).await.unwrap();
            opened.close();
            // A start removes what was purged and is still there: no damage to that matters.
            let shared = Arc::clone(&engine) as Arc<dyn Engine>;
            open_engine(shared).unwrap().close();
        });
        engine.after_crash()
    })
}

fn records(engine: &MemoryEngine) -> Vec<Record> {
    let mut records = Vec::new();
    for tree in Tree::ALL {
        let found = engine.range(tree, &[], &[0xff; 20], usize::MAX).unwrap();
        records.extend(found.into_iter().map(|(key, value)| (tree, key, value)));
    }
    records
}

/// What the store says of one changed record, at the start or when that record
/// is read; if it says nothing, everything has to be there.
fn error_after(change: Write) -> Option<StoreError> {
    let engine = Arc::new(healthy().after_crash());
    engine.write(vec![change]).unwrap();
    let before = records(&engine);
    let mut opened = match open_engine(Arc::clone(&engine) as Arc<dyn Engine>) {
        Ok(opened) => opened,
        Err(error) => {
            assert_eq!(records(&engine), before, "a refusal must change nothing");
            return Some(error);
        }
    };
    let error = runtime().block_on(async {
        if opened.log.try_get_log_entries(..).await.is_ok() {
            assert_everything_is_there(&mut opened).await;
            return None;
        }
        let error = opened.log.health().error();
        Some(error.expect("a failed read stops the node"))
    });
    opened.close();
    error
}

async fn assert_everything_is_there(opened: &mut Opened) {
    let log = &mut opened.log;
    let vote = log.read_vote().await.unwrap();
    assert_eq!(vote, Some(Vote::new_committed(3, 7)));
    let state = log.get_log_state().await.unwrap();
    assert_eq!(state.last_purged_log_id, Some(log_id(1, 2)));
    assert_eq!(state.last_log_id, Some(log_id(1, 11)));
    let entries = log.try_get_log_entries(..).await.unwrap();
    let expected: Vec<_> = (3..12).map(|index| entry(1, index)).collect();
    assert_eq!(entries, expected);
    let (applied, _) = opened.states.applied_state().await.unwrap();
    assert_eq!(applied, Some(log_id(1, 7)));
    let after_snapshot = entries.into_iter().skip(5);
    opened.states.apply(after_snapshot).await.unwrap();
    let mut machine = ChainMachine::default();
    for index in 0..12 {
        machine.step(index, &payload(index));
    }
    assert_eq!(*opened.machine.read().unwrap(), machine);
}

/// What the error calls the record.
fn place(tree: Tree, key: &[u8]) -> String {
    match tree {
        Tree::Meta => format!("the store's record `{}`", String::from_utf8_lossy(key)),
        Tree::Log => {
            let index = key.first_chunk().unwrap();
            format!("log entry {}", u64::from_be_bytes(*index))
        }
        Tree::Snapshot => "snapshot 1, chunk ".to_owned(),
    }
}

#[test]
fn every_lost_record_is_missed() {
    for (tree, key, _) in records(healthy()) {
        let name = format!("{tree}/{}", key.escape_ascii());
        // It says how far entries may be applied right away, which the group
        // will say again.
        let is_needed = key != b"committed";
        match error_after(Write::Remove { tree, key }) {
            None => assert!(!is_needed, "{name} was not missed"),
            Some(StoreError::Corrupt { .. }) => assert!(is_needed, "{name} was missed"),
            Some(other) => panic!("{name}: {other}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_damaged_record_is_named(which in any::<prop::sample::Index>(), damage in damages()) {
        let (tree, key, value) = which.get(&records(healthy())).clone();
        let damaged = damage.apply(value.clone());
        prop_assume!(damaged != value);
        let expected = place(tree, &key);
        let error = error_after(Write::Put { tree, key, value: damaged });
        let Some(StoreError::Corrupt { place, .. }) = error else {
            return Err(TestCaseError::fail(format!("{expected}: {error:?}")));
        };
        prop_assert!(place.starts_with(&expected), "{} is damaged, not {}", expected, place);
    }
}
