//! A running broker.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use mio::net::TcpListener;
use mio::{Poll, Waker};

use crate::config::BrokerConfig;
use crate::control_plane::ControlPlane;
use crate::mailbox::{Mail, Mailbox};
use crate::metrics::Metrics;
use crate::reactor::{ListenerSocket, Reactor, WAKER};
use crate::shared::Shared;

pub struct Broker {
    shared: Arc<Shared>,
    mailboxes: Vec<Arc<Mailbox>>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    addresses: Vec<std::net::SocketAddr>,
}

impl Broker {
    /// Binds all listeners and begins to serve.
    pub fn start(config: BrokerConfig, control: Arc<dyn ControlPlane>) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for (place, listener) in config.listeners.iter().enumerate() {
            let socket = TcpListener::bind(listener.bind)?;
            listeners.push(ListenerSocket { socket, place });
        }
        let addresses = listeners
            .iter()
            .map(|listener| listener.socket.local_addr())
            .collect::<io::Result<_>>()?;
        let shared = Arc::new(Shared::new(config, control));
        shared.metrics.reactors.store(1, Ordering::Relaxed);
        let poll = Poll::new()?;
        let mailbox = Arc::new(Mailbox::new(Waker::new(poll.registry(), WAKER)?));
        let reactor = Reactor::new(poll, Arc::clone(&mailbox), Arc::clone(&shared), listeners)?;
        let thread = std::thread::Builder::new()
            .name("reactor-0".to_owned())
            .spawn(move || reactor.run())?;
        Ok(Self {
            shared,
            mailboxes: vec![mailbox],
            threads: vec![thread],
            addresses,
        })
    }

    /// Where the listeners are bound, in the order of the configuration.
    pub fn addresses(&self) -> &[std::net::SocketAddr] {
        &self.addresses
    }

    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Sends all clients away and returns when they are gone.
    pub fn drain(self) -> io::Result<()> {
        for mailbox in &self.mailboxes {
            mailbox.put(Mail::Drain);
        }
        for thread in self.threads {
            match thread.join() {
                Ok(result) => result?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    }
}
