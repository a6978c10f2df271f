//! Gets the commands of this node's callers committed, exactly once.
//!
//! ```text
//! propose -> ProposalQueue -> one Request in flight -> the leader's intake
//!                ^ the next one gathers meanwhile        | outcome
//! callers <----------------------------------------------+
//! ```
//!
//! There is no timer: an idle node sends a lone command at once, a busy one
//! sends whatever gathered while the last request was in flight. A request
//! keeps its sequence through all retries, so the cluster applies it once
//! however often it arrives.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use quorate_model::command::{Command, Request};
use quorate_model::ids::{Origin, Revision, Sequence};
use quorate_model::reply::{Replies, Reply, RequestOutcome, RequestRejection};
use quorate_model::wire;
use tokio::time::Instant;

use crate::group::{Group, LeaderCallError};
use crate::intake::Intake;
use crate::proposal_queue::{Proposal, ProposalQueue};
use crate::types::Runtime;
use crate::wire::message::{PeerRequest, PeerResponse, Refusal};

/// A command took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The revision at which it was first applied.
    pub revision: Revision,
    pub reply: Reply,
}

/// Several commands took effect, all at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedMany {
    pub revision: Revision,
    /// One a command, in order.
    pub replies: Vec<Reply>,
}

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Sent, and not answered in time: it may be applied now, later or never.
    #[error("no answer in time; the outcome is unknown: the cluster may have no majority")]
    Timeout,
    /// The deadline passed before it was sent: it is not applied.
    #[error("not sent in time; nothing was changed: try again")]
    NotSent,
    #[error("too many commands wait already; nothing was changed: try again later")]
    Overloaded,
    #[error("{bytes} bytes exceed the {limit} of one request; nothing was changed")]
    TooLarge { bytes: usize, limit: usize },
    #[error("{commands} commands exceed the {limit} of one request; nothing was changed")]
    TooMany { commands: usize, limit: usize },
    #[error("a request needs at least one command; nothing was changed")]
    NoCommands,
    /// Refused as a whole. A retry may be refused after an earlier attempt was
    /// applied, when this life of the node was declared over in between: to the
    /// cluster, what that life did is gone either way.
    #[error("the cluster refused this node's request: {0}")]
    Rejected(RequestRejection),
    #[error("this node is stopping; the outcome is unknown")]
    Stopped,
}

pub(crate) struct Proposer<R: Runtime> {
    group: Arc<Group<R>>,
    queue: Arc<ProposalQueue>,
    intake: Arc<Intake>,
    counters: Arc<ProposerCounters>,
    origin: Origin,
    next: Sequence,
}

#[derive(Debug, Default)]
pub(crate) struct ProposerCounters {
    pub(crate) requests: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) retries: AtomicU64,
}

/// What `propose` and `propose_many` do.
pub(crate) async fn propose(
    queue: &ProposalQueue,
    commands: Vec<Command>,
    deadline: Duration,
) -> Result<Replies, ProposeError> {
    let mut ticket = queue.push(commands)?;
    let at = Instant::now() + deadline;
    match tokio::time::timeout_at(at, &mut ticket.reply).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(ProposeError::Stopped),
        Err(_) if queue.give_up(ticket) => Err(ProposeError::NotSent),
        Err(_) => Err(ProposeError::Timeout),
    }
}

impl<R: Runtime> Proposer<R> {
    pub(crate) fn new(
        group: Arc<Group<R>>,
        queue: Arc<ProposalQueue>,
        intake: Arc<Intake>,
        counters: Arc<ProposerCounters>,
    ) -> Self {
        let origin = group.origin();
        Self {
            group,
            queue,
            intake,
            counters,
            origin,
            next: Sequence::new(1),
        }
    }

    /// Runs until the node stops.
    pub(crate) async fn run(mut self) {
        let mut stop = self.group.watch_stop();
        loop {
            let proposals = tokio::select! {
                biased;
                () = stop.stopped() => break,
                proposals = self.queue.take() => proposals,
            };
            let (request, callers) = self.make_request(proposals);
            let outcome = tokio::select! {
                biased;
                () = stop.stopped() => {
                    callers.into_iter().for_each(|caller| caller.answer(Err(ProposeError::Stopped)));
                    break;
                }
                outcome = self.submit(&request) => outcome,
            };
            self.queue.expect(callers.len());
            distribute(callers, outcome);
        }
        for proposal in self.queue.close() {
            // Whoever dropped its end doesn't want to know.
            let _ = proposal.reply.send(Err(ProposeError::NotSent));
        }
    }

