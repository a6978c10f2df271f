//! Calls and flows between two nodes over QUIC with mutual TLS, beside the same
//! exchange over plain TCP, in the same run on loopback.
//!
//! The baseline frames messages the same way and writes as many in one go. It has
//! no encryption, no identity and one caller; it answers in order, so it needs no
//! table of calls.

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
    Authority, Caller, Credentials, Environment, FlowReceiver, Hello, KnownPeer, NodeKey,
    PROTOCOLS, Parts, PeerDirectory, PeerIdentity, Serve, Service, Subject, Transport,
    TransportConfig,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const MESSAGE_BYTES: usize = 300;
const PINGS: usize = 20_000;
const CALLS: usize = 300_000;
const IN_FLIGHT: usize = 512;
const FRAMES: usize = 2_000_000;
const FRAMES_A_WRITE: usize = 64;
const ROUNDS: usize = 5;
const SOCKET_BUFFER_BYTES: usize = 8 << 20;
const TIMEOUT: Duration = Duration::from_secs(10);

/// Answers calls with what they bring, and counts the frames of each flow.
struct Peer {
    counted: mpsc::Sender<usize>,
}

impl Serve for Peer {
    fn serve(&self, _: Caller, _: Service, request: Bytes) -> BoxFuture<'static, Bytes> {
        Box::pin(std::future::ready(request))
    }

    fn receive(&self, _: KnownPeer, _: Service, flow: FlowReceiver) -> BoxFuture<'static, ()> {
        Box::pin(count(flow, self.counted.clone()))
    }
}

async fn count(mut flow: FlowReceiver, counted: mpsc::Sender<usize>) {
    let mut frames = Vec::new();
    let mut sum = 0;
    while flow.receive(&mut frames).await.unwrap() > 0 {
        sum += frames.iter().filter(|it| it.len() == MESSAGE_BYTES).count();
        frames.clear();
    }
    counted.send(sum).await.unwrap();
}

fn start_node(
    id: u64,
    authority: &Authority,
    now: Timestamp,
    counted: mpsc::Sender<usize>,
) -> (Transport, Arc<PeerDirectory>, String) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // As a node does.
    let buffers = socket2::SockRef::from(&socket);
    buffers.set_recv_buffer_size(SOCKET_BUFFER_BYTES).unwrap();
    buffers.set_send_buffer_size(SOCKET_BUFFER_BYTES).unwrap();
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
        serve: Arc::new(Peer { counted }),
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

async fn quic_calls(transport: &Transport, message: &Bytes) {
    let mut calls = FuturesUnordered::new();
    for _ in 0..CALLS {
        if calls.len() == IN_FLIGHT {
            calls.next().await;
        }
        calls.push(quic_call(transport, message));
    }
    while calls.next().await.is_some() {}
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

async fn tcp_calls(stream: &mut TcpStream, message: &Bytes) {
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
}

/// One flow, or one TCP connection, with `FRAMES_A_WRITE` frames in each write.
async fn quic_frames(transport: &Transport, counted: &mut mpsc::Receiver<usize>) {
    let batch = vec![Bytes::from(vec![7; MESSAGE_BYTES]); FRAMES_A_WRITE];
    let flow = transport.open_flow(NodeId::new(2), Service::Control, TIMEOUT);
    let mut flow = flow.await.unwrap();
    for _ in 0..FRAMES / FRAMES_A_WRITE {
        flow.send(&batch).await.unwrap();
    }
    flow.finish().await.unwrap();
    assert_eq!(counted.recv().await, Some(FRAMES));
}

async fn tcp_frames() {
    let (mut sender, mut receiver) = tcp_pair().await;
    let counting = tokio::spawn(async move {
        let mut buffer = BytesMut::with_capacity(1 << 18);
        let mut sum = 0;
        while receiver.read_buf(&mut buffer).await.unwrap() > 0 {
            while let Some(body) = take_frame(&mut buffer) {
                sum += usize::from(body.len() == MESSAGE_BYTES);
            }
        }
        sum
    });
    let body = vec![7; MESSAGE_BYTES];
    for _ in 0..FRAMES / FRAMES_A_WRITE {
        let mut frames = BytesMut::with_capacity(FRAMES_A_WRITE * (4 + MESSAGE_BYTES));
        for _ in 0..FRAMES_A_WRITE {
            put_frame(&mut frames, &body);
        }
        sender.write_all(&frames).await.unwrap();
    }
    sender.shutdown().await.unwrap();
    assert_eq!(counting.await.unwrap(), FRAMES);
}

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialed = TcpStream::connect(listener.local_addr().unwrap());
    let dialed = dialed.await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    dialed.set_nodelay(true).unwrap();
    accepted.set_nodelay(true).unwrap();
    (dialed, accepted)
}

