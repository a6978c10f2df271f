//! The joiner's side of joining a cluster.
//!
//! ```text
//! intent on disk -> asked, admitted -> new identity on disk -> learner -> voter
//!        a crash: asks again            a crash: goes on as that node
//! ```
//!
//! The new identity is written in one piece. Before that the node is who it was,
//! after it the old data counts no more. Whoever gets the same question again,
//! from the same node id, gives the same answer.

use std::sync::Arc;
use std::time::Duration;

use quorate_model::authority::SecretKey;
use quorate_model::candidate::Candidate;
use quorate_model::state::ClusterState;
use quorate_transport::{JoinToken, NodeKey, Prover, TokenError, Trust, Visit, VisitError};
use tokio::time::Instant;

use crate::metrics::CoreMetrics;
use crate::tier::control::{self, REPORT_TIMEOUT};
use crate::tier::first_start::new_node_id;
use crate::tier::identity::{Membership, PendingJoin, Stage, Standing, StoredCredentials};
use crate::tier::life::Life;
use crate::tier::node::{CoreNode, Inner, NodeError, World};
use crate::tier::surroundings::FaultPoint;
use crate::tier::wire::{
    AdmissionAnswer, AdmissionRefusal, Admitted, Application, ControlAnswer, ControlRequest, Proof,
};
use crate::tier::work::{Progress, Step, Work};
use crate::types::Runtime;

const ASK_TIMEOUT: Duration = Duration::from_secs(20);
const RESUME_PAUSE: Duration = Duration::from_secs(1);
const WATCH: Duration = Duration::from_millis(100);

/// What an operator asks for.
#[derive(Debug, Clone)]
pub struct JoinOrder {
    /// Where a core of the cluster is: host and port.
    pub core: String,
    pub token: Option<JoinToken>,
    /// This node's own data may go.
    pub may_wipe: bool,
}

/// Why a node did not join.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error(
        "this node is a replicant; replicants find their cores by discovery and are never joined by hand"
    )]
    NotACore,
    #[error("this node is joining or leaving a cluster already")]
    Busy,
    #[error("this node is in the cluster {cluster} with {others} other nodes; it must leave first")]
    InCluster { cluster: String, others: usize },
    #[error("this node has data of its own ({what}), which joining would remove")]
    HasData { what: String },
    #[error("a token is needed, or a cookie in the configuration of both nodes")]
    NoProof,
    #[error("{0}")]
    Token(#[from] TokenError),
    #[error("{core} did not let this node in: {error}")]
    Visit { core: String, error: VisitError },
    #[error("{core} was asked and has not answered: {error}")]
    Unanswered { core: String, error: VisitError },
    #[error("the join was given up")]
    GivenUp,
    #[error("{core} refused this node: {refusal}")]
    Refused {
        core: String,
        refusal: AdmissionRefusal,
    },
    #[error("{core} does not know the cookie that it accepted")]
    NoCookieBack { core: String },
    #[error("{core} answered what cannot be read: {detail}")]
    Unreadable { core: String, detail: String },
    #[error("{0}")]
    Node(String),
    #[error("this node is stopping; it goes on joining when it starts again")]
    Stopping,
}

impl JoinError {
    /// Whether the cluster may have admitted this node, or may do so yet. Then
    /// only an answer ends the join.
    fn is_open(&self) -> bool {
        match self {
            Self::Unanswered { .. } | Self::Stopping => true,
            Self::Refused { refusal, .. } => refusal.is_passing(),
            _ => false,
        }
    }

    /// Whether nobody was reached who could have answered: one of another cluster
    /// can't either, and may be there since the cluster's own has moved or left.
    fn is_unasked(&self) -> bool {
        matches!(self, Self::Visit { .. })
    }
}

