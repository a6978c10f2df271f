//! A node's end of the cluster's network.
//!
//! ```text
//! call ── PeerLink ── dial ── greeting ──┐
//!                                        ├── Connection ── lanes
//! accept ── greeting ── adopt ───────────┘       └── streams ── Serve
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{AsyncUdpSocket, Endpoint, EndpointConfig, Incoming, VarInt};
use quorate_model::ids::NodeId;
use ring::hmac;
use tokio::sync::watch;

use crate::config::{PEER_WINDOW_BYTES, TransportConfig};
use crate::connection::{CloseCode, Connection, close, serve_connection};
use crate::credentials::{Credentials, CredentialsError};
use crate::directory::PeerDirectory;
use crate::environment::Environment;
use crate::greeting::{self, GreetingError};
use crate::hello::{Hello, Refusal};
use crate::jitter::Jitter;
use crate::link::{Link, LinkError};
use crate::peer_link::{Failure, PeerLink};
use crate::recent::Recent;
use crate::service::{Caller, KnownPeer, Serve, Service};
use crate::tasks::TaskGroup;
use crate::{dialing, stranger};

/// A handle; clones share the endpoint. Ends with [`Transport::shutdown`].
#[derive(Clone)]
pub struct Transport {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: TransportConfig,
    pub(crate) environment: Environment,
    pub(crate) tasks: TaskGroup,
    pub(crate) directory: Arc<PeerDirectory>,
    hello: Hello,
    /// Taken away at the shutdown: the socket is let go of with the last handle.
    endpoint: Mutex<Option<Endpoint>>,
    peer_config: RwLock<Arc<QuicClientConfig>>,
    /// Taken away at the shutdown, like the connections: whoever serves may
    /// hold this transport, and neither would ever end.
    serve: Mutex<Option<Arc<dyn Serve>>>,
    peers: Mutex<BTreeMap<NodeId, Arc<PeerLink>>>,
    handshakes: Arc<AtomicUsize>,
    visits: Arc<AtomicUsize>,
    refused: Mutex<Recent<(IpAddr, String)>>,
    /// What a core said of this node's own standing.
    verdict: watch::Sender<Option<Refusal>>,
    jitter: Mutex<Jitter>,
}

/// Why a transport did not start.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error("the endpoint did not start: {0}")]
    Endpoint(#[from] std::io::Error),
}

/// What a transport is made of.
pub struct Parts {
    pub config: TransportConfig,
    pub environment: Environment,
    pub socket: Arc<dyn AsyncUdpSocket>,
    pub credentials: Credentials,
    pub hello: Hello,
    pub directory: Arc<PeerDirectory>,
    pub serve: Arc<dyn Serve>,
}

impl Transport {
    /// Starts to accept connections.
    pub fn start(parts: Parts) -> Result<Self, TransportError> {
        let Parts {
            config,
            environment,
            socket,
            credentials,
            hello,
            directory,
            serve,
        } = parts;
        let server = server_config(&config, &environment, &credentials)?;
        let peer_config = credentials.peer_config(Arc::clone(&environment.time))?;
        let endpoint = Endpoint::new_with_abstract_socket(
            endpoint_config(&environment, &credentials),
            Some(server),
            socket,
            Arc::clone(&environment.runtime),
        )?;
        let inner = Arc::new(Inner {
            tasks: TaskGroup::new(Arc::clone(&environment.runtime)),
            jitter: Mutex::new(Jitter::new(environment.seed)),
            config,
            environment,
            directory,
            hello,
            endpoint: Mutex::new(Some(endpoint.clone())),
            peer_config: RwLock::new(peer_config),
            serve: Mutex::new(Some(serve)),
            peers: Mutex::default(),
            handshakes: Arc::default(),
            visits: Arc::default(),
            refused: Mutex::default(),
            verdict: watch::Sender::new(None),
        });
        inner.tasks.spawn(accept(Arc::clone(&inner), endpoint));
        Ok(Self { inner })
    }

