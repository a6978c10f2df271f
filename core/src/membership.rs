//! Who is in the Raft group, changed while it runs.
//!
//! Whether somebody *may* join or leave is decided by the model's rules before
//! it comes here. Everything here may be called again after a failure: each
//! step looks at what is and does what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use openraft::error::{ChangeMembershipError, ClientWriteError, InitializeError, RaftError};
use openraft::raft::ClientWriteResponse;
use openraft::{ChangeMembers, EmptyNode};
use quorate_model::ids::NodeId;
use tokio::time::Instant;

use crate::group::Group;
use crate::types::{RaftMetrics, Runtime, TypeConfig};

/// Why the membership is not (yet) as asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    #[error("this node does not lead; ask the leader")]
    NotLeader { leader: Option<NodeId> },
    #[error("node {node} is neither voter nor learner; add it as a learner first")]
    UnknownNode { node: NodeId },
    #[error("node {node} is still a voter; take it out of the voters first")]
    StillVoter { node: NodeId },
    #[error("a group needs at least one voter")]
    NoVoters,
    #[error("node {node} is {lag} entries behind and would hold the others up")]
    LearnerBehind { node: NodeId, lag: u64 },
    #[error("not finished in time; call again: the change goes on where it is")]
    Timeout,
    #[error("this node is stopping")]
    Stopped,
}

/// Why the group was not formed here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error("this node has a log or a vote already: it is in a group, or was")]
    AlreadyFormed,
    #[error("node {node} forms the group and must be one of its members")]
    NotAMember { node: NodeId },
    #[error("this node is stopping")]
    Stopped,
}

/// A learner this close to the end of the log becomes a voter.
const CAUGHT_UP_ENTRIES: u64 = 32;
const RETRY_PAUSE: Duration = Duration::from_millis(50);

type Written<R> =
    Result<ClientWriteResponse<TypeConfig<R>>, RaftError<u64, ClientWriteError<u64, EmptyNode>>>;

enum Attempt {
    Done,
    Again,
}

pub(crate) async fn form<R: Runtime>(
    group: &Group<R>,
    members: &BTreeSet<NodeId>,
) -> Result<(), FormError> {
    let ids: BTreeSet<u64> = members.iter().map(|node| node.get()).collect();
    match group.raft.initialize(ids).await {
        Ok(()) => Ok(()),
        Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Err(FormError::AlreadyFormed),
        Err(RaftError::APIError(InitializeError::NotInMembers(_))) => {
            let node = group.node();
            Err(FormError::NotAMember { node })
        }
        Err(RaftError::Fatal(_)) => Err(FormError::Stopped),
    }
}

pub(crate) async fn add_learner<R: Runtime>(
    group: &Arc<Group<R>>,
    node: NodeId,
) -> Result<(), MembershipError> {
    within(group, async || {
        let Some(metrics) = settled_metrics(group)? else {
            return Ok(Attempt::Again);
        };
        check_member(group, &metrics)?;
        if nodes(&metrics).contains(&node) {
            return Ok(Attempt::Done);
        }
        let change = ChangeMembers::AddNodes(BTreeMap::from([(node.get(), EmptyNode::new())]));
        write(group, change).await
    })
    .await
}

pub(crate) async fn change_voters<R: Runtime>(
    group: &Arc<Group<R>>,
    voters: &BTreeSet<NodeId>,
) -> Result<(), MembershipError> {
    if voters.is_empty() {
        return Err(MembershipError::NoVoters);
    }
    within(group, async || {
        let Some(metrics) = settled_metrics(group)? else {
            return Ok(Attempt::Again);
        };
        check_member(group, &metrics)?;
        let membership = metrics.membership_config.membership();
        let target: BTreeSet<u64> = voters.iter().map(|node| node.get()).collect();
        if *membership.get_joint_config() == [target.clone()] {
            return Ok(Attempt::Done);
        }
        check_caught_up(&metrics, voters)?;
        // What was a voter stays as a learner: it keeps receiving the log
        // until it is removed, and can take its place again.
        write(group, ChangeMembers::ReplaceAllVoters(target)).await
    })
    .await
}

