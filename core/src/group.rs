//! What all parts of a core share: the Raft group, the way to its leader, and
//! the signal to stop.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quorate_model::ids::{NodeId, Origin};
use quorate_transport::Link;
use tokio::sync::watch;

use crate::config::CoreConfig;
use crate::inherited_lead::InheritedLead;
use crate::peer::{Peer, PeerError};
use crate::types::{Raft, Runtime, ServerMetrics, leader_of};
use crate::wire::message::{PeerResponse, Refusal};

pub(crate) struct Group<R: Runtime> {
    pub(crate) config: CoreConfig,
    pub(crate) raft: Raft<R>,
    pub(crate) inherited: InheritedLead,
    link: Arc<dyn Link>,
    stop: watch::Sender<bool>,
}

/// Waits for the signal to stop.
#[derive(Debug, Clone)]
pub(crate) struct StopSignal(watch::Receiver<bool>);

/// Why a leader did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LeaderCallError {
    #[error("the leader cannot be reached")]
    Unreachable,
    #[error(transparent)]
    Refused(Refusal),
    #[error("the leader answered what was not asked")]
    Unexpected,
}

/// Finds the leader again and again, without haste once that fails.
#[derive(Debug)]
pub(crate) struct LeaderSearch {
    metrics: watch::Receiver<ServerMetrics>,
    hint: Option<NodeId>,
    failures: u32,
}

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);

impl<R: Runtime> Group<R> {
    pub(crate) fn new(
        config: CoreConfig,
        raft: Raft<R>,
        inherited: InheritedLead,
        link: Arc<dyn Link>,
    ) -> Self {
        Self {
            config,
            raft,
            inherited,
            link,
            stop: watch::Sender::new(false),
        }
    }

    pub(crate) fn node(&self) -> NodeId {
        self.config.node
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin {
            node: self.config.node,
            incarnation: self.config.incarnation,
        }
    }

    /// Who leads, as far as this node knows.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        leader_of(&self.raft.server_metrics().borrow()).map(NodeId::new)
    }

    /// How long one call to a leader may take before it is asked again.
    pub(crate) fn call_timeout(&self) -> Duration {
        self.config.heartbeat * 10
    }

    pub(crate) async fn call_leader(
        &self,
        leader: NodeId,
        request: Bytes,
    ) -> Result<PeerResponse, LeaderCallError> {
        let peer = Peer::new(
            leader,
            Arc::clone(&self.link),
            self.config.limits.message_bytes,
        );
        let answer = tokio::select! {
            biased;
            answer = peer.call_encoded(request, self.call_timeout()) => answer,
            // What a dead leader was asked, another one is asked sooner.
            () = self.another_leads(leader) => return Err(LeaderCallError::Unreachable),
        };
        match answer {
            Ok(response) => Ok(response),
            Err(PeerError::Link(_)) => Err(LeaderCallError::Unreachable),
            Err(PeerError::Refused { refusal, .. }) => Err(LeaderCallError::Refused(refusal)),
            Err(PeerError::Unexpected { .. }) => Err(LeaderCallError::Unexpected),
        }
    }

    /// Waits until this node knows a leader that is not `leader`.
    async fn another_leads(&self, leader: NodeId) {
        let mut metrics = self.raft.server_metrics();
        let another =
            |metrics: &ServerMetrics| leader_of(metrics).is_some_and(|known| known != leader.get());
        if metrics.wait_for(another).await.is_err() {
            // The group has ended; the call ends by itself.
            std::future::pending::<()>().await;
        }
    }

    pub(crate) fn search_leader(&self) -> LeaderSearch {
        LeaderSearch {
            metrics: self.raft.server_metrics(),
            hint: None,
            failures: 0,
        }
    }

    pub(crate) fn watch_stop(&self) -> StopSignal {
        StopSignal(self.stop.subscribe())
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }
}

impl StopSignal {
    pub(crate) async fn stopped(&mut self) {
        // The sender gone means the core is gone: that is a stop as well.
        let _ = self.0.wait_for(|is_stopping| *is_stopping).await;
    }
}

impl LeaderSearch {
    /// The next node to ask. After a failure it waits, unless news arrive.
    pub(crate) async fn next(&mut self) -> NodeId {
        loop {
            let known = leader_of(&self.metrics.borrow_and_update());
            if self.failures == 0 {
                if let Some(leader) = known {
                    return NodeId::new(leader);
                }
            } else {
                self.pause().await;
            }
            if let Some(hint) = self.hint.take() {
                return hint;
            }
            let known = leader_of(&self.metrics.borrow());
            if let Some(leader) = known {
                return NodeId::new(leader);
            }
            self.failures = self.failures.saturating_add(1);
        }
    }

    pub(crate) fn failed(&mut self, error: &LeaderCallError) {
        self.failures = self.failures.saturating_add(1);
        self.hint = match error {
            LeaderCallError::Refused(Refusal::NotLeader { leader }) => leader.map(NodeId::new),
            _ => None,
        };
    }

    async fn pause(&mut self) {
        let doublings = self.failures.saturating_sub(1).min(5);
        let pause = (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE);
        tokio::select! {
            biased;
            changed = self.metrics.changed() => if changed.is_err() {
                // The group has ended; whoever waits here is told to stop soon.
                tokio::time::sleep(LONGEST_PAUSE).await;
            },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

impl<R: Runtime> fmt::Debug for Group<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("node", &self.config.node)
            .finish_non_exhaustive()
    }
}