impl<R: Runtime> CoreNode<R> {
    /// Begins to join, when nothing speaks against it here; [`CoreNode::watch_work`]
    /// tells how it goes on.
    pub async fn join(&self, order: JoinOrder) -> Result<(), JoinError> {
        let inner = &self.inner;
        if !inner.world.settings.roles.is_core() {
            return Err(JoinError::NotACore);
        }
        let changing = inner.changing.try_lock().map_err(|_| JoinError::Busy)?;
        let identity = inner.identity();
        let is_arriving = identity
            .membership()
            .is_some_and(|it| it.stage == Stage::Joining);
        if identity.joining.is_some() || is_arriving {
            return Err(JoinError::Busy);
        }
        if order.token.is_none() && inner.world.settings.cookie.is_none() {
            return Err(JoinError::NoProof);
        }
        inner.check_alone(order.may_wipe)?;
        let key = NodeKey::generate().map_err(|error| JoinError::Node(error.to_string()))?;
        let pending = PendingJoin {
            core: order.core,
            token: order
                .token
                .map(|token| SecretKey::new(token.reveal().into_bytes())),
            node: new_node_id(&inner.world),
            key: SecretKey::new(key.bytes().to_vec()),
            may_wipe: order.may_wipe,
        };
        inner.set_joining(Some(pending))?;
        inner.world.surroundings.reach(FaultPoint::JoinIntended);
        inner.work.send_replace(Some(Work::at(Step::Asking)));
        drop(changing);
        let joiner = Arc::clone(inner);
        inner.spawn(async move { run(joiner, false).await });
        Ok(())
    }

    /// Ends a join that waits for an answer. If the other cluster admitted this
    /// node after all, it has to be forced to leave there.
    pub(crate) fn give_up_joining(&self) -> Result<(), JoinError> {
        self.inner.set_joining(None)?;
        self.inner.work.send_replace(Some(Work {
            outcome: Some(Err(JoinError::GivenUp.into())),
            ..Work::at(Step::Asking)
        }));
        Ok(())
    }
}

/// Goes on with a join that a crash interrupted. Whether the cluster has
/// admitted this node is not known.
pub(crate) async fn resume<R: Runtime>(inner: Arc<Inner<R>>) {
    run(inner, true).await;
}

/// Asks until there is an answer. A core that was never reached ends the join at
/// once, unless one may have been reached before.
async fn run<R: Runtime>(inner: Arc<Inner<R>>, mut may_be_admitted: bool) {
    loop {
        let error = match inner.try_join().await {
            Ok(()) => return,
            Err(error) => error,
        };
        may_be_admitted |= error.is_open();
        let goes_on = error.is_open() || (may_be_admitted && error.is_unasked());
        if !goes_on {
            return inner.conclude(error);
        }
        tracing::warn!(%error, "the join that was begun is not decided yet");
        if tokio::time::timeout(RESUME_PAUSE, inner.stopping())
            .await
            .is_ok()
        {
            return;
        }
    }
}

impl<R: Runtime> Inner<R> {
    async fn try_join(self: &Arc<Self>) -> Result<(), JoinError> {
        let _changing = self.changing.lock().await;
        let Some(pending) = self.identity().joining else {
            // Given up meanwhile.
            return Ok(());
        };
        self.work.send_replace(Some(Work::at(Step::Asking)));
        let admitted = tokio::select! {
            biased;
            () = self.stopping() => return Err(JoinError::Stopping),
            admitted = ask(&self.world, &pending) => admitted?,
        };
        self.world.surroundings.reach(FaultPoint::JoinAdmitted);
        // While the answer was on its way somebody may have used this node.
        self.check_alone(pending.may_wipe)?;
        if self.identity().joining.as_ref() != Some(&pending) {
            return Err(JoinError::GivenUp);
        }
        self.work.send_replace(Some(Work::at(Step::Switching)));
        self.end_life().await;
        if *self.is_stopping.borrow() {
            return Err(JoinError::Stopping);
        }
        self.switch(&pending, admitted)
            .map_err(|error| self.broken(&error))?;
        self.world.surroundings.reach(FaultPoint::JoinSwitched);
        let discarded = self
            .world
            .surroundings
            .discard_stores_except(Some(pending.node));
        discarded.map_err(|error| self.broken(&error.into()))?;
        self.live().await.map_err(|error| self.broken(&error))?;
        Ok(())
    }

    /// The commit of it all: the identity changes in one write.
    fn switch(&self, pending: &PendingJoin, admitted: Admitted) -> Result<(), NodeError> {
        let roles = self.world.settings.roles;
        let issued = self.world.clock.now();
        self.change(|identity| {
            identity.joining = None;
            identity.standing = Standing::In(Membership {
                cluster: admitted.cluster,
                cluster_name: admitted.cluster_name,
                node: pending.node,
                roles,
                election_slot: admitted.election_slot.unwrap_or_default(),
                stage: Stage::Joining,
                credentials: StoredCredentials {
                    key: pending.key.clone(),
                    certificate: admitted.certificate,
                    authorities: admitted.authorities,
                    issued,
                },
                peers: admitted.peers,
            });
        })?;
        Ok(())
    }

