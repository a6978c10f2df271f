//! Answers what members ask about membership.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use quorate_model::command::Command;
use quorate_model::ids::NodeId;
use quorate_model::member::Member;
use quorate_model::node_name::NodeName;
use quorate_model::reply::Reply;
use quorate_model::rules::{CoreTier, check_force_leave, check_leave};
use quorate_transport::{KnownPeer, Service, Transport};
use tokio::sync::mpsc;

use crate::core::Core;
use crate::metrics::Role;
use crate::tier::surroundings::{FaultPoint, Surroundings};
use crate::tier::wire::{ControlAnswer, ControlRefusal, ControlRequest, NodeReport};
use crate::types::Runtime;

/// A core that does not answer within this is taken for dead, when it is about
/// leaving, and says nothing, when it is about showing.
pub(crate) const REPORT_TIMEOUT: Duration = Duration::from_millis(700);
const COMMIT_TIMEOUT: Duration = Duration::from_secs(8);
/// Shorter than whoever waits for it has.
const RELAY_TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) struct Control<R: Runtime> {
    pub(crate) core: Core<R>,
    pub(crate) name: NodeName,
    pub(crate) version: String,
    /// The serials of the authority that signed this node's certificate, and of
    /// the newest that it trusts.
    pub(crate) authority: AtomicU32,
    pub(crate) trusted: AtomicU32,
    pub(crate) transport: std::sync::OnceLock<Transport>,
    pub(crate) takeover: mpsc::Sender<NodeId>,
    pub(crate) surroundings: Arc<dyn Surroundings>,
    pub(crate) clients: Arc<dyn Fn() -> Option<u64> + Send + Sync>,
}

impl<R: Runtime> Control<R> {
    pub(crate) async fn answer(&self, from: &KnownPeer, request: &[u8]) -> Bytes {
        let answer = match ControlRequest::decode(request) {
            Ok(request) if !self.may_ask(from, &request) => {
                Err(not_allowed("this node may not ask for that"))
            }
            Ok(request) => self.serve_peer(from.node, request).await,
            Err(error) => Err(ControlRefusal::Malformed {
                detail: error.to_string(),
            }),
        };
        answer.unwrap_or_else(ControlAnswer::Refused).encode()
    }

    /// A node speaks for itself; for others, cores do.
    fn may_ask(&self, from: &KnownPeer, request: &ControlRequest) -> bool {
        match request {
            ControlRequest::Report => true,
            ControlRequest::Leave { node } => *node == from.node || from.roles.is_core(),
            ControlRequest::ForceLeave { .. } => from.roles.is_core(),
            ControlRequest::TakeOver => self.core.metrics().leader == Some(from.node),
        }
    }

    async fn serve_peer(
        &self,
        from: NodeId,
        request: ControlRequest,
    ) -> Result<ControlAnswer, ControlRefusal> {
        let is_of_others = match &request {
            ControlRequest::Leave { node } => *node != from,
            ControlRequest::ForceLeave { .. } => true,
            ControlRequest::Report | ControlRequest::TakeOver => false,
        };
        // A certificate of the operator's own may be that of a node which has left.
        if is_of_others && self.member(|member| member.id == from).await?.is_none() {
            return Err(not_allowed("this node is no member of the cluster"));
        }
        let is_own_leave = request == ControlRequest::Leave { node: from };
        match self.serve(from, request).await {
            Err(ControlRefusal::NotLeader {
                leader: Some(leader),
            }) if is_own_leave => self.relay_leave(leader, from).await,
            answer => answer,
        }
    }

    /// The leader may not accept the certificate of the node that asks; it would get
    /// nowhere then.
    async fn relay_leave(
        &self,
        leader: NodeId,
        node: NodeId,
    ) -> Result<ControlAnswer, ControlRefusal> {
        let transport = self.transport.get();
        let transport = transport.ok_or_else(|| undecided("this node has just started"))?;
        let request = ControlRequest::Leave { node };
        match ask(transport, leader, &request, RELAY_TIMEOUT).await {
            Ok(ControlAnswer::Refused(refusal)) => Err(refusal),
            Ok(answer) => Ok(answer),
            Err(detail) => Err(undecided(detail)),
        }
    }

    pub(crate) async fn serve(
        &self,
        from: NodeId,
        request: ControlRequest,
    ) -> Result<ControlAnswer, ControlRefusal> {
        match request {
            ControlRequest::Report => Ok(ControlAnswer::Report(self.report())),
            ControlRequest::Leave { node } => self.leave(node).await,
            ControlRequest::ForceLeave { name } => self.force_leave(from, &name).await,
            ControlRequest::TakeOver => {
                // Full means that it is being done.
                let _ = self.takeover.try_send(from);
                Ok(ControlAnswer::TakingOver)
            }
        }
    }

