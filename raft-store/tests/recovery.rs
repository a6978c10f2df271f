//! What a start makes of what the last life left behind.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use common::{Opened, entry, log_id, open_engine};
use openraft::storage::{RaftLogStorage as _, RaftLogStorageExt as _, RaftStateMachine as _};
use openraft::{RaftLogReader as _, RaftSnapshotBuilder as _, Vote};
use quorate_model::frame;
use quorate_model::frame::Format;
use quorate_raft_store::{Engine, MemoryEngine, StoreError, Tree, Write};

const END: [u8; 20] = [0xff; 20];

fn pairs(engine: &dyn Engine, tree: Tree) -> Vec<(Vec<u8>, Vec<u8>)> {
    engine.range(tree, &[], &END, usize::MAX).unwrap()
}

fn everything(engine: &dyn Engine) -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
    Tree::ALL
        .into_iter()
        .map(|tree| pairs(engine, tree))
        .collect()
}

fn put(engine: &dyn Engine, tree: Tree, key: impl Into<Vec<u8>>, value: Vec<u8>) {
    let key = key.into();
    engine.write(vec![Write::Put { tree, key, value }]).unwrap();
}

fn log_key(index: u64, part: u16) -> Vec<u8> {
    let mut key = Vec::from(index.to_be_bytes());
    key.extend_from_slice(&part.to_be_bytes());
    key
}

/// Entries 0 to 19 in terms 1 and 2, applied; a snapshot at 9 of which the log
/// is purged up to 4; a vote and a commit.
async fn filled(engine: &Arc<MemoryEngine>) -> Opened {
    let mut opened = open_engine(Arc::clone(engine) as Arc<dyn Engine>).unwrap();
    append(&mut opened, 1, 0..10).await;
    let mut builder = opened.states.get_snapshot_builder().await;
    builder.build_snapshot().await.unwrap();
    append(&mut opened, 2, 10..20).await;
    opened.log.purge(log_id(1, 4)).await.unwrap();
    opened
        .log
        .save_committed(Some(log_id(2, 15)))
        .await
        .unwrap();
    // Everything before it is done when this is.
    opened
        .log
        .save_vote(&Vote::new_committed(3, 7))
        .await
        .unwrap();
    opened
}

async fn append(opened: &mut Opened, term: u64, range: std::ops::Range<u64>) {
    let entries = common::append(&mut opened.log, term, range).await;
    opened.states.apply(entries).await.unwrap();
}

async fn filled_engine() -> Arc<MemoryEngine> {
    let engine = Arc::new(MemoryEngine::new());
    filled(&engine).await.close();
    engine
}

fn refusal(engine: MemoryEngine) -> StoreError {
    let before = everything(&engine);
    let engine = Arc::new(engine);
    let error = open_engine(Arc::clone(&engine) as Arc<dyn Engine>)
        .err()
        .expect("a refusal");
    assert_eq!(
        everything(engine.as_ref()),
        before,
        "a refusal must change nothing"
    );
    error
}

#[tokio::test]
async fn everything_is_there_after_a_power_loss() {
    let engine = Arc::new(MemoryEngine::new());
    let before = filled(&engine).await;
    let mut opened = open_engine(Arc::new(engine.after_power_loss())).unwrap();
    assert_eq!(
        opened.log.read_vote().await.unwrap(),
        Some(Vote::new_committed(3, 7))
    );
    assert_eq!(
        opened.log.read_committed().await.unwrap(),
        Some(log_id(2, 15))
    );
    let state = opened.log.get_log_state().await.unwrap();
    assert_eq!(state.last_purged_log_id, Some(log_id(1, 4)));
    assert_eq!(state.last_log_id, Some(log_id(2, 19)));
    let entries = opened.log.try_get_log_entries(..).await.unwrap();
    let expected: Vec<_> = (5..10)
        .map(|index| entry(1, index))
        .chain((10..20).map(|index| entry(2, index)))
        .collect();
    assert_eq!(entries, expected);
    assert_eq!(
        opened.states.applied_state().await.unwrap().0,
        Some(log_id(1, 9))
    );
    opened
        .states
        .apply(entries.into_iter().skip(5))
        .await
        .unwrap();
    assert_eq!(
        *opened.machine.read().unwrap(),
        *before.machine.read().unwrap()
    );
    opened.close();
    before.close();
}