    /// Half of a switch is not undone: the node stops, and goes on at its start.
    fn broken(&self, error: &NodeError) -> JoinError {
        self.fail(format!("the change to another cluster broke off: {error}"));
        JoinError::Node(error.to_string())
    }

    /// This node stays what it was.
    fn conclude(&self, error: JoinError) {
        if let Err(disk) = self.set_joining(None) {
            self.fail(disk.to_string());
        }
        tracing::warn!(%error, "this node did not join");
        self.work.send_modify(|work| {
            let work = work.get_or_insert(Work::at(Step::Asking));
            work.outcome = Some(Err(error.into()));
        });
    }

    fn set_joining(&self, joining: Option<PendingJoin>) -> Result<(), JoinError> {
        let changed = self.change(|identity| identity.joining = joining);
        changed.map_err(|error| JoinError::Node(error.to_string()))
    }

    /// Whether this node may give up what it is.
    fn check_alone(&self, may_wipe: bool) -> Result<(), JoinError> {
        let Some(life) = self.life() else {
            return Ok(());
        };
        life.core
            .read_stale(|state| {
                let others = state.view().members().count().saturating_sub(1);
                if others > 0 {
                    let cluster = state.view().cluster();
                    let cluster = cluster.map_or_else(String::new, |it| it.name.to_string());
                    return Err(JoinError::InCluster { cluster, others });
                }
                match user_data(state) {
                    Some(what) if !may_wipe => Err(JoinError::HasData { what }),
                    _ => Ok(()),
                }
            })
            .value
    }
}

/// What somebody put into the state of a cluster of one.
fn user_data(state: &ClusterState) -> Option<String> {
    let view = state.view();
    let counts = [
        (view.route_count(), "subscriptions"),
        (view.retained_count(), "retained messages"),
        (view.ban_count(), "bans"),
        (view.setting_count(), "settings"),
        (state.owner_count(), "clients"),
        (state.tokens().count(), "join tokens"),
    ];
    let found: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what}: {count}"))
        .collect();
    (!found.is_empty()).then(|| found.join(", "))
}

/// Shows what the candidate has, and brings back what it needs.
async fn ask(world: &World, pending: &PendingJoin) -> Result<Admitted, JoinError> {
    let core = pending.core.clone();
    let failed = |error| JoinError::Visit {
        core: core.clone(),
        error,
    };
    let token = pending.token.as_ref().map(|token| {
        let text = String::from_utf8_lossy(token.as_bytes());
        text.parse::<JoinToken>()
    });
    let token = token.transpose()?;
    let trust = token
        .as_ref()
        .map_or(Trust::ProofLater, |token| Trust::Authority(token.authority));
    let settings = &world.settings;
    let socket = world.surroundings.bind_for_visit();
    let socket = socket.map_err(|error| failed(VisitError::Endpoint(error.to_string())))?;
    let addresses = [pending.core.clone()];
    let visit = Visit::begin(
        &settings.environment,
        &settings.transport,
        socket,
        &addresses,
        trust,
    );
    let visit = visit.await.map_err(failed)?;
    let proof = match (&token, &settings.cookie) {
        (Some(token), _) => Proof::Token {
            id: token.id,
            signature: token.prove(visit.binding())?,
        },
        (None, Some(key)) => Proof::Cookie {
            tag: key.prove(Prover::Joiner, visit.binding()),
        },
        (None, None) => return Err(JoinError::NoProof),
    };
    let key = NodeKey::restore(pending.key.as_bytes());
    let key = key.map_err(|error| JoinError::Node(error.to_string()))?;
    let application = Application {
        candidate: candidate(world, pending),
        public_key: *key.public().bytes(),
        proof,
    };
    let answer = visit.ask(application.encode(), ASK_TIMEOUT).await;
    let answer = answer.map_err(|error| JoinError::Unanswered {
        core: core.clone(),
        error,
    })?;
    let answer = AdmissionAnswer::decode(&answer);
    let admitted = match answer {
        Ok(AdmissionAnswer::Admitted(admitted)) => *admitted,
        Ok(AdmissionAnswer::Refused(refusal)) => return Err(JoinError::Refused { core, refusal }),
        Err(error) => {
            let detail = error.to_string();
            return Err(JoinError::Unreadable { core, detail });
        }
    };
    if let (None, Some(key)) = (&token, &settings.cookie) {
        let tag = admitted.cookie_tag.as_deref().unwrap_or_default();
        if !key.is_proof(Prover::Member, visit.binding(), tag) {
            return Err(JoinError::NoCookieBack { core });
        }
    }
    Ok(admitted)
}