pub(crate) async fn remove<R: Runtime>(
    group: &Arc<Group<R>>,
    node: NodeId,
) -> Result<(), MembershipError> {
    within(group, async || {
        let Some(metrics) = settled_metrics(group)? else {
            return Ok(Attempt::Again);
        };
        let membership = metrics.membership_config.membership();
        if !nodes(&metrics).contains(&node) {
            return Ok(Attempt::Done);
        }
        check_member(group, &metrics)?;
        if membership.voter_ids().any(|voter| voter == node.get()) {
            return Err(MembershipError::StillVoter { node });
        }
        write(
            group,
            ChangeMembers::RemoveNodes(BTreeSet::from([node.get()])),
        )
        .await
    })
    .await
}

/// Repeats the attempt until it is done, or for good reason not. The reason
/// why it is not done is worth more than the fact that time is up.
async fn within<R: Runtime, F, Fut>(
    group: &Arc<Group<R>>,
    attempt: F,
) -> Result<(), MembershipError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Attempt, MembershipError>>,
{
    let deadline = Instant::now() + group.config.membership_deadline;
    let mut reason = MembershipError::Timeout;
    loop {
        match tokio::time::timeout_at(deadline, attempt()).await {
            Ok(Ok(Attempt::Done)) => return Ok(()),
            Ok(Ok(Attempt::Again)) => reason = MembershipError::Timeout,
            Ok(Err(error @ MembershipError::LearnerBehind { .. })) => reason = error,
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(reason),
        }
        if Instant::now() + RETRY_PAUSE >= deadline {
            return Err(reason);
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

async fn write<R: Runtime>(
    group: &Arc<Group<R>>,
    change: ChangeMembers<u64, EmptyNode>,
) -> Result<Attempt, MembershipError> {
    let written: Written<R> = group.raft.change_membership(change, true).await;
    match written {
        // Looked at again: only what the metrics say counts as done.
        Ok(_) => Ok(Attempt::Again),
        Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
            let leader = forward.leader_id.map(NodeId::new);
            Err(MembershipError::NotLeader { leader })
        }
        Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error))) => match error {
            ChangeMembershipError::InProgress(_) => Ok(Attempt::Again),
            ChangeMembershipError::EmptyMembership(_) => Err(MembershipError::NoVoters),
            ChangeMembershipError::LearnerNotFound(error) => {
                let node = NodeId::new(error.node_id);
                Err(MembershipError::UnknownNode { node })
            }
        },
        Err(RaftError::Fatal(_)) => Err(MembershipError::Stopped),
    }
}

/// The leader's metrics, unless the membership in them may still be lost with
/// this leader.
fn settled_metrics<R: Runtime>(group: &Group<R>) -> Result<Option<RaftMetrics>, MembershipError> {
    let leader = group.leader();
    if leader != Some(group.node()) {
        return Err(MembershipError::NotLeader { leader });
    }
    let metrics = group.raft.metrics().borrow().clone();
    let is_settled = *metrics.membership_config.log_id() <= metrics.last_applied;
    Ok(is_settled.then_some(metrics))
}

/// A leader that was removed leads on until its next heartbeat. openraft would
/// let it change the group that it is no part of.
fn check_member<R: Runtime>(
    group: &Group<R>,
    metrics: &RaftMetrics,
) -> Result<(), MembershipError> {
    if nodes(metrics).contains(&group.node()) {
        return Ok(());
    }
    Err(MembershipError::NotLeader { leader: None })
}

/// Voters and learners.
pub(crate) fn nodes(metrics: &RaftMetrics) -> BTreeSet<NodeId> {
    let nodes = metrics.membership_config.nodes();
    nodes.map(|(node, _)| NodeId::new(*node)).collect()
}

/// A voter that lacks most of the log makes every commit wait for the others.
fn check_caught_up(
    metrics: &RaftMetrics,
    voters: &BTreeSet<NodeId>,
) -> Result<(), MembershipError> {
    let current: BTreeSet<_> = metrics.membership_config.voter_ids().collect();
    let known = nodes(metrics);
    let end = metrics.last_log_index.map_or(0, |index| index + 1);
    for &node in voters {
        if !known.contains(&node) {
            return Err(MembershipError::UnknownNode { node });
        }
        if current.contains(&node.get()) {
            continue;
        }
        let matched = metrics
            .replication
            .as_ref()
            .and_then(|all| all.get(&node.get()));
        let has = matched.copied().flatten().map_or(0, |id| id.index + 1);
        let lag = end.saturating_sub(has);
        if lag > CAUGHT_UP_ENTRIES {
            return Err(MembershipError::LearnerBehind { node, lag });
        }
    }
    Ok(())
}
