//! Decides when the log is cut.

use std::fmt;
use std::sync::Arc;

use quorate_raft_store::StoreMeter;
use tokio::sync::watch;

use crate::CompactionConfig;
use crate::group::Group;
use crate::types::Runtime;

/// Takes a snapshot when the log since the last one outgrew the state, then
/// purges what the snapshot covers but for a tail.
pub(crate) struct Compactor<R: Runtime> {
    group: Arc<Group<R>>,
    meter: StoreMeter,
    applied: watch::Receiver<u64>,
    /// Of the entries since the last snapshot, while there were enough of them.
    average_entry_bytes: u64,
}

/// Fewer entries say nothing about their usual size.
const ENTRIES_FOR_AVERAGE: u64 = 16;

impl<R: Runtime> Compactor<R> {
    pub(crate) fn new(
        group: Arc<Group<R>>,
        meter: StoreMeter,
        applied: watch::Receiver<u64>,
    ) -> Self {
        Self {
            group,
            meter,
            applied,
            average_entry_bytes: 1,
        }
    }

    /// Runs until the node stops.
    pub(crate) async fn run(mut self) {
        let mut stop = self.group.watch_stop();
        let mut metrics = self.group.raft.data_metrics();
        let mut purged = None;
        // The snapshot that was newest when one was last asked for, and the log
        // since it by then.
        let mut asked_at: Option<(Option<u64>, u64)> = None;
        loop {
            self.measure();
            let newest = metrics.borrow_and_update().snapshot.map(|id| id.index);
            if newest > purged && self.purge_below(newest).await.is_err() {
                return;
            }
            purged = newest;
            let log_bytes = self.meter.log_bytes_since_snapshot();
            let bound = self.bound();
            // openraft ignores the wish while an older snapshot is being built,
            // so it is repeated when as much log again has come.
            let is_building = asked_at.is_some_and(|(newest_then, log_then)| {
                newest_then == newest && log_bytes <= log_then.saturating_add(bound)
            });
            if !is_building && self.is_due(log_bytes) {
                asked_at = Some((newest, log_bytes));
                if self.group.raft.trigger().snapshot().await.is_err() {
                    return;
                }
            }
            tokio::select! {
                biased;
                () = stop.stopped() => return,
                changed = metrics.changed() => if changed.is_err() { return },
                changed = self.applied.changed() => if changed.is_err() { return },
            }
        }
    }

    fn measure(&mut self) {
        let entries = self.meter.log_entries_since_snapshot();
        if entries >= ENTRIES_FOR_AVERAGE {
            self.average_entry_bytes = (self.meter.log_bytes_since_snapshot() / entries).max(1);
        }
    }

    fn is_due(&self, log_bytes: u64) -> bool {
        let config = &self.group.config.compaction;
        let entries = self.meter.log_entries_since_snapshot();
        is_due(config, log_bytes, entries, self.meter.snapshot_bytes())
    }

    /// How much log asks for a snapshot, however few its entries.
    fn bound(&self) -> u64 {
        let config = &self.group.config.compaction;
        config.min_log_bytes.max(self.meter.snapshot_bytes())
    }

    /// How many entries to keep below a snapshot, bounded by count and bytes.
    fn tail_entries(&self) -> u64 {
        let config = &self.group.config.compaction;
        config
            .tail_entries
            .min(config.tail_bytes / self.average_entry_bytes)
    }

    async fn purge_below(&self, snapshot: Option<u64>) -> Result<(), ()> {
        let Some(snapshot) = snapshot else {
            return Ok(());
        };
        let tail = self.tail_entries();
        let Some(upto) = snapshot.checked_sub(tail) else {
            return Ok(());
        };
        self.group
            .raft
            .trigger()
            .purge_log(upto)
            .await
            .map_err(drop)
    }
}

/// Whether so much log since a snapshot of this size asks for the next.
fn is_due(config: &CompactionConfig, bytes: u64, entries: u64, snapshot_bytes: u64) -> bool {
    let is_long = bytes > config.min_log_bytes || entries > config.min_log_entries;
    is_long && bytes > snapshot_bytes
}

impl<R: Runtime> fmt::Debug for Compactor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compactor")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_due_by_bytes_or_entries_but_not_before_the_log_outgrew_the_last() {
        let config = CompactionConfig {
            min_log_bytes: 1_000,
            min_log_entries: 10,
            ..CompactionConfig::default()
        };
        for (bytes, entries, snapshot_bytes, expected) in [
            (1_000, 10, 0, false),
            (1_001, 1, 0, true),
            (1_001, 1, 1_001, false),
            (500, 11, 499, true),
            (500, 11, 500, false),
        ] {
            let due = is_due(&config, bytes, entries, snapshot_bytes);
            assert_eq!(due, expected, "{bytes} bytes in {entries} entries");
        }
    }
}
