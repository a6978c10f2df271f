//! How a QUIC connection gets to a reactor.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quinn::{Connection, ConnectionError, Incoming, RecvStream, SendStream};
use quorate_mqtt::moment::Moment;
use rustls_pki_types::CertificateDer;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::bridge::{self, BridgeLimits};
use super::listener::Order;
use crate::connection::Socket;
use crate::mailbox::{Mail, Newcomer};
use crate::shared::Shared;
use crate::tls::ClientNames;

/// With more handshakes than that under way an address has to show that it can receive.
const TRUSTING_HANDSHAKES: usize = 64;

pub(super) struct Door {
    pub(super) shared: Arc<Shared>,
    /// The place of the listener among the configured ones.
    pub(super) listener: usize,
    /// How many have been handed to reactors, which get them in turn.
    pub(super) handed_over: AtomicUsize,
    /// How many have not said anything yet.
    pub(super) handshakes: AtomicUsize,
}

/// Counts a connection for as long as there is something of it.
pub(super) struct Counted(Arc<Door>);

/// Counts a connection that has no stream yet.
struct Handshake(Arc<Door>);

impl Counted {
    /// None if there are all that may be.
    pub(super) fn take(door: &Arc<Door>) -> Option<Self> {
        door.shared.listeners[door.listener]
            .enter()
            .then(|| Self(Arc::clone(door)))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.shared.listeners[self.0.listener].exit();
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Door {
    /// Whether somebody has to come again with a token, so that nobody makes this node
    /// work, or send, for addresses that are not his.
    pub(super) fn wants_proof(&self, incoming: &Incoming) -> bool {
        let handshakes = self.handshakes.load(Ordering::Relaxed);
        handshakes >= TRUSTING_HANDSHAKES && !incoming.remote_address_validated()
    }

    fn hand_over(
        &self,
        far: UnixStream,
        peer: &Connection,
        until: Moment,
    ) -> oneshot::Receiver<()> {
        let (presence, absence) = oneshot::channel();
        let mailboxes = &self.shared.mailboxes;
        let turn = self.handed_over.fetch_add(1, Ordering::Relaxed);
        mailboxes[turn % mailboxes.len()].put(Mail::Newcomer(Newcomer {
            listener: self.listener,
            socket: Socket::Bridge {
                stream: mio::net::UnixStream::from_std(far),
                _presence: presence,
            },
            peer: peer.remote_address(),
            until,
        }));
        absence
    }
}

/// From the first packet of a connection to its end.
pub(super) async fn serve(
    counted: Counted,
    incoming: Incoming,
    mut orders: watch::Receiver<Order>,
) {
    let door = Arc::clone(&counted.0);
    let peer = incoming.remote_address();
    let config = &door.shared.listeners[door.listener].config;
    let patience = config.first_packet_timeout;
    let now = door.shared.clock.now();
    let until = now.plus_millis(patience.as_millis() as u64);
    door.handshakes.fetch_add(1, Ordering::Relaxed);
    let handshake = Handshake(Arc::clone(&door));
    let opened = tokio::select! {
        opened = timeout(patience, open(incoming)) => opened,
        _ = orders.wait_for(|order| *order != Order::Serve) => return,
    };
    drop(handshake);
    let (connection, streams) = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return tracing::debug!(%peer, %error, "no QUIC connection"),
        Err(_) => return tracing::debug!(%peer, "no stream was opened in time"),
    };
    if let Some(names) = names(&connection) {
        tracing::debug!(%peer, ?names, "a client has shown a certificate");
    }
    let (near, far) = match pair() {
        Ok(pair) => pair,
        // As with a socket that cannot be accepted: the others are served on.
        Err(error) => return tracing::warn!(%error, "a connection could not be bridged"),
    };
    let reactor = door.hand_over(far, &connection, until);
    let limits = BridgeLimits {
        max_packet_bytes: door.shared.config.limits.max_packet_bytes as usize,
        hash_seed: door.shared.config.hash_seed,
    };
    bridge::run(connection, streams, near, reactor, limits).await;
}

async fn open(
    incoming: Incoming,
) -> Result<(Connection, (SendStream, RecvStream)), ConnectionError> {
    let connection = incoming.accept()?.await?;
    let control = connection.accept_bi().await?;
    Ok((connection, control))
}

fn pair() -> io::Result<(tokio::net::UnixStream, UnixStream)> {
    let (near, far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    Ok((tokio::net::UnixStream::from_std(near)?, far))
}

fn names(connection: &Connection) -> Option<ClientNames> {
    let identity = connection.peer_identity()?;
    let chain = identity.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    chain.first().map(ClientNames::of)
}
