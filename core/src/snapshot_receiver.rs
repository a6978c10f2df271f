//! Takes in a snapshot that a leader sends.

use bytes::Bytes;
use quorate_model::ids::NodeId;
use quorate_raft_store::SnapshotFile;

use crate::types::{SnapshotMeta, Vote};
use crate::wire::check;
use crate::wire::message::{Refusal, SnapshotBegin, SnapshotChunk};
use crate::wire::raft::WireVote;

/// At most one transfer at a time, of announced and bounded size: only leaders
/// send, and a later leader's transfer takes the place of an earlier one's.
#[derive(Debug)]
pub(crate) struct SnapshotReceiver {
    limit: u64,
    current: Option<Transfer>,
    installed: Option<Installed>,
}

/// The transfer that was installed last, for a sender that missed the answer.
#[derive(Debug)]
struct Installed {
    from: NodeId,
    transfer: u64,
    vote: WireVote,
}

/// A snapshot that arrived whole and as announced.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) vote: Vote,
    pub(crate) meta: SnapshotMeta,
    pub(crate) file: SnapshotFile,
}

#[derive(Debug)]
struct Transfer {
    from: NodeId,
    begin: SnapshotBegin,
    chunks: Vec<Bytes>,
    bytes: u64,
}

impl SnapshotReceiver {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            current: None,
            installed: None,
        }
    }

    /// The answer to a transfer that was installed already.
    pub(crate) fn installed(&self, from: NodeId, transfer: u64) -> Option<WireVote> {
        let installed = self.installed.as_ref();
        let same = installed.filter(|it| it.from == from && it.transfer == transfer);
        same.map(|installed| installed.vote)
    }

    pub(crate) fn note_installed(&mut self, from: NodeId, transfer: u64, vote: WireVote) {
        self.installed = Some(Installed {
            from,
            transfer,
            vote,
        });
    }

    /// Opens a transfer, or goes on with it; returns the chunk to send next.
    pub(crate) fn begin(&mut self, from: NodeId, begin: SnapshotBegin) -> Result<u64, Refusal> {
        check::check_snapshot(from, &begin, self.limit)?;
        match &mut self.current {
            Some(current) if current.begin.vote.term > begin.vote.term => {
                return refused("a later leader is sending one");
            }
            // The same bytes, from the same leader or its successor.
            Some(current) if current.is_same_content(&begin) => {
                current.from = from;
                current.begin = begin;
                return Ok(current.chunks.len() as u64);
            }
            _ => {}
        }
        self.current = Some(Transfer {
            from,
            begin,
            chunks: Vec::new(),
            bytes: 0,
        });
        Ok(0)
    }

    /// Takes one chunk; returns the one to send next.
    pub(crate) fn chunk(&mut self, from: NodeId, chunk: SnapshotChunk) -> Result<u64, Refusal> {
        let current = self.transfer(from, chunk.transfer)?;
        let next = current.chunks.len() as u64;
        if chunk.index != next {
            // A repeated call: say again where we are.
            return Ok(next);
        }
        let bytes = current.bytes + chunk.bytes.len() as u64;
        let is_within = next < current.begin.chunks && bytes <= current.begin.bytes;
        if !is_within || chunk.bytes.is_empty() {
            self.current = None;
            return refused("more was sent than announced, or nothing");
        }
        current.bytes = bytes;
        current.chunks.push(Bytes::from(chunk.bytes));
        Ok(next + 1)
    }

    /// Ends the transfer: the snapshot, if it is what was announced.
    pub(crate) fn finish(&mut self, from: NodeId, transfer: u64) -> Result<Received, Refusal> {
        let current = self.transfer(from, transfer)?;
        if current.chunks.len() as u64 != current.begin.chunks {
            return refused("chunks are missing");
        }
        let begin = current.begin.clone();
        let chunks = std::mem::take(&mut current.chunks);
        self.current = None;
        let file = SnapshotFile::received(chunks, begin.digest);
        if !file.verify().unwrap_or(false) {
            return refused("the digest does not match; send it again");
        }
        Ok(Received {
            vote: begin.vote.into(),
            meta: begin.meta.into(),
            file,
        })
    }

    fn transfer(&mut self, from: NodeId, transfer: u64) -> Result<&mut Transfer, Refusal> {
        match &mut self.current {
            Some(current) if current.from == from && current.begin.transfer == transfer => {
                Ok(current)
            }
            _ => refused("none is open under that number; begin again"),
        }
    }
}

