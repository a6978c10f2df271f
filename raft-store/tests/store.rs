//! The store at work: what is acknowledged when, snapshots, errors.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use common::{ChainMachine, Opened, TestTypes, entry, entry_with, log_id, open_engine};
use openraft::storage::{RaftLogStorage as _, RaftLogStorageExt as _, RaftStateMachine as _};
use openraft::{RaftLogReader as _, RaftSnapshotBuilder as _, SnapshotMeta, Vote};
use quorate_raft_store::{
    Engine, MemoryEngine, Offload, SledEngine, SnapshotFile, StoreConfig, StoreError, Tree, open,
};

async fn append(opened: &mut Opened, range: std::ops::Range<u64>) {
    let entries = common::append(&mut opened.log, 1, range).await;
    opened.states.apply(entries).await.unwrap();
}

async fn snapshot(opened: &mut Opened) -> openraft::Snapshot<TestTypes> {
    opened
        .states
        .get_snapshot_builder()
        .await
        .build_snapshot()
        .await
        .unwrap()
}

/// Polled often enough that a job which can be done is done.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn nothing_is_acknowledged_before_the_sync() {
    let engine = Arc::new(MemoryEngine::new());
    let machine = Arc::new(RwLock::new(ChainMachine::default()));
    let config = StoreConfig {
        offload: Offload::Inline,
        ..StoreConfig::default()
    };
    let shared = Arc::clone(&engine) as Arc<dyn Engine>;
    let (mut log, _states, worker) = open::<TestTypes, _>(shared, machine, config).unwrap();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let paced = Arc::clone(&gate);
    tokio::spawn(worker.run_paced(move || {
        let gate = Arc::clone(&paced);
        async move { gate.acquire().await.unwrap().forget() }
    }));
    let mut reader = log.get_log_reader().await;
    let acknowledged = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&acknowledged);
    let writing = tokio::spawn(async move {
        log.save_vote(&Vote::new(5, 1)).await.unwrap();
        log.blocking_append([entry(5, 0)]).await.unwrap();
        seen.store(true, Ordering::SeqCst);
        log
    });
    settle().await;
    let engine_after = engine.after_power_loss();
    assert!(engine_after.get(Tree::Meta, b"vote").unwrap().is_none());
    gate.add_permits(1);
    settle().await;
    let engine_after = engine.after_power_loss();
    assert!(
        engine_after.get(Tree::Meta, b"vote").unwrap().is_some(),
        "vote, then entry"
    );
    assert_eq!(
        reader.try_get_log_entries(..).await.unwrap(),
        [entry(5, 0)],
        "read at once"
    );
    assert!(!acknowledged.load(Ordering::SeqCst));
    gate.add_permits(1);
    let mut log = writing.await.unwrap();
    assert!(engine.after_power_loss().last(Tree::Log).unwrap().is_some());
    assert_eq!(log.read_vote().await.unwrap(), Some(Vote::new(5, 1)));
}

#[tokio::test]
async fn what_replication_reads_at_once_is_bounded() {
    const LIMIT_BYTES: usize = 4 << 20;
    const ENTRY_BYTES: usize = 300_000;
    // From the disk, from both, and from memory.
    for cache_bytes in [0, 3 * LIMIT_BYTES, 64 << 20] {
        let config = StoreConfig {
            cache_bytes,
            ..StoreConfig::default()
        };
        let engine = Arc::new(MemoryEngine::new());
        let mut opened = common::open_configured(engine, config).unwrap();
        let mut sizes = [ENTRY_BYTES; 30];
        sizes[29] = 2 * LIMIT_BYTES;
        let entries: Vec<_> = (0..30)
            .zip(sizes)
            .map(|(index, size)| entry_with(1, index, vec![index as u8; size]))
            .collect();
        opened.log.blocking_append(entries.clone()).await.unwrap();
        for from in 0..30 {
            let fit = LIMIT_BYTES / ENTRY_BYTES;
            // The last one exceeds the limit by itself.
            let end = (from + fit).min(29).max(from + 1);
            let found = opened.log.limited_get_log_entries(from as u64, 30).await;
            assert_eq!(found.unwrap(), entries[from..end], "from {from}");
        }
        opened.close();
    }
}

#[tokio::test]
async fn entries_of_eight_megabytes_and_old_ones_are_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Arc::new(SledEngine::open(directory.path()).unwrap());
    let config = StoreConfig {
        cache_bytes: 1 << 20,
        ..StoreConfig::default()
    };
    let shared = Arc::clone(&engine) as Arc<dyn Engine>;
    let mut opened = common::open_configured(shared, config).unwrap();
    let large = |index: u64| entry_with(1, index, vec![index as u8; 8 << 20]);
    let mut entries: Vec<_> = (0..4).map(large).collect();
    entries.extend((4..400).map(|index| entry(1, index)));
    for entry in &entries {
        opened.log.blocking_append([entry.clone()]).await.unwrap();
    }
    assert_eq!(opened.log.try_get_log_entries(..).await.unwrap(), entries);
    assert_eq!(
        opened.log.try_get_log_entries(2..6).await.unwrap(),
        entries[2..6]
    );
    let limited = opened.log.limited_get_log_entries(0, 400).await.unwrap();
    assert_eq!(
        limited.len(),
        1,
        "at least one, then no more than a few megabytes"
    );
    assert!(
        opened
            .log
            .limited_get_log_entries(4, 400)
            .await
            .unwrap()
            .len()
            > 10
    );
    assert_eq!(engine.blob_count().unwrap(), 0);
    opened.close();
}