    /// Calls of one service, for whoever needs no more.
    pub fn link(&self, service: Service) -> Arc<dyn Link> {
        Arc::new(ServiceLink {
            transport: self.clone(),
            service,
        })
    }

    pub async fn call(
        &self,
        to: NodeId,
        service: Service,
        request: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, LinkError> {
        let limit = self.inner.config.limits.message_bytes;
        if request.len() > limit {
            let bytes = request.len();
            return Err(LinkError::TooLarge { to, bytes, limit });
        }
        let link = self.inner.peer(to);
        link.call(&self.inner, service, request, timeout).await
    }

    /// New certificates for new connections; those that are open stay.
    pub fn renew(&self, credentials: &Credentials) -> Result<(), TransportError> {
        let inner = &self.inner;
        let server = server_config(&inner.config, &inner.environment, credentials)?;
        let peer_config = credentials.peer_config(Arc::clone(&inner.environment.time))?;
        if let Some(endpoint) = &*inner.locked_endpoint() {
            endpoint.set_server_config(Some(server));
        }
        *inner
            .peer_config
            .write()
            .unwrap_or_else(PoisonError::into_inner) = peer_config;
        Ok(())
    }

    /// Ends all connections of a node that is no member any more.
    pub fn disconnect(&self, node: NodeId) {
        let link = self.inner.locked_peers().remove(&node);
        if let Some(link) = link {
            link.close(CloseCode::Refused, "the node was removed from the cluster");
        }
    }

    /// Tells when a core says that this node was removed from the cluster, or
    /// that a later life of it has begun.
    pub fn watch_verdict(&self) -> watch::Receiver<Option<Refusal>> {
        self.inner.verdict.subscribe()
    }

    pub fn is_connected(&self, node: NodeId) -> bool {
        let peers = self.inner.locked_peers();
        peers.get(&node).is_some_and(|link| link.is_connected())
    }

    /// Closes all connections and returns when every task has ended. The other
    /// sides are told, for as long as `patience` lasts.
    pub async fn shutdown(&self, patience: Duration) {
        let endpoint = self.inner.locked_endpoint().take();
        let Some(endpoint) = endpoint else { return };
        let code = VarInt::from_u32(CloseCode::Stopping as u32);
        endpoint.close(code, b"the node is stopping");
        self.inner.tasks.stop().await;
        self.inner.locked_serve().take();
        self.inner.locked_peers().clear();
        // Who does not hear it notices by itself.
        let _ = tokio::time::timeout(patience, endpoint.wait_idle()).await;
    }
}

impl Inner {
    fn locked_serve(&self) -> MutexGuard<'_, Option<Arc<dyn Serve>>> {
        self.serve.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn locked_peers(&self) -> MutexGuard<'_, BTreeMap<NodeId, Arc<PeerLink>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn locked_endpoint(&self) -> MutexGuard<'_, Option<Endpoint>> {
        self.endpoint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(
        &self,
        config: quinn::ClientConfig,
        address: SocketAddr,
    ) -> Result<quinn::Connecting, GreetingError> {
        let endpoint = self.locked_endpoint();
        let endpoint = endpoint
            .as_ref()
            .ok_or_else(|| GreetingError::Connection(String::from("the transport has stopped")))?;
        let connecting = endpoint.connect_with(config, address, dialing::SERVER_NAME);
        connecting.map_err(|error| GreetingError::Connection(error.to_string()))
    }

    fn peer(&self, node: NodeId) -> Arc<PeerLink> {
        let mut peers = self.locked_peers();
        let link = peers
            .entry(node)
            .or_insert_with(|| Arc::new(PeerLink::new(node)));
        Arc::clone(link)
    }

    pub(crate) fn draw(&self) -> f64 {
        self.jitter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .draw()
    }

    /// One attempt to reach a node at any of its addresses.
    pub(crate) async fn dial(self: &Arc<Self>, node: NodeId) -> Result<Arc<Connection>, Failure> {
        let Some(entry) = self.directory.entry(node) else {
            return Err(Failure {
                detail: String::from("no address of it is known"),
                is_lasting: false,
            });
        };
        let addresses = match self.config.dial.get(&entry.name) {
            Some(address) => std::slice::from_ref(address),
            None => &entry.addresses[..],
        };
        let config = self.client_config();
        let dialed = dialing::race(&self.environment, &self.config, addresses, |address| {
            let connecting = self.connect(config.clone(), address);
            async move { self.greet(connecting, node).await }
        });
        dialed.await.map_err(|(detail, error)| Failure {
            detail,
            is_lasting: error.is_some_and(|error| is_lasting(&error)),
        })
    }

    async fn greet(
        self: &Arc<Self>,
        connecting: Result<quinn::Connecting, GreetingError>,
        node: NodeId,
    ) -> Result<Arc<Connection>, GreetingError> {
        let quic = connecting?.await?;
        let greeted = greeting::greet(&quic, &self.hello, &self.directory).await;
        let checked = greeted.and_then(|peer| {
            if peer.node == node {
                return Ok(peer);
            }
            let (expected, found) = (node, peer.node);
            let refusal = Refusal::OtherNode { expected, found };
            Err(GreetingError::Refused(refusal))
        });
        match checked {
            Ok(peer) => Ok(self.serve(peer, quic)),
            Err(error) => {
                close(&quic, CloseCode::Refused, "refused");
                if let GreetingError::RefusedByPeer(refusal) = &error
                    && self.is_verdict(refusal)
                    && greeting::is_core(&quic, node, &self.directory)
                {
                    self.verdict.send_replace(Some(refusal.clone()));
                }
                Err(error)
            }
        }
    }

    fn is_verdict(&self, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::Removed { node } => *node == self.hello.node,
            Refusal::EndedLife { found, .. } => *found == self.hello.incarnation,
            _ => false,
        }
    }

