//! A running broker.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use mio::net::TcpListener;
use mio::{Poll, Waker};
use thiserror::Error;

use crate::authentication::{Doorkeeper, UserFileError};
use crate::config::{BrokerConfig, ListenerConfig};
use crate::control_plane::ControlPlane;
use crate::listener::{Listener, ListenerError};
use crate::mailbox::{Mail, Mailbox};
use crate::metrics::Metrics;
use crate::quic::QuicListener;
use crate::reactor::{ListenerSocket, Reactor, WAKER};
use crate::seat::{MAX_REACTORS, ReactorNumber};
use crate::shared::Shared;

pub struct Broker {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    /// The thread that checks passwords.
    helper: Option<JoinHandle<()>>,
    /// Those of QUIC, with their places among the configured ones.
    quic: Vec<(usize, QuicListener)>,
    addresses: Vec<SocketAddr>,
}

/// A listener's socket, before anybody serves on it.
enum Bound {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

/// Why a broker does not serve.
#[derive(Debug, Error)]
pub enum StartError {
    #[error(transparent)]
    Listener(#[from] ListenerError),
    #[error(transparent)]
    Users(#[from] UserFileError),
    #[error("the broker cannot be set up: {0}")]
    System(#[from] io::Error),
}

impl Broker {
    /// Whether a broker could start with that, as far as files go: users and certificates.
    pub fn check(config: &BrokerConfig) -> Result<(), StartError> {
        Doorkeeper::new(&config.authentication)?;
        for listener in &config.listeners {
            Listener::new(listener.clone())?;
        }
        Ok(())
    }

    /// Reads the users, binds all listeners and begins to serve.
    pub fn start(config: BrokerConfig, control: Arc<dyn ControlPlane>) -> Result<Self, StartError> {
        let doorkeeper = Doorkeeper::new(&config.authentication)?;
        let mut listeners = Vec::new();
        let mut sockets = Vec::new();
        for (place, listener) in config.listeners.iter().enumerate() {
            listeners.push(Listener::new(listener.clone())?);
            sockets.push((place, Bound::to(listener)?));
        }
        let addresses = sockets
            .iter()
            .map(|(_, socket)| socket.local_addr())
            .collect::<io::Result<_>>()?;
        let mut polls = Vec::new();
        let mut mailboxes = Vec::new();
        for _ in 0..config.threads.clamp(1, MAX_REACTORS) {
            let poll = Poll::new()?;
            mailboxes.push(Mailbox::new(Waker::new(poll.registry(), WAKER)?));
            polls.push(poll);
        }
        let shared = Shared::new(config, listeners, control, doorkeeper, mailboxes);
        let shared = Arc::new(shared);
        let now = shared.clock.now();
        let mut listeners = Vec::new();
        let mut datagrams = Vec::new();
        for (place, socket) in sockets {
            let rate = shared.listeners[place].config.max_connect_rate;
            match socket {
                Bound::Tcp(socket) => listeners.push(ListenerSocket::new(socket, place, rate, now)),
                Bound::Udp(socket) => datagrams.push((place, socket)),
            }
        }
        let mut reactors = Vec::new();
        for (number, poll) in polls.into_iter().enumerate() {
            // The first one accepts for all.
            let listeners = std::mem::take(&mut listeners);
            let number = ReactorNumber::new(number);
            reactors.push(Reactor::new(number, poll, Arc::clone(&shared), listeners)?);
        }
        let metrics = &shared.metrics;
        metrics.reactors.store(reactors.len(), Ordering::Relaxed);
        let mut quic = Vec::new();
        for (place, socket) in datagrams {
            quic.push((place, QuicListener::start(socket, &shared, place)?));
        }
        let threads = reactors.into_iter().map(Reactor::spawn);
        let threads = threads.collect::<io::Result<_>>()?;
        let clock = shared.clock;
        let helper = shared.doorkeeper.spawn_helper(move || clock.now())?;
        Ok(Self {
            shared,
            threads,
            helper,
            quic,
            addresses,
        })
    }

    /// Where the listeners are bound, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Reads the certificates of all listeners again, for connections that are made from
    /// now on. If any of them is of no use, all listeners keep what they have.
    pub fn reload_certificates(&self) -> Result<(), ListenerError> {
        let mut replacements = Vec::new();
        for listener in &self.shared.listeners {
            let Some(tls) = listener.tls() else {
                continue;
            };
            let fresh = tls.read_again();
            let config = &listener.config;
            let fresh = fresh.map_err(|error| ListenerError::certificates(config, error))?;
            replacements.push((tls, fresh));
        }
        for (tls, fresh) in replacements {
            tls.replace(fresh);
        }
        for (place, quic) in &self.quic {
            let listener = &self.shared.listeners[*place];
            if let Some(tls) = listener.tls() {
                let used = quic.set_tls(&tls.current());
                used.map_err(|error| ListenerError::certificates(&listener.config, error.into()))?;
            }
        }
        Ok(())
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// Reads the users again and returns how many there are. Those who are connected stay
    /// until they have to show again who they are. On an error nothing changes.
    pub fn reload_users(&self) -> Result<usize, UserFileError> {
        self.shared.doorkeeper.reload_users()
    }

    /// Whether all threads of the broker are there. One that has come to its end by itself
    /// has found something that must not be: whoever runs the broker has to stop, and
    /// [`drain`](Self::drain) says what it was.
    pub fn is_serving(&self) -> bool {
        let is_there = |thread: &JoinHandle<_>| !thread.is_finished();
        let helper = self.helper.as_ref();
        self.threads.iter().all(is_there)
            && helper.is_none_or(|helper| !helper.is_finished())
            && self.quic.iter().all(|(_, quic)| !quic.is_finished())
    }

    /// Sends all clients away and returns when they are gone.
    pub fn drain(self) -> io::Result<()> {
        for (_, quic) in &self.quic {
            quic.accept_no_more();
        }
        for mailbox in &self.shared.mailboxes {
            mailbox.put(Mail::Drain);
        }
        let mut result = Ok(());
        for thread in self.threads {
            result = result.and(join(thread));
        }
        self.shared.propose_the_rest();
        // All are told first, so that they end together.
        let quic: Vec<_> = self.quic.into_iter().map(|(_, quic)| quic.end()).collect();
        for thread in quic {
            result = result.and(join(thread));
        }
        self.shared.doorkeeper.close();
        if let Some(helper) = self.helper {
            join(helper);
        }
        result
    }
}

impl Bound {
    fn to(listener: &ListenerConfig) -> Result<Self, ListenerError> {
        let bound = match listener.carrier.is_quic() {
            true => UdpSocket::bind(listener.bind).map(Self::Udp),
            false => TcpListener::bind(listener.bind).map(Self::Tcp),
        };
        bound.map_err(|source| ListenerError::Bind {
            name: listener.name.clone(),
            address: listener.bind,
            source,
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr(),
            Self::Udp(socket) => socket.local_addr(),
        }
    }
}

fn join<T>(thread: JoinHandle<T>) -> T {
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
