//! Whether a store holds all that was acknowledged.

use std::path::Path;

use openraft::storage::{RaftLogStorage as _, RaftStateMachine as _};
use openraft::{EntryPayload, RaftLogReader as _};

use super::process::{Acknowledged, no_child_starts};
use super::{ChainMachine, open_directory, payload};

/// Opens the store in `directory` and compares it with what was promised;
/// returns what is missing or wrong.
pub fn verify(directory: &Path, acknowledged: &Acknowledged) -> Result<(), String> {
    let _open = no_child_starts();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(verify_store(directory, acknowledged))
}

async fn verify_store(directory: &Path, acknowledged: &Acknowledged) -> Result<(), String> {
    let mut opened = open_directory(directory).map_err(|error| format!("open: {error}"))?;
    let log = &mut opened.log;
    let vote = log.read_vote().await.unwrap().unwrap_or_default();
    if vote.leader_id.term < acknowledged.term {
        return Err(format!(
            "vote {vote}, acknowledged term {}",
            acknowledged.term
        ));
    }
    let state = log.get_log_state().await.unwrap();
    let end = state.last_log_id.map_or(0, |last| last.index + 1);
    if end < acknowledged.end {
        return Err(format!(
            "the log ends at {end}, acknowledged {}",
            acknowledged.end
        ));
    }
    let start = state
        .last_purged_log_id
        .map_or(0, |purged| purged.index + 1);
    let entries = log.try_get_log_entries(start..end).await;
    let entries = entries.map_err(|error| format!("log: {error}"))?;
    let mut expected = start;
    for entry in entries {
        let EntryPayload::Normal(found) = entry.payload else {
            return Err(format!("entry {expected} has no payload"));
        };
        if entry.log_id.index != expected || found.0 != payload(expected) {
            return Err(format!(
                "entry {expected} is not what was written: {}",
                entry.log_id
            ));
        }
        expected += 1;
    }
    if expected != end {
        return Err(format!("entries end at {expected}, the log at {end}"));
    }
    let (applied, _) = opened.states.applied_state().await.unwrap();
    let applied = applied.map(|applied| applied.index);
    if applied < acknowledged.snapshot || applied.map_or(0, |index| index + 1) < start {
        let promised = acknowledged.snapshot;
        return Err(format!(
            "snapshot {applied:?}, acknowledged {promised:?}, log from {start}"
        ));
    }
    let found = opened.machine.read().unwrap().clone();
    let mut machine = ChainMachine::default();
    for index in 0..applied.map_or(0, |index| index + 1) {
        machine.step(index, &payload(index));
    }
    if machine != found {
        return Err(format!(
            "the snapshot at {applied:?} holds {found:?}, not {machine:?}"
        ));
    }
    opened.close();
    Ok(())
}
