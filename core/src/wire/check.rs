//! What must hold of a peer's message before openraft sees it. openraft takes
//! these for granted and would panic, or worse, store what no node can apply.

use quorate_model::ids::NodeId;
use quorate_model::limits::MAX_ENTRY_BYTES;
use quorate_model::wire;

use super::message::{Append, PeerResponse, Refusal, SnapshotBegin};
use super::raft::{WireBody, WireEntry, WireLogId, WireMembership, WireVote};

/// More nodes than any core tier has.
const MAX_NODES: usize = 1_024;
const MIN_CHUNK_BYTES: u64 = 1_024;
const MAX_SHORT_CHUNKS: u64 = 64;
/// Terms and indices are counted up from zero; nobody gets here by counting,
/// and a number close to the type's end would overflow at the next step.
const MAX_NUMBER: u64 = u64::MAX >> 1;

pub(crate) fn check_append(from: NodeId, append: &Append) -> Result<(), Refusal> {
    check_leader(from, append.vote)?;
    let mut previous = append.previous;
    if let Some(previous) = previous {
        check_numbers(previous.term, previous.index)?;
    }
    for entry in &append.entries {
        check_follows(previous, entry.id)?;
        if entry.id.term > append.vote.term {
            return malformed("an entry is of a later term than its leader");
        }
        check_body(entry)?;
        previous = Some(entry.id);
    }
    match append.committed {
        Some(committed) => check_committed(committed, previous, append.vote),
        None => Ok(()),
    }
}

/// openraft commits the lesser of what is committed and what it was sent, and
/// compares terms first: the indices must be in the same order.
fn check_committed(
    committed: WireLogId,
    last: Option<WireLogId>,
    vote: WireVote,
) -> Result<(), Refusal> {
    check_numbers(committed.term, committed.index)?;
    if committed.term > vote.term {
        return malformed("the committed entry is of a later term than the leader");
    }
    let is_in_order = last.is_none_or(|last| {
        let by_index = committed.index.cmp(&last.index);
        let by_term = committed.term.cmp(&last.term);
        by_term == by_index || (by_term.is_eq() && by_index.is_ne())
    });
    if is_in_order {
        Ok(())
    } else {
        malformed("the committed entry contradicts the last one")
    }
}

pub(crate) fn check_candidate(from: NodeId, vote: WireVote) -> Result<(), Refusal> {
    check_numbers(vote.term, 0)?;
    if vote.committed || vote.node != Some(from.get()) {
        return malformed("a vote is asked for by the candidate itself, before it leads");
    }
    Ok(())
}

pub(crate) fn check_snapshot(
    from: NodeId,
    begin: &SnapshotBegin,
    limit: u64,
) -> Result<(), Refusal> {
    check_leader(from, begin.vote)?;
    check_membership(&begin.meta.membership)?;
    if begin.meta.last.is_none() {
        return malformed("a snapshot of nothing");
    }
    if begin.bytes > limit {
        let bytes = begin.bytes;
        return Err(Refusal::TooLarge { bytes, limit });
    }
    // Each chunk costs memory beyond its bytes. Every table ends in a short
    // one; all others are far larger than this.
    if begin.chunks > MAX_SHORT_CHUNKS + begin.bytes / MIN_CHUNK_BYTES {
        return malformed("too many chunks for so few bytes");
    }
    let (last, membership) = (begin.meta.last, begin.meta.membership_id);
    for id in last.into_iter().chain(membership) {
        check_numbers(id.term, id.index)?;
        if id.term > begin.vote.term {
            return malformed("the snapshot is of a later term than its leader");
        }
    }
    if membership.map(|id| id.index) > last.map(|id| id.index) {
        return malformed("the snapshot's membership is later than its last entry");
    }
    Ok(())
}

/// What an answer tells of votes and entries enters openraft as well.
pub(crate) fn check_answer(answer: &PeerResponse) -> Result<(), Refusal> {
    match answer {
        PeerResponse::HigherVote(vote) | PeerResponse::SnapshotInstalled { vote } => {
            check_numbers(vote.term, 0)
        }
        PeerResponse::Voted { vote, last, .. } => {
            check_numbers(vote.term, 0)?;
            last.map_or(Ok(()), |last| check_numbers(last.term, last.index))
        }
        PeerResponse::ReadIndex { applied } => check_numbers(0, *applied),
        PeerResponse::Appended
        | PeerResponse::Conflict
        | PeerResponse::SnapshotNext { .. }
        | PeerResponse::Proposed { .. }
        | PeerResponse::Refused(_) => Ok(()),
    }
}

/// Only a leader appends and sends snapshots, and only in its own name.
fn check_leader(from: NodeId, vote: WireVote) -> Result<(), Refusal> {
    check_numbers(vote.term, 0)?;
    if !vote.committed || vote.node != Some(from.get()) {
        return malformed("the sender does not claim to lead");
    }
    Ok(())
}