impl Transfer {
    fn is_same_content(&self, begin: &SnapshotBegin) -> bool {
        let ours = &self.begin;
        (ours.transfer, ours.digest, ours.bytes, ours.chunks)
            == (begin.transfer, begin.digest, begin.bytes, begin.chunks)
            && ours.meta == begin.meta
    }
}

fn refused<T>(detail: &str) -> Result<T, Refusal> {
    Err(Refusal::Transfer {
        detail: detail.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::raft::{WireLogId, WireMembership, WireSnapshotMeta};

    const LEADER: NodeId = NodeId::new(7);

    fn begin(chunks: &[&'static str], term: u64) -> SnapshotBegin {
        let file = SnapshotFile::from_chunks(chunks.iter().map(|c| Bytes::from(*c)).collect());
        SnapshotBegin {
            transfer: 1,
            vote: WireVote {
                term,
                node: Some(LEADER.get()),
                committed: true,
            },
            meta: WireSnapshotMeta {
                last: Some(WireLogId { term, index: 9 }),
                membership_id: None,
                membership: WireMembership {
                    configs: vec![vec![7]],
                    nodes: vec![7],
                },
                id: "s".to_owned(),
            },
            chunks: chunks.len() as u64,
            bytes: file.bytes(),
            digest: file.digest(),
        }
    }

    fn chunk(index: u64, bytes: &str) -> SnapshotChunk {
        let bytes = bytes.as_bytes().to_vec();
        SnapshotChunk {
            transfer: 1,
            index,
            bytes,
        }
    }

    #[test]
    fn arrives_whole_with_repeats_and_a_resumption() {
        let mut receiver = SnapshotReceiver::new(100);
        let announced = begin(&["ab", "c"], 3);
        assert_eq!(receiver.begin(LEADER, announced.clone()), Ok(0));
        assert_eq!(receiver.chunk(LEADER, chunk(0, "ab")), Ok(1));
        assert_eq!(receiver.chunk(LEADER, chunk(0, "ab")), Ok(1));
        assert!(receiver.finish(LEADER, 1).is_err());
        assert_eq!(receiver.begin(LEADER, announced), Ok(1));
        assert_eq!(receiver.chunk(LEADER, chunk(1, "c")), Ok(2));
        let received = receiver.finish(LEADER, 1).unwrap();
        assert_eq!(received.file.bytes(), 3);
    }

    #[test]
    fn an_answer_that_was_lost_is_given_again() {
        let mut receiver = SnapshotReceiver::new(100);
        let vote = begin(&["ab"], 3).vote;
        assert_eq!(receiver.installed(LEADER, 1), None);
        receiver.note_installed(LEADER, 1, vote);
        assert_eq!(receiver.installed(LEADER, 1), Some(vote));
        assert_eq!(receiver.installed(LEADER, 2), None);
        assert_eq!(receiver.installed(NodeId::new(8), 1), None);
    }

    #[test]
    fn refuses_what_was_not_announced() {
        let mut receiver = SnapshotReceiver::new(4);
        assert!(matches!(
            receiver.begin(LEADER, begin(&["abc", "de"], 3)),
            Err(Refusal::TooLarge { bytes: 5, limit: 4 })
        ));
        let other = NodeId::new(8);
        assert!(receiver.begin(other, begin(&["ab"], 3)).is_err());
        assert_eq!(receiver.begin(LEADER, begin(&["ab"], 3)), Ok(0));
        assert!(receiver.chunk(other, chunk(0, "ab")).is_err());
        assert!(receiver.chunk(LEADER, chunk(0, "abc")).is_err());
        assert_eq!(receiver.begin(LEADER, begin(&["ab"], 3)), Ok(0));
        assert_eq!(receiver.chunk(LEADER, chunk(0, "xx")), Ok(1));
        assert!(receiver.finish(LEADER, 1).is_err());
        assert_eq!(receiver.begin(LEADER, begin(&["ab"], 3)), Ok(0));
        assert!(receiver.begin(LEADER, begin(&["cd"], 2)).is_err());
    }
}
