//! A new member's way to its vote.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::metrics::CoreMetrics;
use crate::tier::control::{self, REPORT_TIMEOUT};
use crate::tier::identity::{Stage, Standing};
use crate::tier::life::Life;
use crate::tier::node::Inner;
use crate::tier::surroundings::FaultPoint;
use crate::tier::wire::{ControlAnswer, ControlRequest};
use crate::tier::work::{Progress, Step, Work};
use crate::types::Runtime;

const WATCH: Duration = Duration::from_millis(100);

/// From the new identity to the vote. Begins again at each start until it is
/// through.
pub(crate) async fn arrive<R: Runtime>(inner: Arc<Inner<R>>, life: Arc<Life<R>>) {
    show(&inner, Work::at(Step::CatchingUp));
    let incarnation = inner.identity().incarnation;
    let mut was_announced = false;
    let mut total = 0;
    let mut looked = Instant::now();
    loop {
        let metrics = life.core.metrics();
        let is_up = life.core.read_stale(|state| {
            let member = state.view().member(life.node);
            member.is_some_and(|member| member.is_up() && member.incarnation == incarnation)
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
        let work = Work {
            step: if is_close {
                Step::Promoting
            } else {
                Step::CatchingUp
            },
            progress: (total > 0).then_some(Progress {
                done: done.min(total),
                total,
            }),
            obstacle: obstacle(&inner, &life, &metrics),
            outcome: None,
        };
        show(&inner, work);
        tokio::time::sleep(WATCH).await;
    }
    inner.world.surroundings.reach(FaultPoint::JoinVoting);
    let arrived = inner.change(|identity| {
        if let Standing::In(membership) = &mut identity.standing {
            membership.stage = Stage::Member;
        }
    });
    if let Err(error) = arrived.await {
        return inner.fail(error.to_string());
    }
    let identity = inner.identity();
    let cluster = identity
        .membership()
        .map_or_else(String::new, |it| it.cluster_name.to_string());
    tracing::info!(cluster, "joined a cluster");
    let work = Work {
        outcome: Some(Ok(format!("joined the cluster {cluster}"))),
        ..Work::at(Step::Promoting)
    };
    show(&inner, work);
}

/// Why nobody gives this node what it needs, as far as it can know.
fn obstacle<R: Runtime>(inner: &Inner<R>, life: &Life<R>, metrics: &CoreMetrics) -> Option<String> {
    if metrics.leader.is_some() {
        return None;
    }
    let identity = inner.identity();
    let mut peers = identity.membership()?.peers.iter();
    peers.find_map(|peer| {
        let refusal = life.transport.standing_refusal(peer.node)?;
        Some(format!("{}: {refusal}", peer.name))
    })
}

/// Once somebody has asked the node to leave, that is what is told.
fn show<R: Runtime>(inner: &Inner<R>, next: Work) {
    inner.work.send_if_modified(|work| {
        let is_shown = work.as_ref().is_none_or(|work| work.step.is_joining());
        if is_shown {
            *work = Some(next);
        }
        is_shown
    });
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