/// sled writes what exceeds a quarter of a segment to files of its own, which
/// it never syncs. Values of the store never get there, however they come.
#[tokio::test]
async fn sled_never_writes_files_of_their_own_for_our_values() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Arc::new(SledEngine::open(directory.path()).unwrap());
    let mut opened = open_engine(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
    opened.machine.write().unwrap().ballast = 4_000_000;
    let mut random = common::Random(41);
    let mut next = 0;
    for round in 0..60 {
        let sizes = [
            8_190,
            8 << 10,
            8_200,
            64 << 10,
            131_000,
            700_000,
            3_000_000,
            10,
        ];
        let entries: Vec<_> = (next..next + 1 + random.below(20))
            .map(|index| {
                let size = sizes[random.below(sizes.len() as u64) as usize];
                entry_with(1, index, vec![index as u8; size])
            })
            .collect();
        next += entries.len() as u64;
        opened.log.blocking_append(entries.clone()).await.unwrap();
        opened.states.apply(entries).await.unwrap();
        if round % 7 == 3 {
            opened.log.truncate(log_id(1, next - 1)).await.unwrap();
            next -= 1;
            // Applied already, but the machine of this test does not mind.
        }
        if round % 10 == 9 {
            append_more_and_purge(&mut opened, &mut next).await;
        }
        assert_eq!(engine.blob_count().unwrap(), 0, "round {round}");
    }
    opened.close();
}

async fn append_more_and_purge(opened: &mut Opened, next: &mut u64) {
    let entries = [entry(1, *next)];
    opened.log.blocking_append(entries.clone()).await.unwrap();
    opened.states.apply(entries).await.unwrap();
    *next += 1;
    snapshot(opened).await;
    opened.log.purge(log_id(1, *next - 3)).await.unwrap();
}