fn check_follows(previous: Option<WireLogId>, id: WireLogId) -> Result<(), Refusal> {
    check_numbers(id.term, id.index)?;
    let expected = match previous {
        None => Some(0),
        Some(previous) => previous.index.checked_add(1),
    };
    if expected != Some(id.index) || previous.is_some_and(|previous| previous.term > id.term) {
        return malformed("the entries do not follow each other");
    }
    Ok(())
}

fn check_body(entry: &WireEntry) -> Result<(), Refusal> {
    match &entry.body {
        WireBody::Blank => Ok(()),
        WireBody::Membership(membership) => check_membership(membership),
        WireBody::Batch(bytes) if bytes.len() > MAX_ENTRY_BYTES => Err(Refusal::TooLarge {
            bytes: bytes.len() as u64,
            limit: MAX_ENTRY_BYTES as u64,
        }),
        WireBody::Batch(bytes) => Ok(wire::check_batch(bytes)?),
    }
}

fn check_membership(membership: &WireMembership) -> Result<(), Refusal> {
    let sizes = || membership.configs.iter().map(Vec::len);
    if !(1..=2).contains(&membership.configs.len())
        || sizes().any(|size| size == 0)
        || sizes().sum::<usize>() + membership.nodes.len() > MAX_NODES
    {
        return malformed("a membership has one or two sets of voters, none empty");
    }
    Ok(())
}

fn check_numbers(term: u64, index: u64) -> Result<(), Refusal> {
    if term > MAX_NUMBER || index > MAX_NUMBER {
        return malformed("a term or an index is beyond all counting");
    }
    Ok(())
}