#[tokio::test]
async fn leftovers_of_a_crash_are_removed() {
    let engine = filled_engine().await;
    let reopen = || {
        let shared = Arc::clone(&engine) as Arc<dyn Engine>;
        open_engine(shared).unwrap().close();
    };
    // Purged entries go in the background, which may have ended early.
    reopen();
    let clean = everything(engine.as_ref());
    for index in 0..=4 {
        put(engine.as_ref(), Tree::Log, log_key(index, 0), vec![1]);
        put(engine.as_ref(), Tree::Log, log_key(index, 1), vec![2]);
    }
    for sequence in [0_u64, 2, 99] {
        let mut key = Vec::from(sequence.to_be_bytes());
        key.extend_from_slice(&[0, 0, 0, 0, 0, 0]);
        put(engine.as_ref(), Tree::Snapshot, key, vec![3]);
    }
    // Of the entry that was being written, or removed.
    for part in [1, 2, 7] {
        put(engine.as_ref(), Tree::Log, log_key(20, part), vec![4]);
    }
    reopen();
    assert_eq!(everything(engine.as_ref()), clean);
    assert_eq!(
        everything(&engine.after_power_loss()),
        clean,
        "the removal is durable"
    );
}

/// The log of a deposed leader: of a later term than what the others committed,
/// and shorter. Returns the store after it installed their snapshot.
async fn outrun(engine: &Arc<MemoryEngine>) -> Opened {
    let others = Arc::new(MemoryEngine::new());
    let mut committed = open_engine(others as Arc<dyn Engine>).unwrap();
    append(&mut committed, 4, 0..11).await;
    let mut builder = committed.states.get_snapshot_builder().await;
    let snapshot = builder.build_snapshot().await.unwrap();
    let mut opened = open_engine(Arc::clone(engine) as Arc<dyn Engine>).unwrap();
    common::append(&mut opened.log, 5, 0..4).await;
    let installed = opened
        .states
        .install_snapshot(&snapshot.meta, snapshot.snapshot);
    installed.await.unwrap();
    opened
}

async fn assert_goes_on_after_the_snapshot(opened: &mut Opened) {
    let state = opened.log.get_log_state().await.unwrap();
    assert_eq!(state.last_purged_log_id, Some(log_id(4, 10)));
    assert_eq!(state.last_log_id, Some(log_id(4, 10)));
    append(opened, 6, 11..13).await;
    let entries = opened.log.try_get_log_entries(..).await.unwrap();
    let ids: Vec<_> = entries.iter().map(|entry| entry.log_id).collect();
    assert_eq!(ids, [log_id(6, 11), log_id(6, 12)]);
}

#[tokio::test]
async fn a_purge_replaces_a_shorter_log_of_a_later_term() {
    let engine = Arc::new(MemoryEngine::new());
    let mut opened = outrun(&engine).await;
    opened.log.purge(log_id(4, 10)).await.unwrap();
    assert_goes_on_after_the_snapshot(&mut opened).await;
    opened.close();
}

