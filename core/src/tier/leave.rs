//! The leaver's side of leaving a cluster, and what any member can ask of the
//! leader.
//!
//! A core that leaves takes part until the others have taken it out: a group of
//! two cannot become a group of one without it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use quorate_model::ids::NodeId;
use quorate_model::node_name::NodeName;
use quorate_model::rules::LeaveRefusal;
use tokio::time::Instant;

use crate::metrics::Role;
use crate::tier::identity::Stage;
use crate::tier::join_error::JoinError;
use crate::tier::life::{Life, Outlook};
use crate::tier::node::{CoreNode, Inner};
use crate::tier::surroundings::FaultPoint;
use crate::tier::wire::{ControlAnswer, ControlRefusal, ControlRequest};
use crate::tier::work::{Step, Work, WorkError};
use crate::tier::{admission, control};
use crate::types::Runtime;

const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the cluster may take to decide.
const DECIDE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(200);
const HANDOVER: Duration = Duration::from_secs(4);
/// How long a node that never arrived looks for somebody who lets it go.
const TURN_BACK: Duration = Duration::from_secs(10);
const TURN_BACK_CALL: Duration = Duration::from_secs(4);

/// Why a node did not leave, or was not made to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaveError {
    #[error("this node is in no cluster")]
    NotInCluster,
    #[error("this node is joining or leaving a cluster already")]
    Busy,
    #[error("{0}")]
    NotAllowed(String),
    #[error("there is no node {0} in the cluster")]
    UnknownNode(NodeName),
    #[error("the cluster cannot decide now: {0}")]
    Undecided(String),
    /// Whoever leads goes on with it.
    #[error("it is to be removed, and that is not through yet")]
    NotThrough,
    #[error("{0}")]
    Node(String),
}

impl<R: Runtime> CoreNode<R> {
    /// Begins to leave, if the cluster allows it; [`CoreNode::watch_work`] tells
    /// how it goes on.
    pub async fn leave(&self) -> Result<(), LeaveError> {
        let node = self.clone();
        let begun = self
            .inner
            .to_its_end(async move { node.begin_to_leave().await });
        let stopping = || LeaveError::Node(String::from("this node is stopping"));
        begun.await.unwrap_or_else(|| Err(stopping()))
    }

    async fn begin_to_leave(&self) -> Result<(), LeaveError> {
        let inner = Arc::clone(&self.inner);
        let identity = inner.identity();
        if identity.joining.is_some() {
            let given_up = self.give_up_joining().await;
            return given_up.map_err(|error| match error {
                JoinError::Busy => LeaveError::Busy,
                other => LeaveError::Node(other.to_string()),
            });
        }
        let life = inner.life().ok_or(LeaveError::NotInCluster)?;
        let stage = identity.membership().map(|it| &it.stage);
        let is_arriving = match stage {
            Some(Stage::Member) => false,
            Some(Stage::Joining) => true,
            Some(Stage::Forming(_)) | None => return Err(LeaveError::Busy),
        };
        if !is_arriving {
            self.check_quorum().await?;
        }
        let is_begun = inner.work.send_if_modified(|work| {
            let leaves = work
                .as_ref()
                .is_some_and(|work| work.outcome.is_none() && !work.step.is_joining());
            if !leaves {
                let step = if is_arriving {
                    Step::Leaving
                } else {
                    Step::HandingOver
                };
                *work = Some(Work::at(step));
            }
            !leaves
        });
        if !is_begun {
            return Err(LeaveError::Busy);
        }
        let leaver = Arc::clone(&inner);
        inner.spawn(async move {
            let leaving = async {
                if is_arriving {
                    leaver.turn_back(&life).await
                } else {
                    leaver.take_leave(&life).await
                }
            };
            let outcome = tokio::select! {
                biased;
                () = leaver.stopping() => return,
                outcome = leaving => outcome.map_err(WorkError::from),
            };
            leaver.work.send_modify(|work| {
                let work = work.get_or_insert(Work::at(Step::Leaving));
                work.outcome = Some(outcome);
            });
        });
        Ok(())
    }

