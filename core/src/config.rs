//! What one core is told at its start.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use openraft::SnapshotPolicy;
use quorate_model::ids::{Incarnation, NodeId};
use quorate_model::limits::MAX_ENTRY_BYTES;
#[cfg(feature = "mutants")]
use quorate_model::mutant::Mutant;
use quorate_raft_store::StoreConfig;

use crate::intake::MAX_REQUEST_BYTES;

/// What a message adds around what it carries.
const MESSAGE_OVERHEAD_BYTES: usize = 64 * 1024;

/// Settings of one core. `new` gives values that fit a local network and a
/// disk that syncs within some tens of milliseconds.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    pub node: NodeId,
    /// Must have grown since the node's last start: it fences earlier requests.
    pub incarnation: Incarnation,
    /// Different for every core of a cluster, counted from 0: see [`ElectionTiming`].
    pub election_slot: u32,
    /// How long openraft waits for an answer to an append, and two thirds of
    /// the time between heartbeats. It must exceed a usual sync of the disk.
    pub heartbeat: Duration,
    /// How long `propose` waits unless the caller says otherwise.
    pub propose_deadline: Duration,
    /// How long `read` waits for a leader and for its own state to catch up.
    pub read_deadline: Duration,
    /// How long a change of membership may take, catching up included.
    pub membership_deadline: Duration,
    pub limits: CoreLimits,
    pub compaction: CompactionConfig,
    /// The store's own settings; where it encodes follows from [`crate::IoMode`].
    pub store: StoreConfig,
    /// Seeds the hash index of the state; never visible in what it answers. Random
    /// at every start: clients must not know it.
    pub hash_seed: u64,
    /// The planted bug that this core runs with.
    #[cfg(feature = "mutants")]
    pub mutant: Option<Mutant>,
}

/// Bounds of everything that queues or is received.
#[derive(Debug, Clone)]
pub struct CoreLimits {
    /// Commands and bytes waiting in this node's proposer.
    pub proposal_commands: usize,
    pub proposal_bytes: usize,
    /// Commands and bytes in one request of this node.
    pub request_commands: usize,
    pub request_bytes: usize,
    /// Requests and bytes waiting at this node when it leads.
    pub intake_requests: usize,
    pub intake_bytes: usize,
    /// Entries that the leader has proposed and not yet seen applied.
    pub entries_in_flight: usize,
    /// Readers waiting for a read index.
    pub waiting_reads: usize,
    /// Entries in one append; bytes are bounded besides.
    pub append_entries: u64,
    pub append_bytes: usize,
    /// One message from a peer, either way.
    pub message_bytes: usize,
    /// A snapshot that a leader may send to this node.
    pub snapshot_bytes: u64,
}

/// When the log is cut.
#[derive(Debug, Clone)]
pub struct CompactionConfig {
    /// A snapshot is taken when the log since the last one outgrew that
    /// snapshot and has as many bytes as this, or as many entries. What is
    /// written for snapshots then stays proportional to what is written for
    /// the log, at any size of the state.
    pub min_log_bytes: u64,
    /// An entry that holds one request takes several times its bytes in memory
    /// until it is cut.
    pub min_log_entries: u64,
    /// What is kept of the log below a snapshot, so that a core that was away
    /// briefly catches up by log.
    pub tail_entries: u64,
    pub tail_bytes: u64,
}

/// When this core begins an election.
///
/// openraft 0.9 draws its election timeout once, when it starts, and looks at
/// it only at its ticks, which come every one and a half heartbeat intervals.
/// Two cores whose timeouts fall into the same tick would split votes again
/// and again. So each slot owns one tick: slot `s` has a timeout between `s +
/// 2 1/3` and `s + 2 2/3` ticks. After the last word of a leader a core waits
/// for its lease (the upper bound) plus its timeout. With heartbeats of 100 ms
/// that is at most 950 ms in slot 0, 1.25 s in slot 1, 1.55 s in slot 2, tick
/// included; the lowest slot that is alive usually decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElectionTiming {
    pub min: Duration,
    pub max: Duration,
}