    fn make_request(&mut self, proposals: Vec<Proposal>) -> (Request, Vec<Caller>) {
        let mut commands = Vec::with_capacity(proposals.len());
        let mut callers = Vec::with_capacity(proposals.len());
        for proposal in proposals {
            callers.push(Caller {
                commands: proposal.commands.len(),
                reply: proposal.reply,
            });
            commands.extend(proposal.commands);
        }
        let sequence = self.next;
        self.next = sequence.next();
        self.counters.requests.fetch_add(1, Relaxed);
        self.counters
            .commands
            .fetch_add(commands.len() as u64, Relaxed);
        let request = Request {
            origin: self.origin,
            sequence,
            commands,
        };
        (request, callers)
    }

    /// Offers the request to one leader after the other until one answers.
    async fn submit(&self, request: &Request) -> Result<RequestOutcome, ProposeError> {
        let mut encoded = None;
        let mut search = self.group.search_leader();
        loop {
            let leader = search.next().await;
            let attempt = if leader == self.group.node() {
                self.intake
                    .submit(request.clone(), None)
                    .await
                    .map_err(LeaderCallError::Refused)
            } else {
                let message = encoded.get_or_insert_with(|| {
                    let request = wire::encode_request(request);
                    PeerRequest::Propose { request }.encode()
                });
                self.group
                    .call_leader(leader, message.clone())
                    .await
                    .and_then(|answer| decode_answer(answer, request))
            };
            match attempt {
                Ok(outcome) => return Ok(outcome),
                Err(LeaderCallError::Refused(Refusal::TooLarge { bytes, limit })) => {
                    let [bytes, limit] =
                        [bytes, limit].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
                    return Err(ProposeError::TooLarge { bytes, limit });
                }
                Err(error) => {
                    self.counters.retries.fetch_add(1, Relaxed);
                    search.failed(&error);
                }
            }
        }
    }
}

/// Who waits for how many of a request's replies.
struct Caller {
    commands: usize,
    reply: tokio::sync::oneshot::Sender<Result<Replies, ProposeError>>,
}

impl Caller {
    fn answer(self, answer: Result<Replies, ProposeError>) {
        // Whoever dropped its end doesn't want to know.
        let _ = self.reply.send(answer);
    }
}

fn decode_answer(
    response: PeerResponse,
    request: &Request,
) -> Result<RequestOutcome, LeaderCallError> {
    let PeerResponse::Proposed { outcome } = response else {
        return Err(LeaderCallError::Unexpected);
    };
    let outcome = wire::decode_outcome(&outcome)
        .map_err(|error| LeaderCallError::Refused(Refusal::from(error)))?;
    match &outcome {
        Ok(replies) if replies.replies.len() != request.commands.len() => {
            Err(LeaderCallError::Unexpected)
        }
        _ => Ok(outcome),
    }
}

fn distribute(callers: Vec<Caller>, outcome: Result<RequestOutcome, ProposeError>) {
    let replies = match outcome {
        Ok(Ok(replies)) => replies,
        Ok(Err(rejection)) => {
            let error = ProposeError::Rejected(rejection);
            return callers
                .into_iter()
                .for_each(|caller| caller.answer(Err(error.clone())));
        }
        Err(error) => {
            return callers
                .into_iter()
                .for_each(|caller| caller.answer(Err(error.clone())));
        }
    };
    let expected: usize = callers.iter().map(|caller| caller.commands).sum();
    assert_eq!(replies.replies.len(), expected, "one reply a command");
    let revision = replies.revision;
    let mut rest = replies.replies.into_iter();
    for caller in callers {
        let replies = rest.by_ref().take(caller.commands).collect();
        caller.answer(Ok(Replies { revision, replies }));
    }
}

impl<R: Runtime> fmt::Debug for Proposer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proposer")
            .field("origin", &self.origin)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