#[tokio::test]
async fn a_purge_waits_for_the_snapshot_that_holds_what_it_removes() {
    let engine = Arc::new(MemoryEngine::new());
    let mut leader = open_engine(Arc::new(MemoryEngine::new())).unwrap();
    append(&mut leader, 0..50).await;
    let sent = snapshot(&mut leader).await;

    let mut opened = open_engine(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
    append(&mut opened, 0..10).await;
    // openraft purges before the snapshot that it installs is stored.
    opened.log.purge(log_id(1, 49)).await.unwrap();
    assert_eq!(
        opened.log.get_log_state().await.unwrap().last_log_id,
        Some(log_id(1, 49))
    );
    let mut log = opened.log;
    let appending = tokio::spawn(async move {
        common::append(&mut log, 2, 50..51).await;
        log
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(
        !appending.is_finished(),
        "an entry beyond a gap is not acknowledged"
    );
    let mut crashed = open_engine(Arc::new(engine.after_crash())).unwrap();
    let state = crashed.log.get_log_state().await.unwrap();
    assert_eq!(
        (state.last_purged_log_id, state.last_log_id),
        (None, Some(log_id(1, 9)))
    );
    crashed.close();

    opened
        .states
        .install_snapshot(&sent.meta, sent.snapshot)
        .await
        .unwrap();
    drop(appending.await.unwrap());
    let mut crashed = open_engine(Arc::new(engine.after_power_loss())).unwrap();
    let state = crashed.log.get_log_state().await.unwrap();
    assert_eq!(state.last_purged_log_id, Some(log_id(1, 49)));
    assert_eq!(state.last_log_id, Some(log_id(2, 50)));
    assert_eq!(
        *crashed.machine.read().unwrap(),
        *leader.machine.read().unwrap()
    );
    crashed.close();
    leader.close();
}

#[tokio::test]
async fn a_bad_snapshot_is_refused_and_the_state_untouched() {
    let engine = Arc::new(MemoryEngine::new());
    let mut opened = open_engine(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
    append(&mut opened, 0..10).await;
    let good = snapshot(&mut opened).await;
    let before = opened.machine.read().unwrap().clone();
    let meta = SnapshotMeta {
        last_log_id: Some(log_id(9, 900)),
        ..good.meta.clone()
    };
    let chunks = good.snapshot.chunks().unwrap();
    let wrong_digest = SnapshotFile::received(chunks, good.snapshot.digest() ^ 1);
    let unreadable = SnapshotFile::from_chunks(vec![Bytes::from_static(b"not a chain")]);
    for bad in [wrong_digest, unreadable] {
        let mut again = open_engine(Arc::new(engine.after_crash())).unwrap();
        let error = again
            .states
            .install_snapshot(&meta, Box::new(bad))
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("was refused, the state is untouched"),
            "{error}"
        );
        assert_eq!(*again.machine.read().unwrap(), before);
        let current = again.states.get_current_snapshot().await.unwrap().unwrap();
        assert_eq!(current.meta, good.meta);
        again.close();
    }
    opened.close();
}

#[tokio::test]
async fn a_replaced_snapshot_stays_while_it_is_sent() {
    let engine = Arc::new(MemoryEngine::new());
    let mut opened = open_engine(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
    opened.machine.write().unwrap().ballast = 600_000;
    append(&mut opened, 0..5).await;
    let first = snapshot(&mut opened).await;
    let chunks = first.snapshot.chunks().unwrap();
    append(&mut opened, 5..8).await;
    snapshot(&mut opened).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(first.snapshot.chunks().unwrap(), chunks);
    assert!(first.snapshot.verify().unwrap());
    drop(first);
    append(&mut opened, 8..9).await;
    let last = snapshot(&mut opened).await;
    opened.close();
    // The removal goes on in the background and is finished at the next start.
    let crashed = open_engine(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
    let keys = engine
        .keys(Tree::Snapshot, &[], &[0xff; 20], usize::MAX)
        .unwrap();
    assert!(
        keys.iter().all(|key| key[7] == 3),
        "only the last one's chunks"
    );
    assert!(keys.len() >= last.snapshot.chunk_count());
    crashed.close();
}

#[tokio::test]
async fn the_meter_counts_the_log_since_the_snapshot() {
    let mut opened = open_engine(Arc::new(MemoryEngine::new())).unwrap();
    let meter = opened.log.meter();
    append(&mut opened, 0..20).await;
    assert_eq!(meter.log_entries_since_snapshot(), 20);
    assert!(meter.log_bytes_since_snapshot() > 600_000);
    let mut builder = opened.states.get_snapshot_builder().await;
    append(&mut opened, 20..23).await;
    builder.build_snapshot().await.unwrap();
    drop(builder);
    assert_eq!(
        meter.log_entries_since_snapshot(),
        3,
        "those after the capture"
    );
    assert_eq!(meter.snapshot_bytes(), 16);
    opened.close();
}

#[tokio::test]
async fn a_snapshot_installed_during_a_build_is_taken_off_the_meter_once() {
    let mut leader = open_engine(Arc::new(MemoryEngine::new())).unwrap();
    append(&mut leader, 0..50).await;
    let sent = snapshot(&mut leader).await;
    leader.close();
    let mut opened = open_engine(Arc::new(MemoryEngine::new())).unwrap();
    let meter = opened.log.meter();
    append(&mut opened, 0..20).await;
    let mut builder = opened.states.get_snapshot_builder().await;
    let installed = opened.states.install_snapshot(&sent.meta, sent.snapshot);
    installed.await.unwrap();
    opened.log.purge(log_id(1, 49)).await.unwrap();
    append(&mut opened, 50..80).await;
    builder.build_snapshot().await.unwrap();
    drop(builder);
    assert_eq!(meter.log_entries_since_snapshot(), 30);
    opened.close();
}

#[tokio::test]
async fn the_first_error_stops_everything_and_is_kept() {
    let engine = Arc::new(MemoryEngine::new());
    let mut opened = open_engine(Arc::clone(&engine) as Arc<dyn Engine>).unwrap();
    append(&mut opened, 0..3).await;
    let health = opened.log.health();
    assert_eq!(health.error(), None);
    let first = StoreError::disk("fdatasync", "/data/db", "Input/output error");
    engine.fail_with(first.clone());
    opened.log.blocking_append([entry(1, 3)]).await.unwrap_err();
    assert_eq!(health.failed().await, first);
    engine.fail_with(StoreError::disk("write", "/data/db", "another one"));
    let error = opened
        .log
        .save_vote(&Vote::new(9, 9))
        .await
        .unwrap_err()
        .to_string();
    for part in ["fdatasync", "/data/db", "Input/output error"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(
        opened.log.read_vote().await.unwrap(),
        Some(Vote::new_committed(1, 1)),
        "not what was not stored"
    );
    assert_eq!(health.error(), Some(first));
    opened.close();
}

#[tokio::test]
async fn an_entry_that_the_machine_cannot_read_stops_the_node() {
    let mut opened = open_engine(Arc::new(MemoryEngine::new())).unwrap();
    let poison = entry_with(1, 0, b"poison".to_vec());
    let error = opened.states.apply([poison]).await.unwrap_err().to_string();
    assert!(
        error.contains("entry 0") && error.contains("can't be read"),
        "{error}"
    );
    assert!(opened.log.health().error().is_some());
    opened.close();
}
