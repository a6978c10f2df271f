//! Whoever reaches a node's UDP port and belongs to no cluster.
//!
//! An attack is a set of tasks: it goes on until the set is dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, TransportConfig};
use quorate_model::ids::{ClusterId, NodeId, Timestamp};
use quorate_model::member::Roles;
use quorate_transport::{Authority, NodeKey, PeerIdentity, Subject};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::verify_tls13_signature;
use rustls::version::TLS13;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// What a node asks for that wants to be let in.
pub(crate) const ADMISSION: &[u8] = b"quorate-admission/1";
/// What members speak.
pub(crate) const PEER: &[u8] = b"quorate-peer/1";

/// A QUIC client that believes every server.
#[derive(Clone)]
pub(crate) struct Stranger {
    endpoint: Endpoint,
    config: ClientConfig,
}

impl Stranger {
    /// Without a certificate.
    pub(crate) fn anonymous(protocols: &[&[u8]]) -> Self {
        let builder = trusting_builder();
        Self::new(builder.with_no_client_auth(), protocols)
    }

    /// With a certificate as a member of this cluster has it, but of another
    /// authority.
    pub(crate) fn of_another_authority(cluster: ClusterId) -> Self {
        let now = Timestamp::new(
            std::time::SystemTime::UNIX_EPOCH
                .elapsed()
                .unwrap()
                .as_millis() as u64,
        );
        let authority = Authority::make(cluster, 1, now).unwrap();
        let key = NodeKey::generate().unwrap();
        let identity = PeerIdentity {
            roles: Roles::Core,
            subject: Subject::Node {
                cluster,
                node: NodeId::new(77),
            },
        };
        let certificate = authority.issue(&identity, &key.public(), now).unwrap();
        let chain = vec![certificate, authority.certificate().clone()];
        let key = PrivatePkcs8KeyDer::from(key.bytes().to_vec());
        let builder = trusting_builder();
        let config = builder.with_client_auth_cert(chain, key.into()).unwrap();
        Self::new(config, &[PEER])
    }

    fn new(mut tls: rustls::ClientConfig, protocols: &[&[u8]]) -> Self {
        tls.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        let mut transport = TransportConfig::default();
        transport.keep_alive_interval(Some(Duration::from_secs(1)));
        config.transport_config(Arc::new(transport));
        let endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self { endpoint, config }
    }

    pub(crate) async fn connect(&self, target: SocketAddr) -> Result<Connection, ConnectionError> {
        let config = self.config.clone();
        let connecting = self.endpoint.connect_with(config, target, "stranger");
        connecting.unwrap().await
    }
}

/// What is no QUIC, and what looks like the beginning of it.
pub(crate) async fn send_random_datagrams(target: SocketAddr) -> JoinSet<()> {
    /// Each millisecond; more would be about the processor, not about the node.
    const BATCH: usize = 20;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut noise = Noise(1);
        loop {
            for _ in 0..BATCH {
                let length = 1 + noise.number() % 1_400;
                let mut datagram = noise.bytes(length);
                match noise.number() % 3 {
                    0 => {}
                    // A first packet of version 1, and one of no known version.
                    1 => datagram.splice(..0, *b"\xc0\0\0\0\x01\x08").for_each(drop),
                    _ => datagram
                        .splice(..0, *b"\xc0\xfa\xce\0\0\x08")
                        .for_each(drop),
                }
                // A full buffer drops it, as a network would.
                let _ = socket.send_to(&datagram, target).await;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    tasks
}

/// Handshakes that begin, and whose answers go nowhere: there are always new ones.
pub(crate) async fn begin_handshakes(target: SocketAddr, a_second: usize) -> JoinSet<()> {
    let trap = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let trapped = trap.local_addr().unwrap();
    let outwards = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 2_048];
        loop {
            let length = trap.recv(&mut buffer).await.unwrap();
            let _ = outwards.send_to(&buffer[..length], target).await;
        }
    });
    tasks.spawn(async move {
        let stranger = Stranger::anonymous(&[ADMISSION]);
        let mut begun = JoinSet::new();
        loop {
            for _ in 0..a_second {
                let stranger = stranger.clone();
                begun.spawn(async move { stranger.connect(trapped).await.map(drop) });
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    tasks
}

/// Handshakes that are completed, after which nothing more is said. Returns when
/// all were answered. Whoever is sent away stays away.
pub(crate) async fn complete_handshakes(target: SocketAddr, count: usize) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let stranger = Stranger::anonymous(&[ADMISSION]);
    let connecting = (0..count).map(|_| stranger.connect(target));
    for connected in futures::future::join_all(connecting).await {
        tasks.spawn(async move {
            if let Ok(connection) = connected {
                connection.closed().await;
            }
        });
    }
    tasks
}

/// Opens a stream in connection after connection, writes the beginning, and goes
/// on with zeros for as long as the other side takes them.
pub(crate) fn write_on_streams(
    stranger: Stranger,
    target: SocketAddr,
    beginning: Vec<u8>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            if let Ok(connection) = stranger.connect(target).await
                && let Ok((mut send, _receive)) = connection.open_bi().await
            {
                let zeros = [0; 16 * 1024];
                let mut written = send.write_all(&beginning).await;
                while written.is_ok() {
                    written = send.write_all(&zeros).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    tasks
}

/// Nothing that has to be hard to guess: the same in each run.
struct Noise(u64);

impl Noise {
    fn number(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number() as u8).collect()
    }
}

fn trusting_builder() -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert>
{
    rustls::ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer))
}

#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        unreachable!("QUIC is TLS 1.3")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = default_provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