#[tokio::test]
async fn a_crash_before_the_purge_leaves_no_shorter_log_of_a_later_term() {
    let engine = Arc::new(MemoryEngine::new());
    outrun(&engine).await.close();
    let mut opened = open_engine(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
    assert_goes_on_after_the_snapshot(&mut opened).await;
    opened.close();
}

#[tokio::test]
async fn gaps_in_the_log_are_refused() {
    let engine = filled_engine().await;
    // The start of the log, its middle, and a part within the large entry 5.
    for key in [log_key(5, 0), log_key(12, 0), log_key(5, 1)] {
        let broken = engine.after_crash();
        remove(&broken, key);
        assert!(matches!(refusal(broken), StoreError::Corrupt { .. }));
    }
    // Half an entry where there can be none: the next one is whole, or it is not the next.
    for further in [
        vec![(20, 1), (21, 0)],
        vec![(20, 1), (21, 1)],
        vec![(21, 1)],
    ] {
        let broken = engine.after_crash();
        for (index, part) in further {
            put(&broken, Tree::Log, log_key(index, part), vec![4]);
        }
        assert!(matches!(refusal(broken), StoreError::Corrupt { .. }));
    }
}

/// Whatever batch is the last one that a crash leaves, of large entries that are written,
/// truncated and written again: the log is whole, and as long as it may be.
#[tokio::test]
async fn a_crash_between_any_two_batches_leaves_whole_entries() {
    let engine = Arc::new(MemoryEngine::new());
    engine.keep_moments();
    let mut opened = open_engine(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
    opened.log.save_vote(&Vote::new(3, 7)).await.unwrap();
    let large = |term, index| common::entry_with(term, index, vec![term as u8; 300_000]);
    let first = [large(1, 0), entry(1, 1), large(1, 2), large(1, 3)];
    opened.log.blocking_append(first.clone()).await.unwrap();
    opened.log.truncate(log_id(1, 2)).await.unwrap();
    let second = [large(2, 2), entry(2, 3)];
    opened.log.blocking_append(second.clone()).await.unwrap();
    opened.close();

    let mut lengths = Vec::new();
    for left in engine.moments() {
        let mut again = open_engine(Arc::new(left)).unwrap();
        let entries = again.log.try_get_log_entries(..).await.unwrap();
        for (index, found) in entries.iter().enumerate() {
            let written = second.iter().chain(&first);
            assert!(written.clone().any(|entry| entry == found), "entry {index}");
        }
        lengths.push(entries.len());
        append(&mut again, 3, entries.len() as u64..6).await;
        again.close();
    }
    lengths.dedup();
    assert_eq!(lengths, [0, 1, 2, 3, 4, 3, 2, 3, 4]);
}

/// No key tells how many parts an entry has.
#[tokio::test]
async fn a_last_part_that_is_missing_shows_when_the_entry_is_read() {
    let engine = Arc::new(MemoryEngine::new());
    let mut filled = filled(&engine).await;
    let large = common::entry_with(2, 20, vec![1; 200_000]);
    let entries = vec![large, entry(2, 21)];
    filled.log.blocking_append(entries).await.unwrap();
    filled.close();
    let is_there = |part: &u16| {
        engine
            .get(Tree::Log, &log_key(20, *part))
            .unwrap()
            .is_some()
    };
    let last = (0..).take_while(is_there).last().unwrap();
    assert!(last > 0, "entry 20 is in one part");
    let broken = engine.after_crash();
    remove(&broken, log_key(20, last));
    let mut opened = open_engine(Arc::new(broken)).unwrap();
    let error = opened.log.try_get_log_entries(..).await.unwrap_err();
    assert!(error.to_string().contains("corrupt"), "{error}");
    assert!(opened.log.health().error().is_some());
}

fn remove(engine: &MemoryEngine, key: Vec<u8>) {
    let tree = Tree::Log;
    assert!(engine.get(tree, &key).unwrap().is_some(), "{key:02x?}");
    engine.write(vec![Write::Remove { tree, key }]).unwrap();
}

/// Whole records whose numbers would overflow at the next step.
#[tokio::test]
async fn numbers_beyond_all_counting_are_refused() {
    let engine = filled_engine().await;
    for (key, format) in [("purged", *b"QPUR"), ("committed", *b"QCOM")] {
        let broken = engine.after_crash();
        let record = broken.get(Tree::Meta, key.as_bytes()).unwrap().unwrap();
        let format = Format::new(format, 1);
        let mut body = frame::open_raw(format, &record).unwrap().to_vec();
        // The index is one of the record's words; no word of it may be this.
        for at in (0..body.len() - 7).step_by(8) {
            body[at..at + 8].fill(0xff);
            put(&broken, Tree::Meta, key, frame::seal_raw(format, &body));
        }
        assert!(
            matches!(refusal(broken), StoreError::Corrupt { .. }),
            "{key}"
        );
    }
}

#[tokio::test]
async fn newer_formats_are_refused_and_nothing_is_deleted() {
    let engine = filled_engine().await;
    let records: [(&str, &[u8; 4]); 5] = [
        ("format", b"QSTO"),
        ("vote", b"QVOT"),
        ("committed", b"QCOM"),
        ("purged", b"QPUR"),
        ("snapshot", b"QSNM"),
    ];
    for (key, kind) in records {
        let newer = engine.after_crash();
        let sealed = frame::seal_raw(Format::new(*kind, 2), b"who knows");
        put(&newer, Tree::Meta, key, sealed);
        // Leftovers stay as well.
        put(&newer, Tree::Log, log_key(1, 0), vec![1]);
        let error = refusal(newer);
        assert!(
            matches!(&error, StoreError::NewerFormat { place, found: 2, known: 1 } if place.contains(key)),
            "{error}"
        );
        assert!(error.to_string().contains("nothing was changed"));
    }
    let newer = engine.after_crash();
    let sealed = frame::seal_raw(Format::new(*b"QLOG", 2), b"who knows");
    put(&newer, Tree::Log, log_key(19, 0), sealed);
    assert!(matches!(refusal(newer), StoreError::NewerFormat { .. }));
}

#[tokio::test]
async fn data_without_a_format_record_is_refused() {
    let engine = filled_engine().await.after_crash();
    let key = b"format".to_vec();
    let tree = Tree::Meta;
    engine.write(vec![Write::Remove { tree, key }]).unwrap();
    assert!(matches!(refusal(engine), StoreError::Corrupt { .. }));
}

#[tokio::test]
async fn a_log_purged_without_its_snapshot_is_refused() {
    let engine = filled_engine().await.after_crash();
    let key = b"snapshot".to_vec();
    let tree = Tree::Meta;
    engine.write(vec![Write::Remove { tree, key }]).unwrap();
    let error = refusal(engine);
    assert!(
        error.to_string().contains("purged up to Some(4)"),
        "{error}"
    );
}

#[tokio::test]
async fn the_commit_never_goes_back_and_never_beyond_the_log() {
    let engine = Arc::new(MemoryEngine::new());
    let mut opened = filled(&engine).await;
    opened.log.save_committed(Some(log_id(1, 8))).await.unwrap();
    opened.log.save_committed(None).await.unwrap();
    assert_eq!(
        opened.log.read_committed().await.unwrap(),
        Some(log_id(2, 15))
    );
    opened.close();
    let mut opened = open_engine(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
    assert_eq!(
        opened.log.read_committed().await.unwrap(),
        Some(log_id(2, 15))
    );
    opened
        .log
        .save_committed(Some(log_id(9, 99)))
        .await
        .unwrap();
    opened.close();
    let mut opened = open_engine(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
    assert_eq!(
        opened.log.read_committed().await.unwrap(),
        Some(log_id(2, 15)),
        "the log does not reach to 99"
    );
    opened.close();
}

#[tokio::test]
async fn a_log_that_ends_before_the_commit_is_refused() {
    let engine = filled_engine().await.after_crash();
    let tree = Tree::Log;
    let beyond_14 = engine
        .keys(tree, &log_key(15, 0), &[0xff; 16], 100)
        .unwrap();
    let removes = beyond_14.into_iter().map(|key| Write::Remove { tree, key });
    engine.write(removes.collect()).unwrap();
    let error = refusal(engine).to_string();
    assert!(
        error.contains("2-15 was committed, but the last one is 2-14"),
        "{error}"
    );
}

#[tokio::test]
async fn a_log_that_holds_another_entry_than_the_committed_is_refused() {
    let engine = filled_engine().await.after_crash();
    let other = Arc::new(MemoryEngine::new());
    let mut opened = open_engine(Arc::clone(&other) as Arc<dyn Engine>).unwrap();
    common::append(&mut opened.log, 1, 0..16).await;
    opened.close();
    let uncommitted = other.get(Tree::Log, &log_key(15, 0)).unwrap().unwrap();
    put(&engine, Tree::Log, log_key(15, 0), uncommitted);
    let error = refusal(engine).to_string();
    assert!(error.contains("but the log holds 1-15"), "{error}");
}

#[tokio::test]
async fn a_vote_older_than_the_log_is_refused() {
    let engine = filled_engine().await;
    let older = Arc::new(MemoryEngine::new());
    let mut opened = open_engine(Arc::clone(&older) as Arc<dyn Engine>).unwrap();
    opened.log.save_vote(&Vote::new(1, 7)).await.unwrap();
    opened.close();
    let vote = older.get(Tree::Meta, b"vote").unwrap().unwrap();
    put(engine.as_ref(), Tree::Meta, "vote", vote);
    let error = refusal(engine.after_crash()).to_string();
    assert!(error.contains("it is of term 1"), "{error}");
}

#[tokio::test]
async fn truncation_removes_the_tail_for_good() {
    let engine = Arc::new(MemoryEngine::new());
    let mut opened = filled(&engine).await;
    opened.log.truncate(log_id(2, 17)).await.unwrap();
    let state = opened.log.get_log_state().await.unwrap();
    assert_eq!(state.last_log_id, Some(log_id(2, 16)));
    assert!(
        opened
            .log
            .try_get_log_entries(17..)
            .await
            .unwrap()
            .is_empty()
    );
    append(&mut opened, 4, 17..18).await;
    let mut again = open_engine(Arc::new(engine.after_power_loss())).unwrap();
    let entries = again.log.try_get_log_entries(16..).await.unwrap();
    assert_eq!(entries, [entry(2, 16), entry(4, 17)]);
    again.close();
    opened.close();
}
