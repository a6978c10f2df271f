//! The transport of a replicant, in this process: no node of this build is one.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use quinn::Runtime as _;
use quorate_model::ids::{ClusterId, Incarnation, NodeId, Timestamp};
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;
use quorate_model::token::TokenRole;
use quorate_transport::{
    Authority, AuthorityHash, Caller, Credentials, Environment, Hello, JoinToken, NodeKey,
    PROTOCOLS, Parts, PeerDirectory, PeerIdentity, Serve, Service, Subject, Transport,
    TransportConfig,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::runtime::Runtime;

use super::ports::free_port;

pub(crate) struct Replicant {
    /// As `node join --core` takes it.
    pub(crate) core_address: String,
    /// Of its cluster.
    pub(crate) token: String,
    runtime: Runtime,
    transport: Transport,
}

struct NothingToAsk;

impl Serve for NothingToAsk {
    fn serve(&self, caller: Caller, service: Service, _: Bytes) -> BoxFuture<'static, Bytes> {
        panic!("{caller:?} asks a replicant for {service:?}")
    }
}

impl Replicant {
    pub(crate) fn start() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = Timestamp::new(now.as_millis().try_into().unwrap());
        let (cluster, node) = (ClusterId::new(1), NodeId::new(1));
        let authority = Authority::make(cluster, 1, now).unwrap();
        let key = NodeKey::generate().unwrap();
        let identity = PeerIdentity {
            roles: Roles::Replicant,
            subject: Subject::Node { cluster, node },
        };
        let certificate = authority.issue(&identity, &key.public(), now).unwrap();
        let credentials = Credentials::new(
            vec![certificate],
            PrivatePkcs8KeyDer::from(key.bytes().to_vec()).into(),
            vec![authority.certificate().clone()],
        );
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let name = NodeName::new("rep1@127.0.0.1").unwrap();
        let runtime = Runtime::new().unwrap();
        let _within = runtime.enter();
        let socket = UdpSocket::bind(address).unwrap();
        let transport = Transport::start(Parts {
            config: TransportConfig::default(),
            environment: Environment::system(1),
            socket: quinn::TokioRuntime.wrap_udp_socket(socket).unwrap(),
            credentials: credentials.unwrap(),
            hello: Hello {
                protocols: PROTOCOLS,
                cluster,
                node,
                incarnation: Incarnation::new(1),
                name: name.clone(),
                roles: Roles::Replicant,
                addresses: vec![address.to_string()],
                version: "0.1.0".to_owned(),
            },
            directory: Arc::<PeerDirectory>::default(),
            serve: Arc::new(NothingToAsk),
        });
        let pinned = AuthorityHash::of(authority.certificate());
        let token = JoinToken::make(TokenRole::Core, pinned).unwrap();
        Self {
            core_address: format!("{name}:{}", address.port()),
            token: token.reveal(),
            transport: transport.unwrap(),
            runtime,
        }
    }
}

impl Drop for Replicant {
    fn drop(&mut self) {
        let ended = self.transport.shutdown(Duration::ZERO);
        self.runtime.block_on(ended.boxed());
    }
}
