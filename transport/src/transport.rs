//! A node's end of the cluster's network.
//!
//! ```text
//! call ── PeerLink ── dial ── greeting ──┐
//!                                        ├── Connection ── lanes
//! accept ── greeting ── adopt ───────────┘       └── streams ── Serve
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{AsyncUdpSocket, Endpoint, EndpointConfig, VarInt};
use quorate_model::ids::NodeId;
use ring::hmac;
use tokio::sync::watch;

use crate::accepting::Callers;
use crate::config::{DATAGRAM_BYTES, TransportConfig};
use crate::connection::{CloseCode, Connection, Line, close};
use crate::credentials::{Credentials, CredentialsError};
use crate::directory::PeerDirectory;
use crate::environment::Environment;
use crate::flow::FlowSender;
use crate::greeting::{self, GreetingError};
use crate::hello::{Hello, Refusal};
use crate::jitter::Jitter;
use crate::link::{Link, LinkError};
use crate::peer_link::{Failure, PeerLink};
use crate::remarks::Remarks;
use crate::service::{Caller, KnownPeer, Serve, Service};
use crate::serving::Host;
use crate::tasks::TaskGroup;
use crate::{accepting, dialing};

/// Beyond so many, links to nodes that nobody knows any more are let go of.
const MOST_LINKS: usize = 1_024;

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
    pub(crate) hello: Hello,
    /// Taken away at the shutdown: the socket is let go of with the last handle.
    endpoint: Mutex<Option<Endpoint>>,
    peer_config: RwLock<Arc<QuicClientConfig>>,
    /// Taken away at the shutdown, like the connections: whoever serves may
    /// hold this transport, and neither would ever end.
    serve: Mutex<Option<Arc<dyn Serve>>>,
    peers: Mutex<BTreeMap<NodeId, Arc<PeerLink>>>,
    pub(crate) callers: Callers,
    pub(crate) remarks: Arc<Remarks>,
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
            callers: Callers::default(),
            remarks: Arc::default(),
            verdict: watch::Sender::new(None),
        });
        inner
            .tasks
            .spawn(accepting::accept(Arc::clone(&inner), endpoint));
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

    /// Opens a stream of frames to a node: in order, and without answers.
    pub async fn open_flow(
        &self,
        to: NodeId,
        service: Service,
        timeout: Duration,
    ) -> Result<FlowSender, LinkError> {
        let link = self.inner.peer(to);
        link.open_flow(&self.inner, service, timeout).await
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
        // Whom the old certificates did not please may think otherwise now.
        for link in inner.locked_peers().values() {
            link.dial_now();
        }
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

    /// Why a node and this one do not get along, when it is no matter of time.
    pub fn standing_refusal(&self, node: NodeId) -> Option<String> {
        let link = self.inner.locked_peers().get(&node).cloned();
        link.and_then(|link| link.standing_refusal())
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
    pub(crate) fn locked_serve(&self) -> MutexGuard<'_, Option<Arc<dyn Serve>>> {
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
        if peers.len() >= MOST_LINKS && !peers.contains_key(&node) {
            peers.retain(|node, link| link.is_connected() || self.directory.entry(*node).is_some());
        }
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
    pub(crate) fn serve(
        self: &Arc<Self>,
        peer: KnownPeer,
        quic: quinn::Connection,
    ) -> Arc<Connection> {
        let limit = self.config.limits.message_bytes;
        let remarks = Arc::clone(&self.remarks);
        let line = Line { quic, remarks };
        if let Some(serve) = self.locked_serve().clone() {
            let host = Host {
                line: line.clone(),
                caller: Caller::Node(peer.clone()),
                serve,
                limit,
            };
            self.tasks.spawn(host.run(self.tasks.clone()));
        }
        Arc::new(Connection::new(peer, line, self.tasks.clone(), limit))
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
    // Only values below 1,200 are refused.
    let _ = config.max_udp_payload_size(DATAGRAM_BYTES);
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
