//! Whoever reaches the UDP port and means harm, or has a certificate and does.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::net::UdpSocket;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use quorate_transport::{
    Caller, Environment, Serve, Service, TransportConfig, Trust, Visit, VisitError,
};
use support::{Blueprint, Node, SECOND, authority};
use tokio::sync::Notify;

/// Two nodes that talk while something is done to the first.
struct Pair {
    one: Node,
    two: Node,
}

impl Pair {
    fn start() -> Self {
        let authority = authority(1);
        let one = Blueprint::new(1, &authority).start();
        let two = Blueprint::new(2, &authority).start();
        two.knows(&one);
        Self { one, two }
    }

    /// A stranger comes to the first.
    async fn visit(&self) -> Result<Visit, VisitError> {
        visit(&self.one).await
    }

    async fn still_talk(&self) {
        self.two.call(&self.one, Service::Raft, 1).await.unwrap();
    }
}

async fn visit(node: &Node) -> Result<Visit, VisitError> {
    let environment = Environment::system(1);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let socket = environment.runtime.wrap_udp_socket(socket).unwrap();
    let config = TransportConfig::default();
    let addresses = [node.address.clone()];
    Visit::begin(&environment, &config, socket, &addresses, Trust::ProofLater).await
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_datagrams_change_nothing() {
    let pair = Pair::start();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut state = 1_u64;
    for _ in 0..20_000 {
        let datagram: Vec<u8> = (0..(state % 1400) as usize + 1)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 33) as u8
            })
            .collect();
        // A full buffer drops it, as a network would.
        let _ = socket.send_to(&datagram, &pair.one.address);
    }
    pair.still_talk().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_handshakes_does_not_shut_the_door_to_members() {
    let pair = Pair::start();
    let visits = (0..400).map(|_| pair.visit());
    let visits = futures::future::join_all(visits).await;
    assert!(visits.iter().any(Result::is_ok));
    pair.still_talk().await;
    drop(visits);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_ask_nothing_make_room_for_one_who_does() {
    let pair = Pair::start();
    let mut silent = Vec::new();
    for _ in 0..2 * TransportConfig::default().limits.visits {
        silent.push(pair.visit().await.unwrap());
    }
    let visit = pair.visit().await.unwrap();
    let answer = visit.ask(Bytes::from_static(b"?"), 5 * SECOND).await;
    assert_eq!(answer.unwrap(), "a stranger Admission 1");
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_goes_on_asking_is_sent_away() {
    let pair = Pair::start();
    let visit = pair.visit().await.unwrap();
    let ask = || visit.ask(Bytes::from_static(b"?"), 5 * SECOND);
    for _ in 0..4 {
        assert_eq!(ask().await.unwrap(), "a stranger Admission 1");
    }
    let closed = ask().await.unwrap_err();
    let VisitError::Closed(why) = &closed else {
        panic!("{closed}");
    };
    assert!(why.contains("a visit is for few questions"), "{why}");
    pair.still_talk().await;
}

/// Never answers, and tells when nobody waits for the answer any more.
struct Ponders {
    given_up: Arc<Notify>,
}

impl Serve for Ponders {
    fn serve(&self, _: Caller, _: Service, _: Bytes) -> BoxFuture<'static, Bytes> {
        let until_dropped = Arc::clone(&self.given_up);
        async move {
            let _told = TellsWhenDropped(until_dropped);
            std::future::pending().await
        }
        .boxed()
    }
}

struct TellsWhenDropped(Arc<Notify>);

impl Drop for TellsWhenDropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_asked_ends_with_its_visit() {
    let (authority, given_up) = (authority(1), Arc::<Notify>::default());
    let node = Blueprint {
        serve: Arc::new(Ponders {
            given_up: Arc::clone(&given_up),
        }),
        ..Blueprint::new(1, &authority)
    };
    let node = node.start();
    let visit = visit(&node).await.unwrap();
    let unanswered = visit.ask(Bytes::from_static(b"?"), SECOND / 5).await;
    assert!(matches!(unanswered, Err(VisitError::Timeout { .. })));
    drop(visit);
    tokio::time::timeout(5 * SECOND, given_up.notified())
        .await
        .expect("the question goes on");
}

/// What the first node does when it gets these bytes on a stream.
async fn closed_after(bytes: &'static [u8]) -> String {
    let pair = Pair::start();
    let visit = pair.visit().await;
    let closed = visit.unwrap().misbehave(Bytes::from_static(bytes)).await;
    pair.still_talk().await;
    closed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_four_gigabytes_ends_the_connection() {
    let frame = b"QRST\x01\x01\0\0\xff\xff\xff\xff\x01\0\0\0\0\0\0\0\0\0\0\0";
    let closed = closed_after(frame).await;
    assert!(
        closed.contains("4294967295 bytes exceeds the limit"),
        "{closed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_on_a_stream_ends_the_connection() {
    let closed = closed_after(b"GET / HTTP/1.1\r\n\r\n").await;
    assert!(closed.contains("none of ours"), "{closed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_opens_no_stream_but_the_door() {
    let closed = closed_after(b"QRST\x01\x02\0\0").await;
    assert!(closed.contains("Raft is not open"), "{closed}");
}
