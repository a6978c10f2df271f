//! A process that writes to a store and says on its standard output what was
//! acknowledged, until something ends it.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use openraft::storage::{RaftLogStorage as _, RaftLogStorageExt as _, RaftStateMachine as _};
use openraft::{LogId, RaftLogReader as _, RaftSnapshotBuilder as _, StorageError, Vote};
use quorate_raft_store::{Engine as _, SledEngine, StoreConfig, StoreError, Tree, Write};

use super::{Opened, Random, entry, open_configured};

/// Where the child finds its directory.
pub const DIRECTORY: &str = "QUORATE_TEST_DIRECTORY";
/// After how many entries it ends by itself.
pub const ENTRIES: &str = "QUORATE_TEST_ENTRIES";
/// Set: takes no snapshots, so that the log only grows.
pub const KEEP_ALL: &str = "QUORATE_TEST_KEEP_ALL";
/// Set: writes values so large that sled keeps them in files of their own.
pub const LARGE_VALUES: &str = "QUORATE_TEST_LARGE_VALUES";
/// Set: acknowledges before the sync.
#[cfg(feature = "mutants")]
pub const ACKNOWLEDGE_EARLY: &str = "QUORATE_TEST_ACKNOWLEDGE_EARLY";

const ENTRIES_PER_SNAPSHOT: u64 = 150;
const ENTRIES_KEPT: u64 = 60;

/// To be called by a test of the same binary that does nothing otherwise.
pub fn run_if_child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let limit = std::env::var(ENTRIES)
        .ok()
        .and_then(|limit| limit.parse().ok());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let directory = Path::new(&directory);
    if std::env::var_os(LARGE_VALUES).is_some() {
        say(&format!("failed {}", write_large_values(directory)));
        std::process::exit(0);
    }
    match runtime.block_on(write(directory, limit.unwrap_or(u64::MAX))) {
        Ok(()) => say("done"),
        Err(error) => say(&format!("failed {error}")),
    }
    // Not by returning: the database is as it is, like after a kill.
    std::process::exit(0);
}

fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    // The test harness may have left an unfinished line.
    writeln!(output, "\n{line}").unwrap();
    output.flush().unwrap();
}

/// Straight to the engine: the store itself never writes such values.
fn write_large_values(directory: &Path) -> StoreError {
    let engine = match SledEngine::open(directory) {
        Ok(engine) => engine,
        Err(error) => return error,
    };
    for index in 0.. {
        let tree = Tree::Snapshot;
        let key = log_key(index);
        let value = large_value(index);
        let written = engine.write(vec![Write::Put { tree, key, value }]);
        if let Err(error) = written.and_then(|()| engine.sync()) {
            return error;
        }
        assert!(engine.blob_count().unwrap() > 0);
        say(&format!("appended {index}"));
    }
    StoreError::Stopped
}

pub fn log_key(index: u64) -> Vec<u8> {
    index.to_be_bytes().to_vec()
}

pub fn large_value(index: u64) -> Vec<u8> {
    vec![index as u8; 3 << 20]
}

async fn write(directory: &Path, limit: u64) -> Result<(), String> {
    let opened =
        SledEngine::open(directory).and_then(|engine| open_configured(Arc::new(engine), config()));
    let mut opened = opened.map_err(|error| error.to_string())?;
    say("opened");
    let written = write_entries(&mut opened, limit).await;
    // The store's own first error says more than what openraft makes of it.
    let health = opened.log.health();
    written.map_err(|error| {
        health
            .error()
            .map_or(error.to_string(), |first| first.to_string())
    })
}

#[cfg(feature = "mutants")]
fn config() -> StoreConfig {
    let early = std::env::var_os(ACKNOWLEDGE_EARLY);
    StoreConfig {
        mutant: early.map(|_| quorate_model::Mutant::AckBeforeSync),
        ..StoreConfig::default()
    }
}

#[cfg(not(feature = "mutants"))]
fn config() -> StoreConfig {
    StoreConfig::default()
}

async fn write_entries(opened: &mut Opened, limit: u64) -> Result<(), StorageError<u64>> {
    let vote = opened.log.read_vote().await?.unwrap_or_default();
    let term = vote.leader_id.term + 1;
    opened.log.save_vote(&Vote::new_committed(term, 1)).await?;
    say(&format!("vote {term}"));
    reapply(opened).await?;

    let state = opened.log.get_log_state().await?;
    let mut next = state.last_log_id.map_or(0, |last| last.index + 1);
    let mut random = Random(next * 7919 + term);
    let end = next.saturating_add(limit);
    let keeps_all = std::env::var_os(KEEP_ALL).is_some();
    let mut snapshot_at = next + random.below(ENTRIES_PER_SNAPSHOT);
    while next < end {
        let count = 1 + random.below(6);
        let entries: Vec<_> = (next..next + count)
            .map(|index| entry(term, index))
            .collect();
        let last = entries.last().unwrap().log_id;
        opened.log.blocking_append(entries.clone()).await?;
        say(&format!("appended {}", last.index));
        opened.log.save_committed(Some(last)).await?;
        opened.states.apply(entries).await?;
        next += count;
        if random.below(25) == 0 {
            append_and_truncate(opened, term, next).await?;
        }
        if next >= snapshot_at && !keeps_all {
            snapshot_at = next + ENTRIES_PER_SNAPSHOT;
            snapshot_and_purge(opened, last).await?;
        }
    }
    Ok(())
}

/// What openraft does at a start.
async fn reapply(opened: &mut Opened) -> Result<(), StorageError<u64>> {
    let (applied, _) = opened.states.applied_state().await?;
    let committed = opened.log.read_committed().await?;
    let from = applied.map_or(0, |applied| applied.index + 1);
    let to = committed.map_or(0, |committed| committed.index + 1);
    for entry in opened.log.try_get_log_entries(from..to).await? {
        opened.states.apply([entry]).await?;
    }
    // The rest was acknowledged by this one node, which is the whole group.
    let entries = opened.log.try_get_log_entries(from.max(to)..).await?;
    opened.states.apply(entries).await?;
    Ok(())
}

async fn append_and_truncate(
    opened: &mut Opened,
    term: u64,
    next: u64,
) -> Result<(), StorageError<u64>> {
    let doomed: Vec<_> = (next..next + 5).map(|index| entry(term, index)).collect();
    let first = doomed[0].log_id;
    opened.log.blocking_append(doomed).await?;
    opened.log.truncate(first).await
}

async fn snapshot_and_purge(
    opened: &mut Opened,
    last: LogId<u64>,
) -> Result<(), StorageError<u64>> {
    opened.machine.write().unwrap().ballast = 1_000_000;
    let mut builder = opened.states.get_snapshot_builder().await;
    builder.build_snapshot().await?;
    say(&format!("snapshot {}", last.index));
    if let Some(index) = last.index.checked_sub(ENTRIES_KEPT) {
        let entries = opened.log.try_get_log_entries(index..=index).await?;
        if let Some(entry) = entries.first() {
            opened.log.purge(entry.log_id).await?;
        }
    }
    Ok(())
}