/// How many a second, and what one costs in processor time, of both ends together.
#[derive(Default)]
struct Rounds {
    rates: Vec<f64>,
    costs_us: Vec<f64>,
}

impl Rounds {
    async fn measure(&mut self, messages: usize, exchange: impl Future<Output = ()>) {
        let (begun, used) = (Instant::now(), processor_seconds());
        exchange.await;
        let messages = messages as f64;
        self.rates.push(messages / begun.elapsed().as_secs_f64());
        let cost = (processor_seconds() - used) / messages;
        self.costs_us.push(cost * 1e6);
    }
}

fn report(what: &str, quic: Rounds, tcp: Rounds) {
    let (quic_rate, tcp_rate) = (median(quic.rates), median(tcp.rates));
    let ratio = quic_rate / tcp_rate;
    println!("{what}: QUIC {quic_rate:.0}/s, TCP {tcp_rate:.0}/s, {ratio:.2}");
    let (quic, tcp) = (median(quic.costs_us), median(tcp.costs_us));
    println!("{what}, processor time each: QUIC {quic:.2} µs, TCP {tcp:.2} µs");
}

/// Of this process, in the kernel and out of it.
fn processor_seconds() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|it| it.parse::<f64>().unwrap()).sum::<f64>() / TICKS_A_SECOND
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

async fn compare_pings(ends: &mut Ends) {
    let (mut quic, mut tcp) = (Vec::new(), Vec::new());
    for _ in 0..PINGS {
        let begun = Instant::now();
        quic_call(&ends.quic, &ends.message).await;
        quic.push(begun.elapsed());
        let begun = Instant::now();
        tcp_ping(&mut ends.tcp, &ends.message).await;
        tcp.push(begun.elapsed());
    }
    for (what, pings) in [("QUIC", &mut quic), ("TCP", &mut tcp)] {
        let (half, most) = (percentile(pings, 0.5), percentile(pings, 0.99));
        println!("{what} ping of {MESSAGE_BYTES} bytes: p50 {half:.0} µs, p99 {most:.0} µs");
    }
}

async fn compare_calls(ends: &mut Ends) {
    let (mut quic, mut tcp) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        let calls = quic_calls(&ends.quic, &ends.message);
        quic.measure(CALLS, calls).await;
        let calls = tcp_calls(&mut ends.tcp, &ends.message);
        tcp.measure(CALLS, calls).await;
    }
    report(&format!("{IN_FLIGHT} calls in flight"), quic, tcp);
}

async fn compare_frames(ends: &mut Ends) {
    let (mut quic, mut tcp) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        let frames = quic_frames(&ends.quic, &mut ends.counted);
        quic.measure(FRAMES, frames).await;
        tcp.measure(FRAMES, tcp_frames()).await;
    }
    report(&format!("frames, {FRAMES_A_WRITE} a write"), quic, tcp);
}

/// The calling ends.
struct Ends {
    quic: Transport,
    counted: mpsc::Receiver<usize>,
    tcp: TcpStream,
    message: Bytes,
}

async fn compare(wanted: Vec<String>) {
    let authority = Authority::make(ClusterId::new(1), 1, now()).unwrap();
    let (counter, counted) = mpsc::channel(1);
    let (one, directory, _) = start_node(1, &authority, now(), counter.clone());
    let (_two, _, address) = start_node(2, &authority, now(), counter);
    directory.set_member(NodeId::new(2), name(2), vec![address], Incarnation::new(1));
    let (dialed, accepted) = tcp_pair().await;
    tokio::spawn(echo(accepted));
    let mut ends = Ends {
        quic: one,
        counted,
        tcp: dialed,
        message: Bytes::from(vec![7; MESSAGE_BYTES]),
    };
    let is_wanted = |what: &str| wanted.is_empty() || wanted.iter().any(|it| it == what);
    if is_wanted("pings") {
        compare_pings(&mut ends).await;
    }
    if is_wanted("calls") {
        compare_calls(&mut ends).await;
    }
    if is_wanted("frames") {
        compare_frames(&mut ends).await;
    }
}

/// `cargo bench -p quorate-benches --bench rpc [-- pings|calls|frames]`
fn main() {
    let wanted = std::env::args().skip(1).filter(|it| !it.starts_with('-'));
    let wanted = wanted.collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    // On the workers, as in a node: what runs outside of them pays for each wake-up.
    runtime.block_on(async { tokio::spawn(compare(wanted)).await.unwrap() });
}
