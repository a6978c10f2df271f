//! New connections.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::Ordering;

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Token};
use quorate_mqtt::moment::Moment;

use super::Reactor;
use crate::connection::{Connection, ConnectionKey, Phase, Socket};
use crate::deadlines::Subject;
use crate::mailbox::Newcomer;
use crate::token_bucket::TokenBucket;

#[derive(Debug)]
pub(crate) struct ListenerSocket {
    pub(crate) socket: TcpListener,
    /// Its place among the configured ones.
    pub(crate) place: usize,
    /// None if it accepts all that come.
    pace: Option<TokenBucket>,
    /// A deadline will come at which it goes on.
    waits: bool,
}

/// How long after a fault it is tried again: the socket does not say once more that
/// there is somebody.
const RETRY_MS: u64 = 100;

impl ListenerSocket {
    pub(crate) fn new(
        socket: TcpListener,
        place: usize,
        rate: Option<NonZeroU32>,
        now: Moment,
    ) -> Self {
        let pace = rate.map(|rate| TokenBucket::full(rate, now));
        Self {
            socket,
            place,
            pace,
            waits: false,
        }
    }

    /// When the next connection may be accepted, if that is later.
    fn must_wait(&mut self, now: Moment) -> Option<Moment> {
        let pace = self.pace.as_mut()?;
        (pace.available(now) == 0).then(|| pace.ready_at(1))
    }
}

impl Reactor {
    pub(super) fn register_listeners(&mut self) -> io::Result<()> {
        for (place, listener) in self.listeners.iter_mut().enumerate() {
            let registry = self.poll.registry();
            registry.register(&mut listener.socket, Token(place), Interest::READABLE)?;
        }
        Ok(())
    }

    /// Those above the rate, and those after a fault, stay in the queue of the system
    /// for a while.
    fn accept_later(&mut self, listener: usize, at: Moment) {
        if let Some(socket) = self.listeners.get_mut(listener)
            && !std::mem::replace(&mut socket.waits, true)
        {
            self.deadlines.add(at, Subject::Listener(listener as u16));
        }
    }

    pub(super) fn on_listener_deadline(&mut self, listener: usize) {
        if let Some(socket) = self.listeners.get_mut(listener) {
            socket.waits = false;
            self.accept(listener);
        }
    }

    pub(super) fn accept(&mut self, listener: usize) {
        loop {
            let now = self.now;
            let Some(socket) = self.listeners.get_mut(listener) else {
                return;
            };
            if let Some(until) = socket.must_wait(now) {
                return self.accept_later(listener, until);
            }
            let accepted = socket.socket.accept();
            if let (Ok(_), Some(pace)) = (&accepted, &mut socket.pace) {
                pace.take(1);
            }
            match accepted {
                Ok((socket, peer)) => self.welcome(listener, socket, peer),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The client gave up, or the process has no more descriptors: the
                // others are served on.
                Err(error) => {
                    if self.shared.not_accepted_remark.is_due(now) {
                        tracing::warn!(%error, "a connection could not be accepted");
                    }
                    return self.accept_later(listener, now.plus_millis(RETRY_MS));
                }
            }
        }
    }

    fn welcome(&mut self, listener: usize, socket: TcpStream, peer: SocketAddr) {
        let place = self.listeners[listener].place;
        let listener = &self.shared.listeners[place];
        if !listener.enter() {
            tracing::debug!(%peer, "refused: the listener has all the connections it may have");
            return;
        }
        let timeout_ms = listener.config.first_packet_timeout.as_millis() as u64;
        let until = self.now.plus_millis(timeout_ms);
        if !self.add_connection(place, Socket::Tcp(socket), peer, until) {
            self.shared.listeners[place].exit();
        }
    }

    /// One that has come in over QUIC. Its listener counts it for as long as there is
    /// something of it there.
    pub(super) fn on_newcomer(&mut self, newcomer: Newcomer) {
        if !self.is_draining {
            let Newcomer {
                listener,
                socket,
                peer,
                until,
            } = newcomer;
            self.add_connection(listener, socket, peer, until);
        }
    }

    /// `until` is when its CONNECT has to have come. Returns whether it is there.
    fn add_connection(
        &mut self,
        place: usize,
        socket: Socket,
        peer: SocketAddr,
        until: Moment,
    ) -> bool {
        let shared = &self.shared;
        let layers = match shared.listeners[place].layers(self.now).build() {
            Ok(layers) => layers,
            Err(error) => {
                tracing::warn!(%error, "TLS could not be begun");
                return false;
            }
        };
        socket.hurry();
        shared.metrics.connections.fetch_add(1, Ordering::Relaxed);
        let has_handshake = shared.listeners[place].has_handshake();
        let connection = Connection {
            key: ConnectionKey::NONE,
            listener: place as u16,
            socket,
            peer,
            layers,
            phase: Phase::Silent { until },
            input: Vec::new(),
            output: None,
            is_dirty: false,
            may_read: false,
            is_held: false,
            is_half_closed: false,
        };
        match has_handshake {
            // The work of handshakes is spread. All else is little until it is known
            // whose connection it is.
            true => self.send_around(connection),
            false => self.settle(connection),
        }
        true
    }
}