    pub(crate) fn report(&self) -> NodeReport {
        let metrics = self.core.metrics();
        let index =
            |revision: Option<quorate_model::ids::Revision>| revision.map_or(0, |it| it.get());
        NodeReport {
            node: metrics.node,
            name: self.name.clone(),
            role: metrics.role,
            term: metrics.term,
            leader: metrics.leader,
            applied: index(metrics.applied),
            last_log: index(metrics.last_log),
            version: self.version.clone(),
            authority: self.authority.load(Relaxed),
            trusted: self.trusted.load(Relaxed),
            clients: (self.clients)(),
        }
    }

    async fn leave(&self, node: NodeId) -> Result<ControlAnswer, ControlRefusal> {
        let tier = self.tier().await?;
        let Some(member) = self.member(|member| member.id == node).await? else {
            return Ok(ControlAnswer::Gone);
        };
        if member.retiring {
            return Ok(ControlAnswer::Leaving);
        }
        check_leave(&tier, node).map_err(not_allowed)?;
        if node == self.core.node() {
            return Ok(ControlAnswer::YouLead);
        }
        self.retire(node, node).await
    }

    async fn force_leave(
        &self,
        from: NodeId,
        name: &NodeName,
    ) -> Result<ControlAnswer, ControlRefusal> {
        let tier = self.tier().await?;
        let Some(member) = self.member(|member| member.name == *name).await? else {
            return Err(ControlRefusal::UnknownNode { name: name.clone() });
        };
        let answers = member.id == self.core.node() || self.ask_report(member.id).await.is_some();
        check_force_leave(&tier, member.id, answers).map_err(not_allowed)?;
        self.retire(member.id, from).await
    }

    async fn retire(
        &self,
        node: NodeId,
        asked_by: NodeId,
    ) -> Result<ControlAnswer, ControlRefusal> {
        let command = Command::RetireMember { node, asked_by };
        let committed = self.core.propose_within(command, COMMIT_TIMEOUT).await;
        match committed.map_err(undecided)?.reply {
            Reply::Rejected(rejection) => Err(not_allowed(rejection)),
            Reply::Done | Reply::Claimed { .. } => {
                self.surroundings.reach(FaultPoint::LeaveMarked);
                Ok(ControlAnswer::Leaving)
            }
        }
    }

    /// The voters, and which of them answer now.
    async fn tier(&self) -> Result<CoreTier, ControlRefusal> {
        let metrics = self.core.metrics();
        if metrics.role != Role::Leader {
            let leader = metrics.leader;
            return Err(ControlRefusal::NotLeader { leader });
        }
        // Who is leaving already is as good as gone.
        let retiring: BTreeSet<NodeId> = self
            .core
            .read_stale(|state| {
                let members = state.view().members().filter(|member| member.retiring);
                members.map(|member| member.id).collect()
            })
            .value;
        let voters: BTreeSet<NodeId> = metrics.voters.difference(&retiring).copied().collect();
        let asked = voters.iter().map(|node| async move {
            let answers = *node == metrics.node || self.ask_report(*node).await.is_some();
            answers.then_some(*node)
        });
        let alive: BTreeSet<NodeId> = join_all(asked).await.into_iter().flatten().collect();
        Ok(CoreTier { voters, alive })
    }

    async fn member(
        &self,
        is_it: impl Fn(&Member) -> bool,
    ) -> Result<Option<Member>, ControlRefusal> {
        let read = self.core.read_within(COMMIT_TIMEOUT, |state| {
            state.view().members().find(|member| is_it(member)).cloned()
        });
        Ok(read.await.map_err(undecided)?.value)
    }

    /// What another node says of itself, if it answers soon.
    pub(crate) async fn ask_report(&self, node: NodeId) -> Option<NodeReport> {
        let transport = self.transport.get()?;
        match ask(transport, node, &ControlRequest::Report, REPORT_TIMEOUT).await {
            Ok(ControlAnswer::Report(report)) => Some(report),
            _ => None,
        }
    }
}

/// One question to one node.
pub(crate) async fn ask(
    transport: &Transport,
    node: NodeId,
    request: &ControlRequest,
    timeout: Duration,
) -> Result<ControlAnswer, String> {
    let call = transport.call(node, Service::Control, request.encode(), timeout);
    let answer = call.await.map_err(|error| error.to_string())?;
    ControlAnswer::decode(&answer).map_err(|error| error.to_string())
}

fn not_allowed(reason: impl ToString) -> ControlRefusal {
    ControlRefusal::NotAllowed {
        detail: reason.to_string(),
    }
}

fn undecided(reason: impl ToString) -> ControlRefusal {
    ControlRefusal::Undecided {
        detail: reason.to_string(),
    }
}