    /// From here on the other side may call.
    fn serve(self: &Arc<Self>, peer: KnownPeer, quic: quinn::Connection) -> Arc<Connection> {
        let limit = self.config.limits.message_bytes;
        let caller = Caller::Node(peer.clone());
        if let Some(serve) = self.locked_serve().clone() {
            let tasks = self.tasks.clone();
            let serving = serve_connection(quic.clone(), caller, serve, tasks, limit);
            self.tasks.spawn(serving);
        }
        Arc::new(Connection::new(peer, quic, self.tasks.clone(), limit))
    }

    pub(crate) fn adopt(&self, connection: Arc<Connection>) {
        let node = connection.peer.node;
        tracing::debug!(%node, name = %connection.peer.name, "connected");
        self.peer(node).adopt(connection);
    }

    fn client_config(&self) -> quinn::ClientConfig {
        let crypto = Arc::clone(
            &self
                .peer_config
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        );
        let mut config = quinn::ClientConfig::new(crypto);
        config.transport_config(self.config.quic_to_peers());
        config
    }

    async fn accept_one(self: Arc<Self>, incoming: Incoming) {
        let address = incoming.remote_address();
        let accepted = tokio::time::timeout(self.config.timing.handshake, async {
            let quic = incoming.accept()?.await?;
            if !greeting::is_peer(&quic) {
                return Ok(Accepted::Stranger(quic));
            }
            let peer = greeting::answer(&quic, &self.hello, &self.directory).await?;
            Ok::<_, GreetingError>(Accepted::Peer(peer, quic))
        });
        match accepted.await {
            Ok(Ok(Accepted::Peer(peer, quic))) => {
                quic.set_receive_window(VarInt::from_u32(PEER_WINDOW_BYTES));
                quic.set_send_window(u64::from(PEER_WINDOW_BYTES));
                quic.set_max_concurrent_bi_streams(VarInt::from_u32(self.config.limits.streams));
                let connection = self.serve(peer, quic);
                self.adopt(connection);
            }
            Ok(Ok(Accepted::Stranger(quic))) => {
                self.receive_visit(quic);
            }
            Ok(Err(error)) => self.note_refused(address, &error.to_string()),
            Err(_) => self.note_refused(address, "it did not say in time who it is"),
        }
    }

