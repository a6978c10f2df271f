use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Sizes that the snapshot policy needs: take a snapshot when the log outgrew
/// the state. Clones share the counters.
#[derive(Clone, Debug, Default)]
pub struct StoreMeter {
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    log_bytes: AtomicU64,
    log_entries: AtomicU64,
    snapshot_bytes: AtomicU64,
}

impl StoreMeter {
    /// Bytes of log applied since the newest snapshot was captured.
    pub fn log_bytes_since_snapshot(&self) -> u64 {
        self.counters.log_bytes.load(Relaxed)
    }

    /// Entries applied since the newest snapshot was captured.
    pub fn log_entries_since_snapshot(&self) -> u64 {
        self.counters.log_entries.load(Relaxed)
    }

    /// Bytes of the newest snapshot, 0 without one.
    pub fn snapshot_bytes(&self) -> u64 {
        self.counters.snapshot_bytes.load(Relaxed)
    }

    pub(crate) fn add_applied(&self, bytes: u64) {
        self.counters.log_bytes.fetch_add(bytes, Relaxed);
        self.counters.log_entries.fetch_add(1, Relaxed);
    }

    /// What a snapshot captured now would cover.
    pub(crate) fn applied(&self) -> (u64, u64) {
        let entries = self.counters.log_entries.load(Relaxed);
        (self.counters.log_bytes.load(Relaxed), entries)
    }

    /// A snapshot that covers `covered` of the log is durable.
    pub(crate) fn snapshot_taken(&self, covered: (u64, u64), snapshot_bytes: u64) {
        let (bytes, entries) = covered;
        subtract(&self.counters.log_bytes, bytes);
        subtract(&self.counters.log_entries, entries);
        self.counters.snapshot_bytes.store(snapshot_bytes, Relaxed);
    }
}

fn subtract(counter: &AtomicU64, amount: u64) {
    // Saturating: an installed snapshot may have reset the counter meanwhile.
    let _ = counter.fetch_update(Relaxed, Relaxed, |value| Some(value.saturating_sub(amount)));
}