impl CoreConfig {
    pub fn new(node: NodeId, incarnation: Incarnation, election_slot: u32) -> Self {
        Self {
            node,
            incarnation,
            election_slot,
            heartbeat: Duration::from_millis(100),
            propose_deadline: Duration::from_secs(10),
            read_deadline: Duration::from_secs(10),
            membership_deadline: Duration::from_secs(30),
            limits: CoreLimits::default(),
            compaction: CompactionConfig::default(),
            store: StoreConfig::default(),
            hash_seed: RandomState::new().hash_one(node.get()),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    pub fn election_timing(&self) -> ElectionTiming {
        let third_of_tick = self.heartbeat / 2;
        let thirds = self.election_slot * 3 + 7;
        ElectionTiming {
            min: third_of_tick * thirds,
            max: third_of_tick * (thirds + 1),
        }
    }

    /// Whether the settings agree with each other: what one part of a core may
    /// make, another part of it must be able to send.
    pub(crate) fn check(&self) -> Result<(), String> {
        let limits = &self.limits;
        let largest = [
            ("request_bytes", limits.request_bytes),
            ("append_bytes", limits.append_bytes),
            ("the largest entry", MAX_ENTRY_BYTES),
        ];
        for (name, bytes) in largest {
            let needed = bytes.saturating_add(MESSAGE_OVERHEAD_BYTES);
            let found = limits.message_bytes;
            if found < needed {
                return Err(format!(
                    "message_bytes is {found}, but {name} of {bytes} bytes needs {needed}"
                ));
            }
        }
        if limits.request_bytes > MAX_REQUEST_BYTES {
            let found = limits.request_bytes;
            return Err(format!(
                "request_bytes is {found}, but a request has at most {MAX_REQUEST_BYTES}"
            ));
        }
        let counts = [
            ("proposal_commands", limits.proposal_commands),
            ("request_commands", limits.request_commands),
            ("intake_requests", limits.intake_requests),
            ("entries_in_flight", limits.entries_in_flight),
            ("waiting_reads", limits.waiting_reads),
        ];
        match counts.into_iter().find(|(_, count)| *count == 0) {
            Some((name, _)) => Err(format!("{name} is 0, nothing would ever get through")),
            None => Ok(()),
        }
    }

    /// openraft's view of it. Snapshots and purges are decided by `compaction`.
    pub(crate) fn raft_config(&self) -> openraft::Config {
        let timing = self.election_timing();
        openraft::Config {
            cluster_name: String::from("quorate"),
            heartbeat_interval: millis(self.heartbeat),
            election_timeout_min: millis(timing.min),
            election_timeout_max: millis(timing.max),
            max_payload_entries: self.limits.append_entries,
            snapshot_policy: SnapshotPolicy::Never,
            max_in_snapshot_log_to_keep: u64::MAX,
            ..openraft::Config::default()
        }
    }

    #[cfg(feature = "mutants")]
    pub(crate) fn is_mutant(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

impl Default for CoreLimits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            proposal_commands: 65_536,
            proposal_bytes: 64 * MIB,
            request_commands: 16_384,
            request_bytes: 5 * MIB,
            intake_requests: 4_096,
            intake_bytes: 64 * MIB,
            entries_in_flight: 1,
            waiting_reads: 65_536,
            append_entries: 64,
            append_bytes: 8 * MIB,
            message_bytes: 24 * MIB,
            snapshot_bytes: 4 * 1024 * MIB as u64,
        }
    }
}

impl Default for CompactionConfig {
    fn default() -> Self {
        Self {
            min_log_bytes: 4 * 1024 * 1024,
            min_log_entries: 512,
            tail_entries: 256,
            tail_bytes: 4 * 1024 * 1024,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn limits_that_contradict_each_other_are_refused() {
        let config = CoreConfig::new(NodeId::new(1), Incarnation::new(1), 0);
        assert_eq!(config.check(), Ok(()));
        let refused = |change: fn(&mut CoreLimits), word: &str| {
            let mut config = config.clone();
            change(&mut config.limits);
            let error = config.check().unwrap_err();
            assert!(error.contains(word), "{error}");
        };
        refused(
            |limits| limits.message_bytes = 1024,
            "message_bytes is 1024",
        );
        refused(|limits| limits.append_bytes = usize::MAX, "append_bytes");
        refused(|limits| limits.request_bytes = 16 << 20, "request_bytes");
        refused(|limits| limits.waiting_reads = 0, "waiting_reads is 0");
    }

    #[test]
    fn slots_never_share_a_tick() {
        let tick = Duration::from_millis(150);
        for slot in 0..7 {
            let config = CoreConfig::new(NodeId::new(1), Incarnation::new(1), slot);
            let timing = config.election_timing();
            let tick_of = |time: Duration| time.as_nanos() / tick.as_nanos();
            assert_eq!(tick_of(timing.min), u128::from(slot) + 2);
            assert_eq!(tick_of(timing.max), u128::from(slot) + 2);
            assert!(config.raft_config().validate().is_ok());
        }
    }
}