fn candidate(world: &World, pending: &PendingJoin) -> Candidate {
    let settings = &world.settings;
    Candidate {
        id: pending.node,
        name: settings.name.clone(),
        roles: settings.roles,
        addresses: settings.advertise.clone(),
        version: settings.version.clone(),
    }
}

/// From the new identity to the vote. Begins again at each start until it is
/// through.
pub(crate) async fn arrive<R: Runtime>(inner: Arc<Inner<R>>, life: Arc<Life<R>>) {
    inner.work.send_replace(Some(Work::at(Step::CatchingUp)));
    let mut was_announced = false;
    let mut total = 0;
    let mut looked = Instant::now();
    loop {
        let metrics = life.core.metrics();
        let is_up = life.core.read_stale(|state| {
            let member = state.view().member(life.node);
            member.is_some_and(|member| {
                member.is_up() && member.incarnation == inner.identity().incarnation
            })
        });
        if is_up.value && !was_announced {
            was_announced = true;
            inner.world.surroundings.reach(FaultPoint::JoinAnnounced);
        }
        if is_up.value && metrics.voters.contains(&life.node) {
            break;
        }
        if total == 0 || looked.elapsed() >= REPORT_TIMEOUT {
            looked = Instant::now();
            total = leaders_end(&life, &metrics).await.unwrap_or(total);
        }
        let done = metrics.applied.map_or(0, |applied| applied.get());
        let is_close = is_up.value && done >= total && total > 0;
        inner.work.send_replace(Some(Work {
            step: if is_close {
                Step::Promoting
            } else {
                Step::CatchingUp
            },
            progress: (total > 0).then_some(Progress {
                done: done.min(total),
                total,
            }),
            outcome: None,
        }));
        tokio::time::sleep(WATCH).await;
    }
    inner.world.surroundings.reach(FaultPoint::JoinVoting);
    let arrived = inner.change(|identity| {
        if let Standing::In(membership) = &mut identity.standing {
            membership.stage = Stage::Member;
        }
    });
    if let Err(error) = arrived {
        return inner.fail(error.to_string());
    }
    let identity = inner.identity();
    let cluster = identity
        .membership()
        .map_or_else(String::new, |it| it.cluster_name.to_string());
    tracing::info!(cluster, "joined a cluster");
    inner.work.send_replace(Some(Work {
        step: Step::Promoting,
        progress: None,
        outcome: Some(Ok(format!("joined the cluster {cluster}"))),
    }));
}

/// How far the leader's log goes.
async fn leaders_end<R: Runtime>(life: &Life<R>, metrics: &CoreMetrics) -> Option<u64> {
    let leader = metrics.leader.filter(|leader| *leader != life.node)?;
    let request = ControlRequest::Report;
    match control::ask(&life.transport, leader, &request, REPORT_TIMEOUT).await {
        Ok(ControlAnswer::Report(report)) => Some(report.last_log),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_a_join_and_silence_does_not() {
        let core = || String::from("core1:4370");
        let refused = |refusal| JoinError::Refused {
            core: core(),
            refusal,
        };
        let undecided = AdmissionRefusal::Undecided {
            detail: String::new(),
        };
        let closed = || VisitError::Closed(String::new());
        let visit = |error| JoinError::Visit {
            core: core(),
            error,
        };
        let unanswered = JoinError::Unanswered {
            core: core(),
            error: closed(),
        };
        assert!(unanswered.is_open() && refused(undecided).is_open());
        assert!(!refused(AdmissionRefusal::WrongProof).is_open());
        assert!(!visit(closed()).is_open() && visit(closed()).is_unasked());
        let other = VisitError::OtherAuthority { tried: core() };
        assert!(!visit(other.clone()).is_open() && visit(other).is_unasked());
    }
}
