//! Nodes of small clusters in this process, over real sockets on loopback.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use quorate_model::ids::{ClusterId, Incarnation, NodeId, Timestamp};
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;
use quorate_transport::{
    Authority, Caller, Credentials, Environment, Hello, LinkError, NodeKey, PROTOCOLS, Parts,
    PeerDirectory, PeerIdentity, Serve, Service, Subject, Transport, TransportConfig,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Answers with who asked for what, and how much.
pub(crate) struct Echo;

impl Serve for Echo {
    fn serve(&self, caller: Caller, service: Service, request: Bytes) -> BoxFuture<'static, Bytes> {
        async move {
            let who = match caller {
                Caller::Stranger(_) => "a stranger".to_owned(),
                Caller::Node(peer) => peer.name.to_string(),
            };
            if request.first() == Some(&b'<') {
                return request;
            }
            format!("{who} {service:?} {}", request.len()).into()
        }
        .boxed()
    }
}

pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::new(since.unwrap().as_millis() as u64)
}

pub(crate) fn authority(cluster: u128) -> Authority {
    Authority::make(ClusterId::new(cluster), 1, now()).unwrap()
}

/// A node as it is to be started.
pub(crate) struct Blueprint<'a> {
    pub(crate) id: u64,
    pub(crate) cluster: u128,
    pub(crate) incarnation: u64,
    pub(crate) roles: Roles,
    pub(crate) authority: &'a Authority,
    pub(crate) config: TransportConfig,
    pub(crate) socket: Option<UdpSocket>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) change_hello: fn(&mut Hello),
    pub(crate) serve: Arc<dyn Serve>,
}

pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) address: String,
    pub(crate) transport: Transport,
    pub(crate) directory: Arc<PeerDirectory>,
    pub(crate) key: Vec<u8>,
}

pub(crate) fn name(id: u64) -> NodeName {
    NodeName::new(format!("node{id}@127.0.0.1")).unwrap()
}

impl<'a> Blueprint<'a> {
    pub(crate) fn new(id: u64, authority: &'a Authority) -> Self {
        Self {
            id,
            cluster: 1,
            incarnation: 1,
            roles: Roles::Core,
            authority,
            config: TransportConfig::default(),
            socket: None,
            key: None,
            change_hello: |_| (),
            serve: Arc::new(Echo),
        }
    }

    pub(crate) fn start(self) -> Node {
        let socket = self.socket;
        let socket = socket.unwrap_or_else(|| UdpSocket::bind("127.0.0.1:0").unwrap());
        let address = socket.local_addr().unwrap().to_string();
        let environment = Environment::system(self.id);
        let (id, cluster) = (NodeId::new(self.id), ClusterId::new(self.cluster));
        let key = self.key.map_or_else(
            || NodeKey::generate().unwrap(),
            |key| NodeKey::restore(&key).unwrap(),
        );
        let identity = PeerIdentity {
            roles: self.roles,
            subject: Subject::Node { cluster, node: id },
        };
        let certificate = self
            .authority
            .issue(&identity, &key.public(), now())
            .unwrap();
        let mut hello = Hello {
            protocols: PROTOCOLS,
            cluster,
            node: id,
            incarnation: Incarnation::new(self.incarnation),
            name: name(self.id),
            roles: self.roles,
            addresses: vec![address.clone()],
            version: "test".to_owned(),
        };
        (self.change_hello)(&mut hello);
        let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.bytes().to_vec());
        let trusted = vec![self.authority.certificate().clone()];
        let directory = Arc::<PeerDirectory>::default();
        let transport = Transport::start(Parts {
            config: self.config,
            socket: environment.runtime.wrap_udp_socket(socket).unwrap(),
            environment,
            credentials: Credentials::new(vec![certificate], private.into(), trusted).unwrap(),
            hello,
            directory: directory.clone(),
            serve: self.serve,
        });
        Node {
            id,
            address,
            transport: transport.unwrap(),
            directory,
            key: key.bytes().to_vec(),
        }
    }
}

impl Node {
    /// Tells this node where the other is.
    pub(crate) fn knows(&self, other: &Node) {
        self.knows_at(other, &other.address);
    }

    pub(crate) fn knows_at(&self, other: &Node, address: &str) {
        let addresses = vec![address.to_owned()];
        let name = name(other.id.get());
        self.directory
            .set_member(other.id, name, addresses, Incarnation::new(0));
    }

    pub(crate) async fn call(
        &self,
        to: &Node,
        service: Service,
        bytes: usize,
    ) -> Result<String, LinkError> {
        let request = Bytes::from(vec![b'.'; bytes]);
        let answer = self
            .transport
            .call(to.id, service, request, 3 * SECOND)
            .await?;
        Ok(String::from_utf8(answer.to_vec()).unwrap())
    }

    /// Why this node cannot reach the other.
    pub(crate) async fn refusal(&self, to: &Node) -> String {
        let error = self.call(to, Service::Control, 1).await.unwrap_err();
        error.to_string()
    }
}
