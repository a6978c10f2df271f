//! The serving side of a link: what other cores ask of this one.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use openraft::Snapshot;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest};
use quorate_model::ids::NodeId;
use quorate_model::wire;
use tokio::sync::Mutex;

use crate::group::Group;
use crate::intake::{Intake, MAX_REQUEST_BYTES};
use crate::read_rounds::ReadRounds;
use crate::rivals::Rivals;
use crate::snapshot_receiver::SnapshotReceiver;
use crate::types::{LogId, Runtime, TypeConfig, Vote};
use crate::wire::check;
use crate::wire::message::{Append, PeerRequest, PeerResponse, Refusal, SnapshotBegin};
use crate::wire::raft::{WireLogId, WireVote};

pub(crate) struct PeerServer<R: Runtime> {
    group: Arc<Group<R>>,
    intake: Arc<Intake>,
    /// Readers that wait for this node as the leader.
    leading: ReadRounds,
    rivals: Arc<Rivals>,
    receiver: Mutex<SnapshotReceiver>,
}

impl<R: Runtime> PeerServer<R> {
    pub(crate) fn new(
        group: Arc<Group<R>>,
        intake: Arc<Intake>,
        leading: ReadRounds,
        rivals: Arc<Rivals>,
    ) -> Self {
        let limit = group.config.limits.snapshot_bytes;
        Self {
            group,
            intake,
            leading,
            rivals,
            receiver: Mutex::new(SnapshotReceiver::new(limit)),
        }
    }

    /// Answers whatever arrives; what is no request is refused.
    pub(crate) async fn handle(&self, from: NodeId, request: &[u8]) -> Bytes {
        let response = match self.serve(from, request).await {
            Ok(response) => response,
            Err(refusal) => PeerResponse::Refused(refusal),
        };
        response.encode()
    }

    async fn serve(&self, from: NodeId, request: &[u8]) -> Result<PeerResponse, Refusal> {
        let limit = self.group.config.limits.message_bytes;
        match PeerRequest::decode(request, limit)? {
            PeerRequest::Append(append) => self.append(from, append).await,
            PeerRequest::Vote { vote, last } => self.vote(from, vote, last).await,
            PeerRequest::SnapshotBegin(begin) => self.begin_snapshot(from, begin).await,
            PeerRequest::SnapshotChunk(chunk) => {
                let index = self.receiver.lock().await.chunk(from, chunk)?;
                Ok(PeerResponse::SnapshotNext { index })
            }
            PeerRequest::SnapshotFinish { transfer } => self.install(from, transfer).await,
            PeerRequest::Propose { request } => self.propose(from, &request).await,
            PeerRequest::ReadIndex => {
                let applied = self.leading.join().await?;
                Ok(PeerResponse::ReadIndex { applied })
            }
        }
    }

    async fn append(&self, from: NodeId, append: Append) -> Result<PeerResponse, Refusal> {
        check::check_append(from, &append)?;
        let request = AppendEntriesRequest::<TypeConfig<R>> {
            vote: append.vote.into(),
            prev_log_id: append.previous.map(LogId::from),
            entries: append
                .entries
                .into_iter()
                .map(|entry| entry.into_entry())
                .collect(),
            leader_commit: append.committed.map(LogId::from),
        };
        let appended = self.group.raft.append_entries(request).await;
        if let Ok(AppendEntriesResponse::Success | AppendEntriesResponse::Conflict) = appended {
            self.rivals.note_leader();
        }
        match appended {
            Ok(AppendEntriesResponse::Success) => Ok(PeerResponse::Appended),
            Ok(AppendEntriesResponse::Conflict) => Ok(PeerResponse::Conflict),
            Ok(AppendEntriesResponse::HigherVote(vote)) => {
                Ok(PeerResponse::HigherVote(WireVote::from(&vote)))
            }
            // A follower takes all entries or none.
            Ok(AppendEntriesResponse::PartialSuccess(_)) | Err(_) => Err(Refusal::Stopped),
        }
    }

    async fn vote(
        &self,
        from: NodeId,
        vote: WireVote,
        last: Option<WireLogId>,
    ) -> Result<PeerResponse, Refusal> {
        check::check_candidate(from, vote)?;
        let (candidate, last) = (Vote::from(vote), last.map(LogId::from));
        let request = VoteRequest::new(candidate, last);
        let answer = self
            .group
            .raft
            .vote(request)
            .await
            .map_err(|_| Refusal::Stopped)?;
        if !answer.vote_granted && last < answer.last_log_id {
            self.rivals.note_refused(candidate);
        }
        Ok(PeerResponse::Voted {
            vote: WireVote::from(&answer.vote),
            granted: answer.vote_granted,
            last: answer.last_log_id.as_ref().map(WireLogId::from),
        })
    }

    async fn begin_snapshot(
        &self,
        from: NodeId,
        begin: SnapshotBegin,
    ) -> Result<PeerResponse, Refusal> {
        let known = self.group.raft.server_metrics().borrow().vote;
        if known > Vote::from(begin.vote) {
            // Told at the start rather than after the whole transfer.
            let vote = WireVote::from(&known);
            return Ok(PeerResponse::SnapshotInstalled { vote });
        }
        let mut receiver = self.receiver.lock().await;
        match receiver.installed(from, begin.transfer) {
            Some(vote) => Ok(PeerResponse::SnapshotInstalled { vote }),
            None => {
                let index = receiver.begin(from, begin)?;
                Ok(PeerResponse::SnapshotNext { index })
            }
        }
    }

    /// The receiver stays locked: a repeated call waits for the first one.
    async fn install(&self, from: NodeId, transfer: u64) -> Result<PeerResponse, Refusal> {
        let mut receiver = self.receiver.lock().await;
        if let Some(vote) = receiver.installed(from, transfer) {
            return Ok(PeerResponse::SnapshotInstalled { vote });
        }
        let received = receiver.finish(from, transfer)?;
        let snapshot = Snapshot::<TypeConfig<R>> {
            meta: received.meta,
            snapshot: Box::new(received.file),
        };
        let raft = &self.group.raft;
        let installed = raft.install_full_snapshot(received.vote, snapshot).await;
        let vote = installed.map_err(|_| Refusal::Stopped)?.vote;
        // A later vote than the sender's means that openraft refused.
        if vote <= received.vote {
            self.rivals.note_leader();
            receiver.note_installed(from, transfer, WireVote::from(&vote));
        }
        let vote = WireVote::from(&vote);
        Ok(PeerResponse::SnapshotInstalled { vote })
    }

    async fn propose(&self, from: NodeId, bytes: &[u8]) -> Result<PeerResponse, Refusal> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(Refusal::TooLarge {
                bytes: bytes.len() as u64,
                limit: MAX_REQUEST_BYTES as u64,
            });
        }
        let request = wire::decode_request(bytes)?;
        if request.origin.node != from {
            let detail = format!("node {from} proposes in the name of {}", request.origin);
            return Err(Refusal::Malformed { detail });
        }
        // The caller asks again after that time; its retry joins this request.
        let answer = self.intake.submit(request, Some(bytes.len()));
        let answer = tokio::time::timeout(self.group.call_timeout(), answer).await;
        let outcome = answer.map_err(|_| Refusal::NoQuorum)??;
        Ok(PeerResponse::Proposed {
            outcome: wire::encode_outcome(&outcome),
        })
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;

impl<R: Runtime> fmt::Debug for PeerServer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerServer")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
