use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Sizes that the snapshot policy needs: take a snapshot when the log outgrew
/// the state. Clones share the counters.
#[derive(Clone, Debug, Default)]
pub struct StoreMeter {
    counters: Arc<Counters>,
}

/// Positions only grow: a snapshot that becomes durable late, after one that
/// was captured later, takes nothing off twice.
#[derive(Debug, Default)]
struct Counters {
    applied_bytes: AtomicU64,
    applied_entries: AtomicU64,
    covered_bytes: AtomicU64,
    covered_entries: AtomicU64,
    snapshot_bytes: AtomicU64,
}

/// How much log was applied since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MeterPosition {
    bytes: u64,
    entries: u64,
}

impl StoreMeter {
    /// Bytes of log applied since the newest snapshot was captured.
    pub fn log_bytes_since_snapshot(&self) -> u64 {
        let counters = &self.counters;
        difference(&counters.applied_bytes, &counters.covered_bytes)
    }

    /// Entries applied since the newest snapshot was captured.
    pub fn log_entries_since_snapshot(&self) -> u64 {
        let counters = &self.counters;
        difference(&counters.applied_entries, &counters.covered_entries)
    }

    /// Bytes of the newest snapshot, 0 without one.
    pub fn snapshot_bytes(&self) -> u64 {
        self.counters.snapshot_bytes.load(Relaxed)
    }

    pub(crate) fn add_applied(&self, bytes: u64) {
        self.counters.applied_bytes.fetch_add(bytes, Relaxed);
        self.counters.applied_entries.fetch_add(1, Relaxed);
    }

    /// Where a snapshot captured now would reach.
    pub(crate) fn position(&self) -> MeterPosition {
        MeterPosition {
            bytes: self.counters.applied_bytes.load(Relaxed),
            entries: self.counters.applied_entries.load(Relaxed),
        }
    }

    /// A snapshot captured at `position` was stored; `snapshot_bytes` is the
    /// size of the one that is current since.
    pub(crate) fn snapshot_taken(&self, position: MeterPosition, snapshot_bytes: u64) {
        let MeterPosition { bytes, entries } = position;
        self.counters.covered_bytes.fetch_max(bytes, Relaxed);
        self.counters.covered_entries.fetch_max(entries, Relaxed);
        self.counters.snapshot_bytes.store(snapshot_bytes, Relaxed);
    }
}

fn difference(applied: &AtomicU64, covered: &AtomicU64) -> u64 {
    let covered = covered.load(Relaxed);
    // Saturating: the two are not read at one moment.
    applied.load(Relaxed).saturating_sub(covered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_snapshots_take_nothing_off_twice() {
        let meter = StoreMeter::default();
        let apply = |entries| (0..entries).for_each(|_| meter.add_applied(10));
        apply(100);
        let built = meter.position();
        apply(10);
        let installed = meter.position();
        meter.snapshot_taken(installed, 5000);
        apply(50);
        meter.snapshot_taken(built, 5000);
        assert_eq!(meter.log_entries_since_snapshot(), 50);
        assert_eq!(meter.log_bytes_since_snapshot(), 500);
        assert_eq!(meter.snapshot_bytes(), 5000);
    }
}