fn malformed<T>(detail: &str) -> Result<T, Refusal> {
    Err(Refusal::Malformed {
        detail: detail.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use quorate_model::command::Batch;
    use quorate_model::ids::Timestamp;

    use super::*;

    const LEADER: NodeId = NodeId::new(3);

    fn batch() -> WireBody {
        let time = Timestamp::new(1);
        let requests = Vec::new();
        WireBody::Batch(wire::encode_batch(&Batch { time, requests }))
    }

    fn append(previous: Option<(u64, u64)>, entries: &[(u64, u64, WireBody)]) -> Append {
        let id = |(term, index)| WireLogId { term, index };
        Append {
            vote: WireVote {
                term: 5,
                node: Some(LEADER.get()),
                committed: true,
            },
            previous: previous.map(id),
            entries: entries
                .iter()
                .map(|(term, index, body)| WireEntry {
                    id: id((*term, *index)),
                    body: body.clone(),
                })
                .collect(),
            committed: None,
        }
    }

    #[test]
    fn what_follows_is_accepted() {
        let good = append(None, &[(4, 0, WireBody::Blank), (5, 1, batch())]);
        check_append(LEADER, &good).unwrap();
        let good = append(Some((5, 8)), &[(5, 9, batch())]);
        check_append(LEADER, &good).unwrap();
        check_append(LEADER, &append(Some((5, 8)), &[])).unwrap();
    }

    #[test]
    fn what_openraft_would_choke_on_is_refused() {
        let membership = |configs: &[&[u64]]| {
            WireBody::Membership(WireMembership {
                configs: configs.iter().map(|voters| voters.to_vec()).collect(),
                nodes: vec![1],
            })
        };
        let bad = [
            append(None, &[(5, 1, WireBody::Blank)]),
            append(Some((5, 8)), &[(5, 8, WireBody::Blank)]),
            append(
                Some((5, 8)),
                &[(5, 9, WireBody::Blank), (5, 11, WireBody::Blank)],
            ),
            append(Some((5, 8)), &[(4, 9, WireBody::Blank)]),
            append(Some((5, 8)), &[(6, 9, WireBody::Blank)]),
            append(Some((5, u64::MAX)), &[(5, 0, WireBody::Blank)]),
            append(
                Some((5, 8)),
                &[(5, 9, WireBody::Batch(b"no batch".to_vec()))],
            ),
            append(
                Some((5, 8)),
                &[(5, 9, WireBody::Batch(vec![0; MAX_ENTRY_BYTES + 1]))],
            ),
            append(Some((5, 8)), &[(5, 9, membership(&[]))]),
            append(Some((5, 8)), &[(5, 9, membership(&[&[1], &[]]))]),
            append(Some((5, 8)), &[(5, 9, membership(&[&[1], &[1], &[1]]))]),
        ];
        for append in bad {
            check_append(LEADER, &append).unwrap_err();
        }
        let good = append(Some((5, 8)), &[]);
        check_append(NodeId::new(4), &good).unwrap_err();
        let vote = WireVote {
            committed: false,
            ..good.vote
        };
        check_append(
            LEADER,
            &Append {
                vote,
                ..good.clone()
            },
        )
        .unwrap_err();
        check_candidate(LEADER, vote).unwrap();
        check_candidate(LEADER, good.vote).unwrap_err();
        check_candidate(NodeId::new(4), vote).unwrap_err();
    }

    #[test]
    fn what_is_committed_fits_to_what_was_sent() {
        let entries = [(4, 9, WireBody::Blank)];
        for (term, index, is_accepted) in [
            (3, 8, true),
            (4, 9, true),
            (4, 3, true),
            (4, 12, true),
            (5, 12, true),
            (3, 9, false),
            (3, 10, false),
            (5, 8, false),
            (6, 12, false),
            (4, MAX_NUMBER + 1, false),
        ] {
            let mut message = append(Some((3, 8)), &entries);
            message.committed = Some(WireLogId { term, index });
            let checked = check_append(LEADER, &message);
            assert_eq!(checked.is_ok(), is_accepted, "{term}-{index}: {checked:?}");
        }
    }

    /// openraft counts on from the numbers that it is told.
    #[test]
    fn numbers_beyond_all_counting_are_refused() {
        let beyond = MAX_NUMBER + 1;
        let mut message = append(Some((5, 8)), &[]);
        message.vote.term = MAX_NUMBER;
        check_append(LEADER, &message).unwrap();
        message.vote.term = beyond;
        check_append(LEADER, &message).unwrap_err();
        check_append(LEADER, &append(Some((5, beyond)), &[])).unwrap_err();
        check_append(
            LEADER,
            &append(Some((5, MAX_NUMBER)), &[(5, beyond, batch())]),
        )
        .unwrap_err();
        let vote = WireVote {
            committed: false,
            ..message.vote
        };
        check_candidate(LEADER, vote).unwrap_err();
        let damages: [fn(&mut SnapshotBegin); 3] = [
            |begin| begin.vote.term = MAX_NUMBER + 1,
            |begin| {
                begin.meta.last = Some(WireLogId {
                    term: 5,
                    index: MAX_NUMBER + 1,
                });
            },
            |begin| {
                begin.meta.membership_id = Some(WireLogId {
                    term: MAX_NUMBER + 1,
                    index: 1,
                });
            },
        ];
        for damage in damages {
            let mut begin = begin();
            damage(&mut begin);
            check_snapshot(LEADER, &begin, 1 << 20).unwrap_err();
        }
    }

    fn begin() -> SnapshotBegin {
        SnapshotBegin {
            transfer: 1,
            vote: append(None, &[]).vote,
            meta: super::super::raft::WireSnapshotMeta {
                last: Some(WireLogId { term: 5, index: 9 }),
                membership_id: Some(WireLogId { term: 1, index: 0 }),
                membership: WireMembership {
                    configs: vec![vec![1, 3]],
                    nodes: vec![1, 3],
                },
                id: String::from("s"),
            },
            chunks: 64,
            bytes: 1,
            digest: 0,
        }
    }

    #[test]
    fn answers_beyond_all_counting_are_refused() {
        let vote = |term| WireVote {
            term,
            ..append(None, &[]).vote
        };
        let answers = |number| {
            let last = Some(WireLogId {
                term: 1,
                index: number,
            });
            [
                PeerResponse::HigherVote(vote(number)),
                PeerResponse::SnapshotInstalled { vote: vote(number) },
                PeerResponse::ReadIndex { applied: number },
                PeerResponse::Voted {
                    vote: vote(number),
                    granted: false,
                    last: None,
                },
                PeerResponse::Voted {
                    vote: vote(1),
                    granted: false,
                    last,
                },
            ]
        };
        for answer in answers(MAX_NUMBER) {
            check_answer(&answer).unwrap();
        }
        for answer in answers(MAX_NUMBER + 1) {
            check_answer(&answer).unwrap_err();
        }
    }

    #[test]
    fn a_snapshot_that_would_cost_more_than_its_bytes_is_refused() {
        check_snapshot(LEADER, &begin(), 1 << 20).unwrap();
        let damages: [fn(&mut SnapshotBegin); 8] = [
            |begin| begin.chunks = 65,
            |begin| begin.chunks = u64::MAX,
            |begin| begin.bytes = (1 << 20) + 1,
            |begin| begin.meta.last = None,
            |begin| begin.meta.last = Some(WireLogId { term: 6, index: 9 }),
            |begin| begin.meta.membership_id = Some(WireLogId { term: 5, index: 10 }),
            |begin| begin.meta.membership.configs = vec![],
            |begin| begin.meta.membership.nodes = (0..2_000).collect(),
        ];
        for damage in damages {
            let mut begin = begin();
            damage(&mut begin);
            check_snapshot(LEADER, &begin, 1 << 20).unwrap_err();
        }
        check_snapshot(NodeId::new(4), &begin(), 1 << 20).unwrap_err();
    }
}