    /// Has a node that is gone removed by the others.
    pub async fn force_leave(&self, name: NodeName) -> Result<(), LeaveError> {
        let life = self.inner.life().ok_or(LeaveError::NotInCluster)?;
        self.check_quorum().await?;
        let until = Instant::now() + DECIDE;
        let removed = find(&life, &name);
        let request = ControlRequest::ForceLeave { name: name.clone() };
        ask_leader(&life, &request, until).await?;
        // Decided; what follows is the leader's to do, and shows soon.
        while let Some(node) = removed {
            let is_gone = life
                .core
                .read_stale(|state| state.view().member(node).is_none())
                .value;
            if is_gone {
                break;
            }
            if Instant::now() >= until {
                return Err(LeaveError::NotThrough);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

impl<R: Runtime> CoreNode<R> {
    /// Says at once, with the numbers, what would only be found out by waiting.
    async fn check_quorum(&self) -> Result<(), LeaveError> {
        let status = self.status().await.ok_or(LeaveError::NotInCluster)?;
        let (alive, needed) = (status.voters_alive(), status.voters_needed());
        if alive >= needed {
            return Ok(());
        }
        let voters = status.metrics.voters.len();
        let refusal = LeaveRefusal::NoQuorum {
            alive,
            voters,
            needed,
        };
        Err(LeaveError::Undecided(refusal.to_string()))
    }
}

fn find<R: Runtime>(life: &Life<R>, name: &NodeName) -> Option<NodeId> {
    let found = life.core.read_stale(|state| {
        let mut members = state.view().members();
        members
            .find(|member| member.name == *name)
            .map(|member| member.id)
    });
    found.value
}

impl<R: Runtime> Inner<R> {
    async fn take_leave(self: &Arc<Self>, life: &Arc<Life<R>>) -> Result<String, LeaveError> {
        let node = life.node;
        let until = Instant::now() + DECIDE;
        let mut is_granted = false;
        loop {
            let request = ControlRequest::Leave { node };
            let answer = match ask_leader(life, &request, until).await {
                Err(LeaveError::Undecided(_)) if is_granted => return Err(LeaveError::NotThrough),
                answer => answer?,
            };
            match answer {
                ControlAnswer::YouLead if Instant::now() >= until => {
                    let reason = "no other core took the lead over in time";
                    return Err(LeaveError::Undecided(reason.to_owned()));
                }
                ControlAnswer::YouLead => hand_over(life).await,
                ControlAnswer::Gone => break,
                _ => {
                    is_granted = true;
                    self.work.send_replace(Some(Work::at(Step::Leaving)));
                    if self.removed_in(life, until).await {
                        break;
                    }
                    if Instant::now() >= until {
                        return Err(LeaveError::NotThrough);
                    }
                }
            }
            self.world.surroundings.reach(FaultPoint::LeaveHandedOver);
        }
        self.world.surroundings.reach(FaultPoint::LeaveRemoved);
        self.retire(life).await;
        Ok(String::from("left the cluster"))
    }

    /// Leaves a cluster that this node has been admitted to and has not arrived in. It
    /// knows no leader, and there may be nobody left to ask: then it goes by itself,
    /// as a machine that is lost does.
    async fn turn_back(self: &Arc<Self>, life: &Arc<Life<R>>) -> Result<String, LeaveError> {
        let until = Instant::now() + TURN_BACK;
        let mut was_answered = false;
        loop {
            let answers = self.ask_out(life).await;
            was_answered |= !answers.is_empty();
            let is_removed = *life.outlook.borrow() == Outlook::Removed;
            if is_removed || answers.contains(&ControlAnswer::Gone) {
                break;
            }
            if answers.contains(&ControlAnswer::Leaving) && self.removed_in(life, until).await {
                break;
            }
            for answer in &answers {
                if let ControlAnswer::Refused(ControlRefusal::NotAllowed { detail }) = answer {
                    return Err(LeaveError::NotAllowed(detail.clone()));
                }
            }
            if Instant::now() < until {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let undecided = |reason: &str| Err(LeaveError::Undecided(reason.to_owned()));
            if was_answered {
                return undecided("its cores answer and have not let this node go yet");
            }
            if life.core.metrics().voters.contains(&life.node) {
                return undecided("this node has a vote already, and no other core answers");
            }
            self.retire(life).await;
            let name = &self.world.settings.name;
            return Ok(format!(
                "gave up joining: no core of the cluster answers; if it is still there, \
                 run there: quorate cluster force-leave {name}"
            ));
        }
        self.retire(life).await;
        Ok(String::from("left the cluster"))
    }

    /// Asks every core that this node knows to let it go; what those say that answer.
    async fn ask_out(&self, life: &Life<R>) -> Vec<ControlAnswer> {
        let node = life.node;
        let identity = self.identity();
        let kept = identity.membership().map(|it| it.peers.clone());
        let seen = life.core.read_stale(|state| admission::peers(state, node));
        let cores = kept.into_iter().flatten().chain(seen.value);
        let cores: BTreeSet<NodeId> = cores.map(|core| core.node).collect();
        let request = ControlRequest::Leave { node };
        let request = &request;
        let asked = cores.into_iter().map(|core| async move {
            let answer = control::ask(&life.transport, core, request, TURN_BACK_CALL).await;
            answer.ok()
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// Waits a while for the removal to show here.
    async fn removed_in(&self, life: &Arc<Life<R>>, until: Instant) -> bool {
        let mut outlook = life.outlook.clone();
        let pause = (Instant::now() + 5 * PAUSE).min(until.max(Instant::now() + PAUSE));
        let removed = outlook.wait_for(|outlook| *outlook == Outlook::Removed);
        matches!(tokio::time::timeout_at(pause, removed).await, Ok(Ok(_)))
    }
}

/// Has another core take the lead, the one that waits least for its elections.
async fn hand_over<R: Runtime>(life: &Arc<Life<R>>) {
    let _yielding = life.core.yield_lead();
    let metrics = life.core.metrics();
    let mut others: Vec<(u32, NodeId)> = life
        .core
        .read_stale(|state| {
            let voters = metrics.voters.iter().filter(|voter| **voter != life.node);
            voters
                .filter_map(|voter| Some((state.view().member(*voter)?.election_slot?, *voter)))
                .collect()
        })
        .value;
    others.sort_unstable();
    for (_, successor) in others {
        let request = ControlRequest::TakeOver;
        let answer = control::ask(
            &life.transport,
            successor,
            &request,
            control::REPORT_TIMEOUT,
        );
        if answer.await != Ok(ControlAnswer::TakingOver) {
            continue;
        }
        let until = Instant::now() + HANDOVER;
        while Instant::now() < until {
            let now = life.core.metrics();
            if now.role != Role::Leader && now.leader.is_some_and(|leader| leader != life.node) {
                return;
            }
            tokio::time::sleep(PAUSE / 4).await;
        }
    }
}

/// Asks whoever leads, until somebody decides or time is up.
pub(crate) async fn ask_leader<R: Runtime>(
    life: &Arc<Life<R>>,
    request: &ControlRequest,
    until: Instant,
) -> Result<ControlAnswer, LeaveError> {
    loop {
        let leader = life.core.metrics().leader;
        let answer = match leader {
            Some(leader) if leader == life.node => {
                life.control.serve(leader, request.clone()).await
            }
            Some(leader) => {
                let mut outlook = life.outlook.clone();
                let asked = tokio::select! {
                    biased;
                    // Whoever is removed gets no answer any more.
                    _ = outlook.wait_for(|outlook| *outlook == Outlook::Removed) => {
                        return Ok(ControlAnswer::Gone);
                    }
                    asked = control::ask(&life.transport, leader, request, CALL_TIMEOUT) => asked,
                };
                match asked {
                    Ok(ControlAnswer::Refused(refusal)) => Err(refusal),
                    Ok(answer) => Ok(answer),
                    Err(detail) => Err(ControlRefusal::Undecided { detail }),
                }
            }
            None => Err(ControlRefusal::Undecided {
                detail: String::from("no leader is known"),
            }),
        };
        let reason = match answer {
            Ok(answer) => return Ok(answer),
            Err(ControlRefusal::NotAllowed { detail }) => {
                return Err(LeaveError::NotAllowed(detail));
            }
            Err(ControlRefusal::UnknownNode { name }) => return Err(LeaveError::UnknownNode(name)),
            Err(ControlRefusal::Undecided { detail }) => detail,
            Err(refusal) => refusal.to_string(),
        };
        if *life.outlook.borrow() == Outlook::Removed {
            return Ok(ControlAnswer::Gone);
        }
        if Instant::now() + PAUSE >= until {
            return Err(LeaveError::Undecided(reason));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
