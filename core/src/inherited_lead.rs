//! What a leader has to know of its own earlier life.
//!
//! openraft 0.9 lets a core that led when it stopped go on leading the same term
//! when it starts. A leader of a new term commits an entry of its own before it
//! answers reads, and so learns what was committed before; one that goes on has
//! no such entry, and what its disk tells of the commit may be less than what its
//! earlier life had told its clients. But all of that is in its log.

use openraft::storage::RaftLogStorage;
use openraft::{RaftTypeConfig, StorageError};

use crate::read_rounds::ReadIndex;
use crate::types::{ServerMetrics, Vote};

/// The leadership that a start found on the disk, if there was one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct InheritedLead {
    vote: Option<Vote>,
    /// The number of entries that the log had.
    entries: ReadIndex,
}

impl InheritedLead {
    pub(crate) async fn find<C, L>(node: u64, log: &mut L) -> Result<Self, StorageError<u64>>
    where
        C: RaftTypeConfig<NodeId = u64>,
        L: RaftLogStorage<C>,
    {
        let vote = log.read_vote().await?;
        let last = log.get_log_state().await?.last_log_id;
        Ok(Self {
            vote: vote.filter(|vote| vote.committed && vote.leader_id.voted_for() == Some(node)),
            entries: last.map_or(0, |last| last.index + 1),
        })
    }

    /// How many entries a read as the leader has to see besides what openraft
    /// says. `before` is from before openraft was asked: what it shows may be old,
    /// and then the read waits for entries that the log has anyway.
    pub(crate) fn least_read(&self, before: &ServerMetrics) -> ReadIndex {
        match self.vote {
            Some(vote) if before.vote <= vote => self.entries,
            _ => 0,
        }
    }
}
