//! Calls between two nodes over QUIC with mutual TLS, beside the same exchange
//! over plain TCP, in the same run on loopback.
//!
//! The baseline frames messages the same way and writes what waits in one go. It
//! has no encryption, no identity and one caller; it answers in order, so it needs
//! no table of calls.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use quorate_model::ids::{ClusterId, Incarnation, NodeId, Timestamp};
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;
use quorate_transport::{
    Authority, Caller, Credentials, Environment, Hello, NodeKey, PROTOCOLS, Parts, PeerDirectory,
    PeerIdentity, Serve, Service, Subject, Transport, TransportConfig,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const MESSAGE_BYTES: usize = 300;
const PINGS: usize = 20_000;
const CALLS: usize = 300_000;
const IN_FLIGHT: usize = 512;
const ROUNDS: usize = 5;
const TIMEOUT: Duration = Duration::from_secs(10);

struct Echo;

impl Serve for Echo {
    fn serve(&self, _: Caller, _: Service, request: Bytes) -> BoxFuture<'static, Bytes> {
        Box::pin(std::future::ready(request))
    }
}

fn start_node(
    id: u64,
    authority: &Authority,
    now: Timestamp,
) -> (Transport, Arc<PeerDirectory>, String) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let environment = Environment::system(id);
    let (cluster, node) = (ClusterId::new(1), NodeId::new(id));
    let identity = PeerIdentity {
        roles: Roles::Core,
        subject: Subject::Node { cluster, node },
    };
    let key = NodeKey::generate().unwrap();
    let certificate = authority.issue(&identity, &key.public(), now).unwrap();
    let private = rustls_pki_types::PrivatePkcs8KeyDer::from(key.bytes().to_vec());
    let trusted = vec![authority.certificate().clone()];
    let directory = Arc::<PeerDirectory>::default();
    let transport = Transport::start(Parts {
        config: TransportConfig::default(),
        socket: environment.runtime.wrap_udp_socket(socket).unwrap(),
        environment,
        credentials: Credentials::new(vec![certificate], private.into(), trusted).unwrap(),
        hello: Hello {
            protocols: PROTOCOLS,
            cluster,
            node,
            incarnation: Incarnation::new(1),
            name: name(id),
            roles: Roles::Core,
            addresses: vec![address.clone()],
            version: String::from("bench"),
        },
        directory: Arc::clone(&directory),
        serve: Arc::new(Echo),
    })
    .unwrap();
    (transport, directory, address)
}

fn name(id: u64) -> NodeName {
    NodeName::new(format!("node{id}@127.0.0.1")).unwrap()
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::new(u64::try_from(since.unwrap().as_millis()).unwrap())
}

async fn quic_call(transport: &Transport, message: &Bytes) {
    let call = transport.call(NodeId::new(2), Service::Raft, message.clone(), TIMEOUT);
    assert_eq!(call.await.unwrap().len(), MESSAGE_BYTES);
}

async fn quic_rate(transport: &Transport, message: &Bytes) -> f64 {
    let begun = Instant::now();
    let mut calls = FuturesUnordered::new();
    for _ in 0..CALLS {
        if calls.len() == IN_FLIGHT {
            calls.next().await;
        }
        calls.push(quic_call(transport, message));
    }
    while calls.next().await.is_some() {}
    CALLS as f64 / begun.elapsed().as_secs_f64()
}

/// Sends back what it gets, all that has come in one go.
async fn echo(mut stream: TcpStream) {
    let mut buffer = BytesMut::with_capacity(1 << 16);
    while stream.read_buf(&mut buffer).await.unwrap_or(0) > 0 {
        let mut answers = BytesMut::new();
        while let Some(body) = take_frame(&mut buffer) {
            put_frame(&mut answers, &body);
        }
        if stream.write_all(&answers).await.is_err() {
            return;
        }
    }
}

fn put_frame(buffer: &mut BytesMut, body: &[u8]) {
    buffer.put_u32_le(u32::try_from(body.len()).unwrap());
    buffer.put_slice(body);
}

fn take_frame(buffer: &mut BytesMut) -> Option<Bytes> {
    let length = buffer.first_chunk::<4>().copied().map(u32::from_le_bytes)? as usize;
    if buffer.len() < 4 + length {
        return None;
    }
    buffer.advance(4);
    Some(buffer.split_to(length).freeze())
}

async fn tcp_ping(stream: &mut TcpStream, message: &Bytes) {
    let (mut request, mut answer) = (BytesMut::new(), BytesMut::new());
    put_frame(&mut request, message);
    stream.write_all(&request).await.unwrap();
    while take_frame(&mut answer).is_none() {
        stream.read_buf(&mut answer).await.unwrap();
    }
}

async fn tcp_rate(stream: &mut TcpStream, message: &Bytes) -> f64 {
    let begun = Instant::now();
    let (mut sent, mut answered) = (0, 0);
    let mut answers = BytesMut::with_capacity(1 << 16);
    while answered < CALLS {
        let mut requests = BytesMut::new();
        while sent < CALLS && sent - answered < IN_FLIGHT {
            put_frame(&mut requests, message);
            sent += 1;
        }
        stream.write_all(&requests).await.unwrap();
        stream.read_buf(&mut answers).await.unwrap();
        while take_frame(&mut answers).is_some() {
            answered += 1;
        }
    }
    CALLS as f64 / begun.elapsed().as_secs_f64()
}

fn percentile(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    let at = ((times.len() - 1) as f64 * share) as usize;
    times[at].as_secs_f64() * 1e6
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let authority = Authority::make(ClusterId::new(1), 1, now()).unwrap();
        let (one, directory, _) = start_node(1, &authority, now());
        let (_two, _, address) = start_node(2, &authority, now());
        directory.set_member(NodeId::new(2), name(2), vec![address], Incarnation::new(1));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        stream.set_nodelay(true).unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        accepted.set_nodelay(true).unwrap();
        tokio::spawn(echo(accepted));
        let message = Bytes::from(vec![7; MESSAGE_BYTES]);
        let (mut quic, mut tcp) = (Vec::new(), Vec::new());
        let (mut quic_pings, mut tcp_pings) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for _ in 0..PINGS / ROUNDS {
                let begun = Instant::now();
                quic_call(&one, &message).await;
                quic_pings.push(begun.elapsed());
                let begun = Instant::now();
                tcp_ping(&mut stream, &message).await;
                tcp_pings.push(begun.elapsed());
            }
            quic.push(quic_rate(&one, &message).await);
            tcp.push(tcp_rate(&mut stream, &message).await);
        }
        for (what, pings) in [("QUIC", &mut quic_pings), ("TCP", &mut tcp_pings)] {
            let (half, most) = (percentile(pings, 0.5), percentile(pings, 0.99));
            println!("{what} ping of {MESSAGE_BYTES} bytes: p50 {half:.0} µs, p99 {most:.0} µs");
        }
        let (quic, tcp) = (median(quic), median(tcp));
        println!(
            "{IN_FLIGHT} calls in flight: QUIC {quic:.0}/s, TCP {tcp:.0}/s, {:.2}",
            quic / tcp
        );
    });
}
