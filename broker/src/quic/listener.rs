//! The thread of a QUIC listener.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;
use std::time::Duration;

use quinn::{Endpoint, EndpointConfig, Incoming, TokioRuntime, VarInt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::bridge::expect_no_panic;
use super::config::server_config;
use super::door::{Counted, Door, serve};
use crate::shared::Shared;
use crate::token_bucket::TokenBucket;

/// How long it takes at most, when the reactors are gone, until clients know.
const FAREWELL: Duration = Duration::from_secs(1);

/// It ends when it is dropped, too.
pub(crate) struct QuicListener {
    endpoint: Endpoint,
    orders: watch::Sender<Order>,
    thread: JoinHandle<io::Result<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Serve,
    /// No more clients.
    AcceptNoMore,
    /// The reactors are gone.
    End,
}

impl QuicListener {
    /// Begins to serve on a socket that is bound.
    pub(crate) fn start(
        socket: UdpSocket,
        shared: &Arc<Shared>,
        listener: usize,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let endpoint = {
            let _inside = runtime.enter();
            let config = EndpointConfig::default();
            Endpoint::new(config, None, socket, Arc::new(TokioRuntime))?
        };
        let (orders, receiver) = watch::channel(Order::Serve);
        let door = Arc::new(Door {
            shared: Arc::clone(shared),
            listener,
            handed_over: AtomicUsize::new(0),
            handshakes: AtomicUsize::new(0),
        });
        if let Some(tls) = shared.listeners[listener].tls() {
            let config = server_config(&tls.current()).map_err(io::Error::other)?;
            endpoint.set_server_config(Some(config));
        }
        let acceptor = Acceptor::new(endpoint.clone(), door, receiver);
        let thread = std::thread::Builder::new()
            .name(format!("quic-{listener}"))
            .spawn(move || acceptor.run(&runtime))?;
        Ok(Self {
            endpoint,
            orders,
            thread,
        })
    }

    /// For connections that are made from now on.
    pub(crate) fn set_tls(&self, tls: &Arc<rustls::ServerConfig>) -> Result<(), rustls::Error> {
        self.endpoint.set_server_config(Some(server_config(tls)?));
        Ok(())
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    pub(crate) fn accept_no_more(&self) {
        self.orders.send_replace(Order::AcceptNoMore);
    }

    /// Returns the thread, which ends when all clients have got their last words.
    pub(crate) fn end(self) -> JoinHandle<io::Result<()>> {
        self.orders.send_replace(Order::End);
        self.thread
    }
}

struct Acceptor {
    endpoint: Endpoint,
    door: Arc<Door>,
    orders: watch::Receiver<Order>,
    pace: Option<TokenBucket>,
    connections: JoinSet<()>,
}

impl Acceptor {
    fn new(endpoint: Endpoint, door: Arc<Door>, orders: watch::Receiver<Order>) -> Self {
        let rate = door.shared.listeners[door.listener].config.max_connect_rate;
        let now = door.shared.clock.now();
        Self {
            endpoint,
            orders,
            pace: rate.map(|rate| TokenBucket::full(rate, now)),
            connections: JoinSet::new(),
            door,
        }
    }

    fn run(mut self, runtime: &Runtime) -> io::Result<()> {
        runtime.block_on(async {
            let served = self.accept_all().await;
            // Who comes now gets no answer.
            self.endpoint.set_server_config(None);
            if served.is_ok() {
                self.let_part().await;
            }
            self.end().await;
            served
        })
    }

    /// Until it is told otherwise, or has no socket any more.
    async fn accept_all(&mut self) -> io::Result<()> {
        let mut orders = self.orders.clone();
        loop {
            tokio::select! {
                _ = orders.wait_for(|order| *order != Order::Serve) => return Ok(()),
                Some(ended) = self.connections.join_next() => expect_no_panic(ended),
                incoming = next(&self.endpoint, &self.door, &mut self.pace) => match incoming {
                    Some(incoming) => self.welcome(incoming),
                    None => return Err(io::Error::other("a QUIC listener has lost its socket")),
                },
            }
        }
    }

    fn welcome(&mut self, incoming: Incoming) {
        let peer = incoming.remote_address();
        if self.door.wants_proof(&incoming) {
            if let Err(error) = incoming.retry() {
                error.into_incoming().ignore();
            }
            return;
        }
        if let Some(pace) = &mut self.pace {
            pace.take(1);
        }
        match Counted::take(&self.door) {
            Some(counted) => {
                let serving = serve(counted, incoming, self.orders.clone());
                self.connections.spawn(serving);
            }
            None => {
                tracing::debug!(%peer, "refused: the listener has all the connections it may have");
                incoming.refuse();
            }
        }
    }

    /// Waits until the reactors have let go of all clients, and those know.
    async fn let_part(&mut self) {
        let mut orders = self.orders.clone();
        let reactors = orders.wait_for(|order| *order == Order::End);
        let _ = reactors.await;
        let parting = async {
            while let Some(ended) = self.connections.join_next().await {
                expect_no_panic(ended);
            }
        };
        let _ = timeout(FAREWELL, parting).await;
    }

    async fn end(&mut self) {
        self.endpoint.close(VarInt::from_u32(0), b"");
        let _ = timeout(FAREWELL, self.endpoint.wait_idle()).await;
        self.connections.shutdown().await;
    }
}

/// Those above the rate wait. None when there is no socket any more.
async fn next(
    endpoint: &Endpoint,
    door: &Door,
    pace: &mut Option<TokenBucket>,
) -> Option<Incoming> {
    if let Some(pace) = pace {
        while pace.available(door.shared.clock.now()) == 0 {
            let now = door.shared.clock.now();
            let wait = now.millis_until(pace.ready_at(1)).max(1);
            sleep(Duration::from_millis(wait)).await;
        }
    }
    endpoint.accept().await
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
