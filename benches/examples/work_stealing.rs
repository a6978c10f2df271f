//! The other design of ADR 0019, to be measured against a broker of reactors: a task that
//! reads and a task that writes for each connection, on a scheduler that steals work.
//!
//! It has the same codec, the same sessions and the same index as the broker, and just so
//! much around them as the loads of `quorate-bench` need: no control plane, nothing
//! retained, no groups, and no timers, which all would cost it more. Subscriptions stay
//! until it ends.

#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a program of one measurement ends with the first thing that is wrong"
)]

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;

use clap::Parser;
use quorate_model::client_id::ClientId;
use quorate_model::index::{FilterIndex, MatchCache};
use quorate_model::retained::QoS;
use quorate_mqtt::codec::frame::{Split, split};
use quorate_mqtt::codec::{PublishHead, decode, decode_connect, encode, write_properties};
use quorate_mqtt::limits::Limits;
use quorate_mqtt::message::{Passing, SessionNumber, Traits};
use quorate_mqtt::moment::Moment;
use quorate_mqtt::packet::{Diagnostics, Packet, ReasonCodes, SubAck};
use quorate_mqtt::session::{
    Accepted, Arrival, Context, Delivery, Input, Opening, Outbox, Output, Session,
};
use quorate_mqtt::version::Version;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const READ_BYTES: usize = 64 * 1024;
/// As in the broker: with more waiting, a session keeps its messages.
const PENDING_LIMIT: usize = 256 * 1024;
const REMEMBERED_TOPICS: usize = 4096;

#[derive(Parser)]
struct Options {
    #[arg(long)]
    port: u16,
    /// Threads of the scheduler.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

struct Broker {
    started: Instant,
    limits: Limits,
    router: RwLock<FilterIndex<Vec<Subscriber>>>,
    sessions: AtomicU64,
}

#[derive(Clone)]
struct Subscriber {
    client: Arc<Client>,
    qos: QoS,
}

/// What a client's two tasks and those of its publishers share.
struct Client {
    number: SessionNumber,
    version: Version,
    inner: Mutex<Inner>,
    /// There is something to be written, or room again.
    wake: Notify,
}

struct Inner {
    session: Session,
    output: Pending,
    is_closed: bool,
}

struct Pending {
    version: Version,
    bytes: Vec<u8>,
}

impl Outbox for Pending {
    fn has_room(&self) -> bool {
        self.bytes.len() < PENDING_LIMIT
    }

    fn send(&mut self, packet: &Packet<'_>) {
        encode(self.version, packet, &mut self.bytes);
    }

    fn send_message(&mut self, head: &PublishHead<'_>, message: &Passing<'_>) {
        head.write(&mut self.bytes);
        self.bytes.extend_from_slice(message.payload);
    }
}

fn main() {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads)
        .enable_io()
        .build();
    runtime.unwrap().block_on(serve(options.port));
}

