//! The way to one node: its connections, and the dialing for a new one.
//!
//! Either side may dial, and either side's connection carries calls both ways,
//! so a node that came back at another address is reachable as soon as it has
//! dialed anybody.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use quorate_model::ids::NodeId;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::connection::{CloseCode, Connection};
use crate::flow::FlowSender;
use crate::link::LinkError;
use crate::remarks::PERSISTS;
use crate::service::Service;
use crate::transport::Inner;

/// Dialing goes on for so long after the last call.
const WANTED: Duration = Duration::from_secs(10);
/// Both sides may have dialed, and one of them again after a cut.
const KEPT_CONNECTIONS: usize = 3;
/// Of different reasons, between two connections.
const WARNINGS: usize = 8;

#[derive(Debug)]
pub(crate) struct PeerLink {
    node: NodeId,
    state: Mutex<State>,
    /// Counts what happened, so that those who wait look again.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// The newest last.
    connections: Vec<Arc<Connection>>,
    is_dialing: bool,
    backoff: Backoff,
    wanted_until: Option<Instant>,
    failure: Option<Failure>,
    /// Since when it has refused, whatever its reasons.
    refusing_since: Option<Instant>,
    warned_of: BTreeSet<String>,
}

/// How the last attempt ended.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) detail: String,
    pub(crate) is_lasting: bool,
}

