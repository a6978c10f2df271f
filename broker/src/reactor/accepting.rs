//! New connections.

use std::io;
use std::sync::atomic::Ordering;

use mio::net::TcpListener;
use mio::{Interest, Token};

use super::{Reactor, token_of};
use crate::connection::{Connection, ConnectionKey, Phase};
use crate::deadlines::Subject;

#[derive(Debug)]
pub(crate) struct ListenerSocket {
    pub(crate) socket: TcpListener,
    /// Its place among the configured ones.
    pub(crate) place: usize,
}

impl Reactor {
    pub(super) fn register_listeners(&mut self) -> io::Result<()> {
        for (place, listener) in self.listeners.iter_mut().enumerate() {
            let registry = self.poll.registry();
            registry.register(&mut listener.socket, Token(place), Interest::READABLE)?;
        }
        Ok(())
    }

    pub(super) fn accept(&mut self, listener: usize) {
        loop {
            let accepted = match self.listeners.get(listener) {
                Some(listener) => listener.socket.accept(),
                None => return,
            };
            match accepted {
                Ok((socket, peer)) => self.add_connection(listener, socket, peer),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The client gave up, or the process has no more descriptors: the
                // others are served on.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    return;
                }
            }
        }
    }

    fn add_connection(
        &mut self,
        listener: usize,
        mut socket: mio::net::TcpStream,
        peer: std::net::SocketAddr,
    ) {
        let place = self.listeners[listener].place;
        let config = &self.shared.config.listeners[place];
        let connections = &self.shared.metrics.connections;
        if connections.load(Ordering::Relaxed) >= config.max_connections {
            tracing::debug!(%peer, "refused: the listener has all the connections it may have");
            return;
        }
        // Acknowledgements are small and must not wait for each other.
        let _ = socket.set_nodelay(true);
        let entry = self.connections.vacant_entry();
        let key = ConnectionKey {
            place: entry.key() as u32,
            tenant: self.tenants,
        };
        self.tenants = self.tenants.wrapping_add(1);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self
            .poll
            .registry()
            .register(&mut socket, token_of(key), interest)
        {
            tracing::warn!(%error, "a connection could not be watched");
            return;
        }
        let until = self
            .now
            .plus_millis(config.first_packet_timeout.as_millis() as u64);
        entry.insert(Connection {
            key,
            socket,
            peer,
            phase: Phase::Silent { until },
            input: Vec::new(),
            output: None,
            is_dirty: false,
            may_read: false,
        });
        self.deadlines.add(until, Subject::Connection(key));
        connections.fetch_add(1, Ordering::Relaxed);
    }
}
