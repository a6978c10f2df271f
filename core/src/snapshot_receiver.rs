//! Takes in a snapshot that a leader sends.

use bytes::Bytes;
use quorate_model::ids::NodeId;
use quorate_model::state::ChunkCheck;
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
    /// Refuses what this build can't read before openraft depends on it.
    check: ChunkCheck,
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
            check: ChunkCheck::default(),
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
        if let Err(error) = current.check.take(&chunk.bytes) {
            self.current = None;
            return refused(&error.to_string());
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
        let checked = current.check.finish();
        let begin = current.begin.clone();
        let chunks = std::mem::take(&mut current.chunks);
        self.current = None;
        match checked {
            Err(error) => return refused(&error.to_string()),
            Ok(held) if begin.meta.last.map(|last| last.index) != Some(held.get()) => {
                return refused("it holds another revision than announced");
            }
            Ok(_) => {}
        }
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
    #![allow(clippy::unwrap_used)]
    use quorate_model::frame::{self, Format};
    use quorate_model::ids::Revision;
    use quorate_model::state::ClusterState;

    use super::*;
    use crate::wire::raft::{WireLogId, WireMembership, WireSnapshotMeta};

    const LEADER: NodeId = NodeId::new(7);
    const LIMIT: u64 = 10_000;

    /// The chunks of a state at a revision: a head and an end.
    fn snapshot(revision: u64) -> Vec<Bytes> {
        let mut state = ClusterState::new(0);
        state.skip(Revision::new(revision));
        let mut image = state.image();
        std::iter::from_fn(|| image.next_chunk())
            .map(Bytes::from)
            .collect()
    }

    fn begin(chunks: &[Bytes], term: u64) -> SnapshotBegin {
        let file = SnapshotFile::from_chunks(chunks.to_vec());
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

    fn chunk(index: u64, bytes: &[u8]) -> SnapshotChunk {
        let bytes = bytes.to_vec();
        SnapshotChunk {
            transfer: 1,
            index,
            bytes,
        }
    }

    #[test]
    fn arrives_whole_with_repeats_and_a_resumption() {
        let mut receiver = SnapshotReceiver::new(LIMIT);
        let chunks = snapshot(9);
        let announced = begin(&chunks, 3);
        assert_eq!(receiver.begin(LEADER, announced.clone()), Ok(0));
        assert_eq!(receiver.chunk(LEADER, chunk(0, &chunks[0])), Ok(1));
        assert_eq!(receiver.chunk(LEADER, chunk(0, &chunks[0])), Ok(1));
        assert!(receiver.finish(LEADER, 1).is_err());
        assert_eq!(receiver.begin(LEADER, announced.clone()), Ok(1));
        assert_eq!(receiver.chunk(LEADER, chunk(1, &chunks[1])), Ok(2));
        let received = receiver.finish(LEADER, 1).unwrap();
        assert_eq!(received.file.bytes(), announced.bytes);
    }

    #[test]
    fn an_answer_that_was_lost_is_given_again() {
        let mut receiver = SnapshotReceiver::new(LIMIT);
        let vote = begin(&snapshot(9), 3).vote;
        assert_eq!(receiver.installed(LEADER, 1), None);
        receiver.note_installed(LEADER, 1, vote);
        assert_eq!(receiver.installed(LEADER, 1), Some(vote));
        assert_eq!(receiver.installed(LEADER, 2), None);
        assert_eq!(receiver.installed(NodeId::new(8), 1), None);
    }

    #[test]
    fn refuses_what_was_not_announced() {
        let chunks = snapshot(9);
        let bytes = begin(&chunks, 3).bytes;
        let limit = bytes - 1;
        let mut receiver = SnapshotReceiver::new(limit);
        assert_eq!(
            receiver.begin(LEADER, begin(&chunks, 3)),
            Err(Refusal::TooLarge { bytes, limit })
        );
        let mut receiver = SnapshotReceiver::new(LIMIT);
        let other = NodeId::new(8);
        assert!(receiver.begin(other, begin(&chunks, 3)).is_err());
        assert_eq!(receiver.begin(LEADER, begin(&chunks, 3)), Ok(0));
        assert!(receiver.chunk(other, chunk(0, &chunks[0])).is_err());
        let too_many = begin(&chunks[..1], 3);
        assert_eq!(receiver.begin(LEADER, too_many), Ok(0));
        assert_eq!(receiver.chunk(LEADER, chunk(0, &chunks[0])), Ok(1));
        assert!(receiver.chunk(LEADER, chunk(1, &chunks[1])).is_err());
        assert_eq!(receiver.begin(LEADER, begin(&chunks, 3)), Ok(0));
        assert!(receiver.begin(LEADER, begin(&chunks, 2)).is_err());
    }

    #[test]
    fn refuses_what_this_build_cannot_restore() {
        let whole = snapshot(9);
        let mut newer = whole.clone();
        newer[0] = Bytes::from(frame::seal_raw(Format::new(*b"QSNP", 2), b"unknown"));
        let other_revision = snapshot(8);
        let twice = vec![whole[0].clone(), whole[0].clone()];
        let unended = vec![whole[0].clone()];
        for (chunks, said) in [
            (newer, "version"),
            (other_revision, "another revision"),
            (twice, "does not belong there"),
            (unended, "ends before its last chunk"),
        ] {
            let refusal = receive(&chunks).unwrap_err();
            assert!(refusal.to_string().contains(said), "{refusal}");
        }
        assert!(receive(&whole).is_ok());
    }

    fn receive(chunks: &[Bytes]) -> Result<(), Refusal> {
        let mut receiver = SnapshotReceiver::new(LIMIT);
        receiver.begin(LEADER, begin(chunks, 3))?;
        for (index, bytes) in chunks.iter().enumerate() {
            receiver.chunk(LEADER, chunk(index as u64, bytes))?;
        }
        receiver.finish(LEADER, 1).map(drop)
    }
}