impl PeerLink {
    pub(crate) fn new(node: NodeId) -> Self {
        Self {
            node,
            state: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }

    pub(crate) async fn call(
        self: &Arc<Self>,
        transport: &Arc<Inner>,
        service: Service,
        request: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, LinkError> {
        let to = self.node;
        let deadline = Instant::now() + timeout;
        let connection = self.connect_until(deadline, transport).await?;
        let call = connection.call(service, request);
        match tokio::time::timeout_at(deadline, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(detail)) => Err(LinkError::Unreachable { to, detail }),
            Err(_) => {
                if connection.is_silent_for(transport.config.timing.suspect) {
                    self.want(transport, true);
                }
                Err(self.timed_out(timeout))
            }
        }
    }

    pub(crate) async fn open_flow(
        self: &Arc<Self>,
        transport: &Arc<Inner>,
        service: Service,
        timeout: Duration,
    ) -> Result<FlowSender, LinkError> {
        let deadline = Instant::now() + timeout;
        let connection = self.connect_until(deadline, transport).await?;
        let opening = tokio::time::timeout_at(deadline, connection.open_flow(service));
        opening.await.map_err(|_| self.timed_out(timeout))?
    }

    async fn connect_until(
        self: &Arc<Self>,
        deadline: Instant,
        transport: &Arc<Inner>,
    ) -> Result<Arc<Connection>, LinkError> {
        match tokio::time::timeout_at(deadline, self.connect(transport)).await {
            Ok(connected) => connected,
            // Not a timeout: nothing was asked, and who asks must not spin.
            Err(_) => Err(self.unreachable("still dialing")),
        }
    }

    /// The newest open connection, or the next one that comes about.
    async fn connect(
        self: &Arc<Self>,
        transport: &Arc<Inner>,
    ) -> Result<Arc<Connection>, LinkError> {
        let mut changed = self.changed.subscribe();
        if let Some(connection) = self.open() {
            return Ok(connection);
        }
        // Whoever asks while the dialer pauses learns why, at once.
        if let Some(failure) = self.want(transport, false) {
            return Err(self.unreachable(&failure.detail));
        }
        loop {
            changed.borrow_and_update();
            if let Some(connection) = self.open() {
                return Ok(connection);
            }
            let failed = {
                let state = self.lock();
                state
                    .failure
                    .clone()
                    .filter(|_| state.connections.is_empty())
            };
            if let Some(failure) = failed {
                return Err(self.unreachable(&failure.detail));
            }
            if changed.changed().await.is_err() {
                return Err(self.unreachable("the transport has stopped"));
            }
        }
    }

    fn open(&self) -> Option<Arc<Connection>> {
        let mut state = self.lock();
        state.connections.retain(|connection| connection.is_open());
        state.connections.last().cloned()
    }

    /// Has the dialer run. The failure is there while it pauses.
    fn want(self: &Arc<Self>, transport: &Arc<Inner>, anew: bool) -> Option<Failure> {
        let mut state = self.lock();
        state.wanted_until = Some(Instant::now() + WANTED);
        if state.is_dialing {
            return state.failure.clone();
        }
        state.is_dialing = true;
        state.failure = None;
        state.refusing_since = None;
        let (link, inner) = (Arc::clone(self), Arc::clone(transport));
        transport
            .tasks
            .spawn(async move { link.dial(&inner, anew).await });
        None
    }

    /// Dials until there is a connection, or nobody has wanted one for a while.
    async fn dial(&self, transport: &Arc<Inner>, mut anew: bool) {
        loop {
            if !anew && self.open().is_some() {
                break;
            }
            let failure = match transport.dial(self.node).await {
                Ok(connection) => {
                    transport.adopt(connection);
                    break;
                }
                Err(failure) => failure,
            };
            anew = false;
            if self.open().is_some() {
                break;
            }
            let timing = &transport.config.timing;
            let cap = if failure.is_lasting {
                timing.refused_backoff
            } else {
                timing.backoff
            };
            let pause = {
                let mut state = self.lock();
                self.note(&mut state, &failure);
                state.backoff.next(cap, transport.draw())
            };
            self.tell();
            let mut changed = self.changed.subscribe();
            changed.mark_unchanged();
            // A connection that the other side made ends the pause.
            let _ = tokio::time::timeout(pause, changed.changed()).await;
            let mut state = self.lock();
            if state
                .wanted_until
                .is_none_or(|until| until < Instant::now())
            {
                state.is_dialing = false;
                return;
            }
        }
        self.lock().is_dialing = false;
    }

    /// A peer that is away is away. One that refuses is worth a warning once it
    /// has done so for a while: who is on the way into the cluster refuses, too.
    fn note(&self, state: &mut State, failure: &Failure) {
        let now = Instant::now();
        let since = state.refusing_since.filter(|_| failure.is_lasting);
        let persists = now.duration_since(since.unwrap_or(now)) >= PERSISTS;
        let is_news =
            state.warned_of.len() < WARNINGS && !state.warned_of.contains(&failure.detail);
        if failure.is_lasting && persists && is_news {
            tracing::warn!(node = %self.node, detail = failure.detail, "no connection to a peer");
            state.warned_of.insert(failure.detail.clone());
        } else {
            tracing::debug!(node = %self.node, detail = failure.detail, "no connection to a peer");
        }
        state.refusing_since = failure.is_lasting.then_some(since.unwrap_or(now));
        state.failure = Some(failure.clone());
    }

    /// Takes in a connection, whoever made it.
    pub(crate) fn adopt(&self, connection: Arc<Connection>) {
        {
            let mut state = self.lock();
            state.backoff = Backoff::default();
            state.failure = None;
            state.refusing_since = None;
            state.warned_of.clear();
            let life = connection.peer.incarnation;
            for older in state
                .connections
                .iter()
                .filter(|it| it.peer.incarnation < life)
            {
                older.close(CloseCode::Replaced, "a later life of the node has begun");
            }
            state.connections.retain(|connection| connection.is_open());
            state.connections.push(connection);
            if state.connections.len() > KEPT_CONNECTIONS {
                let oldest = state.connections.remove(0);
                oldest.close(CloseCode::Replaced, "newer connections serve");
            }
        }
        self.tell();
    }

    /// Ends the pause between two attempts.
    pub(crate) fn dial_now(&self) {
        self.lock().backoff = Backoff::default();
        self.tell();
    }

    /// Ends what there is, for a node that was removed.
    pub(crate) fn close(&self, code: CloseCode, reason: &str) {
        let connections = std::mem::take(&mut self.lock().connections);
        for connection in connections {
            connection.close(code, reason);
        }
    }

    pub(crate) fn standing_refusal(&self) -> Option<String> {
        let state = self.lock();
        let failure = state.failure.as_ref().filter(|failure| failure.is_lasting);
        failure.map(|failure| failure.detail.clone())
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.open().is_some()
    }

    fn tell(&self) {
        self.changed
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    fn timed_out(&self, timeout: Duration) -> LinkError {
        LinkError::Timeout {
            to: self.node,
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn unreachable(&self, detail: &str) -> LinkError {
        LinkError::Unreachable {
            to: self.node,
            detail: detail.to_owned(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
