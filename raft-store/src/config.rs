/// How the store works; plain values, already validated.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The newest log entries stay in memory, up to this many and this many
    /// bytes, so that replication to followers that keep up never reads the
    /// disk. Under load an entry holds thousands of requests, and the bytes
    /// decide; where requests come singly, the number does.
    pub cache_entries: usize,
    pub cache_bytes: usize,
    /// Jobs that may wait for the I/O worker; whoever sends one more waits.
    pub queue_jobs: usize,
    /// Snapshot chunks are written in groups of about this many bytes, each
    /// with its own sync, so that a log write never waits for a whole snapshot.
    pub snapshot_group_bytes: usize,
    /// Where snapshots are encoded.
    pub offload: Offload,
    /// The one planted bug of this run.
    #[cfg(feature = "mutants")]
    pub mutant: Option<quorate_model::Mutant>,
}

/// Where work runs that would hold up an async thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offload {
    /// On tokio's blocking threads: production.
    Blocking,
    /// In the calling task, one chunk at a time, yielding between chunks: for
    /// the simulator, where a second thread would break determinism.
    Inline,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            cache_entries: 256,
            cache_bytes: 32 << 20,
            queue_jobs: 1024,
            snapshot_group_bytes: 1 << 20,
            offload: Offload::Blocking,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }
}
