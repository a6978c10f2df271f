//! openraft's way to other cores.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, Either, select};
use openraft::error::{Fatal, RPCError, RaftError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{Backoff, RPCOption};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{EmptyNode, RaftNetwork, RaftNetworkFactory, Snapshot};
use quorate_model::ids::NodeId;
use quorate_transport::Link;

use crate::later_votes::{LaterVotes, Outvoted};
use crate::peer::{Peer, PeerError};
use crate::snapshot_sender;
use crate::types::{LogId, Runtime, TypeConfig, Vote};
use crate::wire::message::{Append, PeerRequest, PeerResponse};
use crate::wire::raft::{WireEntry, WireLogId, WireVote};

type CallError = RPCError<u64, EmptyNode, RaftError<u64>>;

/// Appends above this take longer to carry than openraft waits for an answer.
const LARGE_APPEND_BYTES: usize = 64 * 1024;
/// How long a large append may take altogether.
const LARGE_APPEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes a [`PeerNetwork`] for each core that openraft talks to.
pub(crate) struct PeerNetworks<R> {
    pub(crate) link: Arc<dyn Link>,
    pub(crate) message_limit: usize,
    pub(crate) append_bytes: usize,
    pub(crate) backoff: Duration,
    pub(crate) later_votes: LaterVotes,
    pub(crate) runtime: PhantomData<fn() -> R>,
}

/// openraft's calls to one core.
///
/// openraft 0.9 gives an append up after one heartbeat interval and sends it
/// anew. That is right for small ones: the retry finds the entries in the
/// follower's log and is answered at once. A large append would never get
/// through. Its call is kept here when openraft gives up, and the retry waits
/// for the rest of it, while a heartbeat keeps the follower from an election.
pub(crate) struct PeerNetwork<R> {
    peer: Peer,
    append_bytes: usize,
    backoff: Duration,
    later_votes: LaterVotes,
    large: Mutex<Option<LargeAppend>>,
    runtime: PhantomData<fn() -> R>,
}

struct LargeAppend {
    vote: WireVote,
    previous: Option<WireLogId>,
    last: LogId,
    call: BoxFuture<'static, Result<PeerResponse, PeerError>>,
}

impl<R: Runtime> RaftNetworkFactory<TypeConfig<R>> for PeerNetworks<R> {
    type Network = PeerNetwork<R>;

    async fn new_client(&mut self, target: u64, _: &EmptyNode) -> PeerNetwork<R> {
        let node = NodeId::new(target);
        PeerNetwork {
            peer: Peer::new(node, Arc::clone(&self.link), self.message_limit),
            append_bytes: self.append_bytes,
            backoff: self.backoff,
            later_votes: self.later_votes.clone(),
            large: Mutex::new(None),
            runtime: PhantomData,
        }
    }
}

impl<R: Runtime> PeerNetwork<R> {
    /// The entries that fit into one message, at least one.
    fn fitting(&self, rpc: &AppendEntriesRequest<TypeConfig<R>>) -> (Vec<WireEntry>, usize) {
        let mut bytes = 0;
        let mut entries = Vec::new();
        for entry in &rpc.entries {
            let size = match &entry.payload {
                openraft::EntryPayload::Normal(payload) => payload.as_slice().len(),
                openraft::EntryPayload::Blank | openraft::EntryPayload::Membership(_) => 0,
            };
            if !entries.is_empty() && bytes + size > self.append_bytes {
                break;
            }
            bytes += size;
            entries.push(WireEntry::of(entry));
        }
        (entries, bytes)
    }

    async fn append_small(
        &mut self,
        message: Append,
        timeout: Duration,
    ) -> Result<PeerResponse, PeerError> {
        self.peer.call(&PeerRequest::Append(message), timeout).await
    }

    async fn append_large(
        &mut self,
        message: Append,
        last: LogId,
        timeout: Duration,
    ) -> Result<(PeerResponse, LogId), PeerError> {
        let kept = self.kept_large().take_if(|large| {
            large.vote == message.vote && large.previous == message.previous && large.last <= last
        });
        let heartbeat = Append {
            entries: Vec::new(),
            ..message
        };
        let is_retry = kept.is_some();
        if !is_retry {
            let (vote, previous) = (message.vote, message.previous);
            let request = PeerRequest::Append(Append {
                entries: message.entries,
                ..heartbeat
            });
            let call = large_call(self.peer.clone(), request.encode());
            *self.kept_large() = Some(LargeAppend {
                vote,
                previous,
                last,
                call,
            });
        } else {
            *self.kept_large() = kept;
        }
        let peer = self.peer.clone();
        let Some(large) = self.kept_large().as_mut() else {
            return Err(peer.unexpected());
        };
        let answered = large.last;
        // When openraft drops this future here, the call stays for the retry.
        let response = if is_retry {
            let request = PeerRequest::Append(heartbeat).encode();
            let beat = std::pin::pin!(peer.call_encoded(request, timeout));
            match select(&mut large.call, beat).await {
                Either::Left((response, _)) => response,
                Either::Right((Ok(PeerResponse::HigherVote(vote)), _)) => {
                    Ok(PeerResponse::HigherVote(vote))
                }
                Either::Right((_, call)) => call.await,
            }
        } else {
            (&mut large.call).await
        };
        *self.kept_large() = None;
        Ok((response?, answered))
    }

    fn outvoted(&self, vote: Vote) -> Outvoted {
        self.later_votes.offer(self.peer.node, vote)
    }

    fn kept_large(&mut self) -> &mut Option<LargeAppend> {
        match self.large.get_mut() {
            Ok(large) => large,
            // Never locked, so never poisoned; the mutex only makes it `Sync`.
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

fn large_call(peer: Peer, request: Bytes) -> BoxFuture<'static, Result<PeerResponse, PeerError>> {
    Box::pin(async move { peer.call_encoded(request, LARGE_APPEND_TIMEOUT).await })
}

impl<R: Runtime> RaftNetwork<TypeConfig<R>> for PeerNetwork<R> {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig<R>>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, CallError> {
        let (entries, bytes) = self.fitting(&rpc);
        let sent = entries.len();
        let message = Append {
            vote: WireVote::from(&rpc.vote),
            previous: rpc.prev_log_id.as_ref().map(WireLogId::from),
            committed: rpc.leader_commit.as_ref().map(WireLogId::from),
            entries,
        };
        let last = sent.checked_sub(1).map(|at| rpc.entries[at].log_id);
        let (response, answered) = match last {
            Some(last) if bytes > LARGE_APPEND_BYTES => {
                let (response, answered) =
                    self.append_large(message, last, option.hard_ttl()).await?;
                (response, Some(answered))
            }
            _ => {
                // A heartbeat in between does not end a large append.
                if last.is_some() {
                    *self.kept_large() = None;
                }
                let response = self.append_small(message, option.hard_ttl()).await?;
                (response, last)
            }
        };
        match response {
            PeerResponse::Appended if answered == rpc.entries.last().map(|entry| entry.log_id) => {
                Ok(AppendEntriesResponse::Success)
            }
            PeerResponse::Appended => Ok(AppendEntriesResponse::PartialSuccess(answered)),
            PeerResponse::Conflict => Ok(AppendEntriesResponse::Conflict),
            PeerResponse::HigherVote(vote) if Vote::from(vote) > rpc.vote => Err(
                RPCError::Unreachable(Unreachable::new(&self.outvoted(vote.into()))),
            ),
            _ => Err(self.peer.unexpected().into()),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<u64>,
        option: RPCOption,
    ) -> Result<VoteResponse<u64>, CallError> {
        let request = PeerRequest::Vote {
            vote: WireVote::from(&rpc.vote),
            last: rpc.last_log_id.as_ref().map(WireLogId::from),
        };
        match self.peer.call(&request, option.hard_ttl()).await? {
            PeerResponse::Voted {
                vote,
                granted,
                last,
            } => Ok(VoteResponse::new(
                Vote::from(vote),
                last.map(LogId::from),
                granted,
            )),
            _ => Err(self.peer.unexpected().into()),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot<TypeConfig<R>>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<u64>, StreamingError<TypeConfig<R>, Fatal<u64>>> {
        let sending = std::pin::pin!(snapshot_sender::send(&self.peer, vote, snapshot));
        match select(std::pin::pin!(cancel), sending).await {
            Either::Left((closed, _)) => Err(closed.into()),
            Either::Right((Ok(sent), _)) if sent.vote > vote => Err(StreamingError::Unreachable(
                Unreachable::new(&self.outvoted(sent.vote)),
            )),
            Either::Right((sent, _)) => sent,
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(self.backoff))
    }
}

impl<R> fmt::Debug for PeerNetwork<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerNetwork")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "outvoted_tests.rs"]
mod outvoted_tests;
