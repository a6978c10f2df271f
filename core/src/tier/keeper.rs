//! Brings the Raft group to what the replicated state says, one step at a time:
//! the leader's part of joining and leaving. It remembers nothing, so it does
//! not matter which leader begins a change and which ends it.

use std::sync::Arc;
use std::time::Duration;

use quorate_model::command::Command;
use quorate_model::ids::NodeId;
use quorate_model::member::Member;
use quorate_model::reply::Reply;
use quorate_model::rules::{RaftTier, TierStep, next_step};
use tokio::sync::watch;

use crate::core::Core;
use crate::membership::MembershipError;
use crate::metrics::{CoreMetrics, Role};
use crate::tier::control::Control;
use crate::tier::names::name_or_id;
use crate::tier::surroundings::FaultPoint;
use crate::types::Runtime;

/// How often the leader looks when nothing tells it to.
const ROUND: Duration = Duration::from_millis(500);
/// While a step waits for something: a learner that catches up, a busy group.
const SOON: Duration = Duration::from_millis(100);
const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);
const CAUGHT_UP_ENTRIES: u64 = 32;

pub(crate) async fn run<R: Runtime>(control: Arc<Control<R>>, mut changed: watch::Receiver<u64>) {
    loop {
        let pause = match round(&control).await {
            Round::Done => Duration::ZERO,
            Round::Waiting => SOON,
            Round::Nothing => ROUND,
        };
        if pause.is_zero() {
            continue;
        }
        tokio::select! {
            biased;
            it = changed.changed() => if it.is_err() { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

enum Round {
    Nothing,
    Waiting,
    Done,
}

async fn round<R: Runtime>(control: &Control<R>) -> Round {
    let core = &control.core;
    let metrics = core.metrics();
    if metrics.role != Role::Leader {
        return Round::Nothing;
    }
    let members: Vec<Member> = core
        .read_stale(|state| state.view().members().cloned().collect())
        .value;
    let mut tier = RaftTier {
        leader: metrics.node,
        voters: metrics.voters.clone(),
        learners: metrics.learners.clone(),
        caught_up: caught_up(&metrics),
    };
    loop {
        let Some(step) = next_step(members.iter(), &tier) else {
            if metrics.is_joint {
                // Whoever led before left a change half done.
                let voters = tier.voters;
                return take(control, TierStep::Promote { voters }).await;
            }
            return if tier.voters.len() < wanted(&members) {
                Round::Waiting
            } else {
                Round::Nothing
            };
        };
        if let TierStep::Promote { voters } = &step {
            let newcomer = voters.difference(&tier.voters).next().copied();
            if let Some(newcomer) = newcomer
                && control.ask_report(newcomer).await.is_none()
            {
                // A voter that does not answer would be missed at once.
                tier.caught_up.remove(&newcomer);
                continue;
            }
        }
        return take(control, step).await;
    }
}

fn wanted(members: &[Member]) -> usize {
    let is_wanted = |member: &&Member| member.roles.is_core() && !member.retiring && member.is_up();
    members.iter().filter(is_wanted).count()
}

fn in_words<R: Runtime>(core: &Core<R>, step: &TierStep) -> String {
    let told = core.read_stale(|state| {
        let name = |node: &NodeId| name_or_id(state, *node);
        match step {
            TierStep::AddLearner(node) => format!("{} is to receive the log", name(node)),
            TierStep::Promote { voters } | TierStep::Demote { voters } => {
                let names: Vec<String> = voters.iter().map(name).collect();
                format!("the voters are to be {}", names.join(", "))
            }
            TierStep::Remove(node) => format!("{} is to be no member any more", name(node)),
            TierStep::RemoveLearner(node) => {
                format!("{} is to receive no log any more", name(node))
            }
        }
    });
    told.value
}

async fn take<R: Runtime>(control: &Control<R>, step: TierStep) -> Round {
    let core = &control.core;
    tracing::info!(step = in_words(core, &step), "changing the core tier");
    let result = match &step {
        TierStep::AddLearner(node) => core.add_learner(*node).await,
        TierStep::Promote { voters } | TierStep::Demote { voters } => {
            core.change_voters(voters.clone()).await
        }
        TierStep::RemoveLearner(node) => core.remove(*node).await,
        TierStep::Remove(node) => return remove(core, *node).await,
    };
    match result {
        Ok(()) => {
            control.surroundings.reach(FaultPoint::TierChanged);
            Round::Done
        }
        Err(MembershipError::NotLeader { .. } | MembershipError::Stopped) => Round::Nothing,
        Err(error) => {
            tracing::warn!(?step, %error, "the core tier is not as it should be yet");
            Round::Waiting
        }
    }
}

async fn remove<R: Runtime>(core: &Core<R>, node: NodeId) -> Round {
    let command = Command::RemoveMember { node };
    match core.propose_within(command, COMMIT_TIMEOUT).await {
        Ok(committed) => match committed.reply {
            Reply::Rejected(rejection) => {
                tracing::warn!(%node, %rejection, "a node that leaves is not removed");
                Round::Waiting
            }
            Reply::Done | Reply::Claimed { .. } => Round::Done,
        },
        Err(error) => {
            tracing::warn!(%node, %error, "a node that leaves is not removed yet");
            Round::Waiting
        }
    }
}

/// By the leader's own account.
fn caught_up(metrics: &CoreMetrics) -> std::collections::BTreeSet<NodeId> {
    let end = metrics.last_log.map_or(0, |last| last.get());
    let is_close = |has: &Option<quorate_model::ids::Revision>| {
        has.is_some_and(|has| has.get() + CAUGHT_UP_ENTRIES >= end)
    };
    let matched = metrics.matched.iter().filter(|(_, has)| is_close(has));
    matched.map(|(node, _)| *node).collect()
}