async fn serve(port: u16) {
    let broker = Arc::new(Broker {
        started: Instant::now(),
        limits: Limits::default(),
        router: RwLock::new(FilterIndex::new(7)),
        sessions: AtomicU64::new(1),
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = listener.await.unwrap();
    eprintln!("port {port}");
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(greet(Arc::clone(&broker), stream));
    }
}

/// Reads the CONNECT, and answers it.
async fn greet(broker: Arc<Broker>, stream: TcpStream) {
    let (mut reading, writing) = stream.into_split();
    let mut input = Vec::new();
    let (client, taken) = loop {
        if reading.read_buf(&mut input).await.unwrap_or(0) == 0 {
            return;
        }
        let Ok(Split::Whole { frame, bytes }) = split(&input, READ_BYTES) else {
            continue;
        };
        let connect = decode_connect(frame).unwrap();
        let no_id = || ClientId::new("nobody").unwrap();
        let opening = Opening::negotiate(&connect, &broker.limits, no_id).unwrap();
        let version = connect.version;
        let mut output = Pending {
            version,
            bytes: Vec::new(),
        };
        output.send(&Packet::ConnAck(opening.connack(
            false,
            None,
            &broker.limits,
        )));
        let number = SessionNumber(broker.sessions.fetch_add(1, Ordering::Relaxed));
        let session = Session::open(opening, number, broker.now());
        let client = Client {
            number,
            version,
            inner: Mutex::new(Inner {
                session,
                output,
                is_closed: false,
            }),
            wake: Notify::new(),
        };
        break (Arc::new(client), bytes);
    };
    input.drain(..taken);
    client.wake.notify_one();
    tokio::spawn(write_all(Arc::clone(&broker), Arc::clone(&client), writing));
    read_all(&broker, &client, reading, input).await;
    client.inner.lock().unwrap().is_closed = true;
    client.wake.notify_one();
}

async fn read_all(
    broker: &Broker,
    client: &Arc<Client>,
    mut reading: OwnedReadHalf,
    mut input: Vec<u8>,
) {
    let mut cache = MatchCache::new(REMEMBERED_TOPICS);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let mut at = 0;
        while let Ok(Split::Whole { frame, bytes }) = split(&input[at..], usize::MAX) {
            at += bytes;
            let Ok(packet) = decode(client.version, frame) else {
                return;
            };
            if !broker.on_packet(client, packet, &mut cache) {
                return;
            }
        }
        input.drain(..at);
        // What the batch has given the client itself is written once.
        if !client.inner.lock().unwrap().output.bytes.is_empty() {
            client.wake.notify_one();
        }
        match reading.read(&mut buffer).await {
            Ok(read) if read > 0 => input.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
}

async fn write_all(broker: Arc<Broker>, client: Arc<Client>, mut writing: OwnedWriteHalf) {
    let mut bytes = Vec::new();
    loop {
        client.wake.notified().await;
        loop {
            {
                let mut inner = client.inner.lock().unwrap();
                let inner = &mut *inner;
                if inner.output.bytes.is_empty() && inner.session.queued_messages() > 0 {
                    let context = broker.context();
                    let output = &mut inner.output;
                    inner.session.handle(context, Input::Room, output);
                }
                std::mem::swap(&mut inner.output.bytes, &mut bytes);
                if bytes.is_empty() && inner.is_closed {
                    return;
                }
            }
            if bytes.is_empty() {
                break;
            }
            if writing.write_all(&bytes).await.is_err() {
                return;
            }
            bytes.clear();
        }
    }
}

impl Broker {
    fn now(&self) -> Moment {
        Moment::from_millis(self.started.elapsed().as_millis() as u64)
    }

    fn context(&self) -> Context<'_> {
        Context {
            now: self.now(),
            limits: &self.limits,
        }
    }

    /// Says whether the client stays.
    fn on_packet(
        &self,
        client: &Arc<Client>,
        packet: Packet<'_>,
        cache: &mut MatchCache<Subscriber>,
    ) -> bool {
        let mut inner = client.inner.lock().unwrap();
        let Inner {
            session, output, ..
        } = &mut *inner;
        match session.handle(self.context(), Input::Packet(packet), output) {
            Output::Nothing | Output::Delivered { .. } => {}
            Output::Publish(arrival) => {
                drop(inner);
                self.on_arrival(client, &arrival, cache);
            }
            Output::Subscribe(subscribe) => {
                let mut router = self.router.write().unwrap();
                let mut codes = Vec::new();
                for request in subscribe.requests.iter() {
                    let qos = request.options.qos;
                    let client = Arc::clone(client);
                    let subscribers = router.get_or_insert_with(request.filter, Vec::new);
                    subscribers.push(Subscriber { client, qos });
                    codes.push(qos as u8);
                }
                output.send(&Packet::SubAck(SubAck {
                    packet_id: subscribe.packet_id,
                    reasons: ReasonCodes::new(&codes).unwrap(),
                    diagnostics: Diagnostics::default(),
                }));
            }
            _ => return false,
        }
        true
    }

    fn on_arrival(
        &self,
        publisher: &Client,
        arrival: &Arrival<'_>,
        cache: &mut MatchCache<Subscriber>,
    ) {
        let publish = &arrival.publish;
        let traits = Traits {
            qos: publish.qos,
            retain: false,
            expires: Moment::NEVER,
            publisher: Some(publisher.number),
        };
        let mut properties = Vec::new();
        write_properties(&publish.properties, &mut properties);
        let message = Passing::new(traits, arrival.topic(), &properties, publish.payload);
        let router = self.router.read().unwrap();
        let receivers = cache.get_or_compute(&router, message.topic, |found| {
            router.for_each_match(message.topic, |all| found.extend_from_slice(all));
        });
        for Subscriber { client, qos } in receivers {
            let mut inner = client.inner.lock().unwrap();
            let inner = &mut *inner;
            let was_empty = inner.output.bytes.is_empty();
            let delivery = Delivery {
                message: &message,
                qos: message.traits.qos.min(*qos),
                retain: false,
                subscription_ids: &[],
                group: None,
            };
            let context = self.context();
            let input = Input::Delivery(delivery);
            inner.session.handle(context, input, &mut inner.output);
            if was_empty {
                client.wake.notify_one();
            }
        }
        drop(router);
        if let Some(ticket) = arrival.ticket {
            let mut inner = publisher.inner.lock().unwrap();
            let inner = &mut *inner;
            let verdict = Ok(Accepted { is_matched: true });
            let input = Input::Verdict(ticket, verdict);
            inner
                .session
                .handle(self.context(), input, &mut inner.output);
        }
    }
}