    /// A visit takes a while; it must not count as a handshake, or a few of them
    /// would shut the door to members.
    fn receive_visit(&self, quic: quinn::Connection) {
        if self.visits.load(Ordering::Relaxed) >= self.config.limits.visits {
            return close(
                &quic,
                CloseCode::Refused,
                "too many nodes ask to be let in; try again",
            );
        }
        let counted = Counted::new(&self.visits);
        if let Some(serve) = self.locked_serve().clone() {
            let tasks = self.tasks.clone();
            self.tasks.spawn(async move {
                stranger::serve(quic, serve, tasks).await;
                drop(counted);
            });
        }
    }

    /// Each address is worth a line once, however often it tries.
    fn note_refused(&self, address: SocketAddr, detail: &str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_news((address.ip(), detail.to_owned())) {
            tracing::warn!(%address, detail, "a connection was refused");
        } else {
            tracing::debug!(%address, detail, "a connection was refused");
        }
    }
}

enum Accepted {
    Peer(KnownPeer, quinn::Connection),
    Stranger(quinn::Connection),
}

async fn accept(inner: Arc<Inner>, endpoint: Endpoint) {
    let limit = inner.config.limits.handshakes;
    while let Some(incoming) = endpoint.accept().await {
        let under_way = inner.handshakes.load(Ordering::Relaxed);
        if under_way >= limit {
            incoming.ignore();
            continue;
        }
        if under_way >= limit / 2 && !incoming.remote_address_validated() {
            // The sender has to show that it is where it says it is. An error
            // means that it did already.
            let _ = incoming.retry();
            continue;
        }
        let counted = Counted::new(&inner.handshakes);
        let acceptor = Arc::clone(&inner);
        inner.tasks.spawn(async move {
            acceptor.accept_one(incoming).await;
            drop(counted);
        });
    }
}

/// One of those that are counted, also when its task is dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn is_lasting(error: &GreetingError) -> bool {
    match error {
        GreetingError::Refused(refusal) | GreetingError::RefusedByPeer(refusal) => {
            refusal.is_lasting()
        }
        GreetingError::OtherAuthority
        | GreetingError::NotTrusted
        | GreetingError::Expired
        | GreetingError::Identity(_) => true,
        GreetingError::Connection(_) => false,
    }
}

fn server_config(
    config: &TransportConfig,
    environment: &Environment,
    credentials: &Credentials,
) -> Result<quinn::ServerConfig, CredentialsError> {
    let crypto = credentials.server_config(Arc::clone(&environment.time))?;
    let mut server = quinn::ServerConfig::with_crypto(crypto);
    server.transport_config(config.quic_from_anybody());
    Ok(server)
}

/// The reset key outlives the process: a restarted node can tell its peers at
/// once that their connections to its former life are gone.
fn endpoint_config(environment: &Environment, credentials: &Credentials) -> EndpointConfig {
    let key = credentials.derive(b"quorate stateless reset v1");
    let mut config = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &key)));
    config.rng_seed(environment.quic_seed);
    config
}

struct ServiceLink {
    transport: Transport,
    service: Service,
}

impl Link for ServiceLink {
    fn call(
        &self,
        to: NodeId,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, LinkError>> {
        let (transport, service) = (self.transport.clone(), self.service);
        Box::pin(async move { transport.call(to, service, request, timeout).await })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("node", &self.inner.hello.node)
            .finish_non_exhaustive()
    }
}
