//! Frames one way, over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use quorate_model::member::Roles;
use quorate_transport::{
    Caller, FlowError, FlowReceiver, FlowSender, KnownPeer, LinkError, Serve, Service,
};
use support::{Blueprint, Node, SECOND, authority};
use tokio::sync::{Semaphore, mpsc};

/// Hands on what arrives, while it is allowed to read.
struct Reader {
    may_read: Arc<Semaphore>,
    read: mpsc::Sender<Event>,
}

#[derive(Debug, PartialEq)]
enum Event {
    Frames(KnownPeer, Vec<Bytes>),
    End(Result<(), FlowError>),
}

impl Serve for Reader {
    fn serve(&self, _: Caller, _: Service, _: Bytes) -> BoxFuture<'static, Bytes> {
        std::future::ready(Bytes::new()).boxed()
    }

    fn receive(&self, from: KnownPeer, _: Service, flow: FlowReceiver) -> BoxFuture<'static, ()> {
        let (may_read, read) = (Arc::clone(&self.may_read), self.read.clone());
        read_all(from, flow, may_read, read).boxed()
    }
}

async fn read_all(
    from: KnownPeer,
    mut flow: FlowReceiver,
    may_read: Arc<Semaphore>,
    read: mpsc::Sender<Event>,
) {
    loop {
        let _allowed = may_read.acquire().await.unwrap();
        let mut frames = Vec::new();
        let event = match flow.receive(&mut frames).await {
            Ok(0) => Event::End(Ok(())),
            Ok(_) => Event::Frames(from.clone(), frames),
            Err(error) => Event::End(Err(error)),
        };
        let is_end = matches!(event, Event::End(_));
        read.send(event).await.unwrap();
        if is_end {
            return;
        }
    }
}

struct Pair {
    one: Node,
    two: Node,
    may_read: Arc<Semaphore>,
    read: mpsc::Receiver<Event>,
}

impl Pair {
    fn start() -> Self {
        let authority = authority(1);
        let may_read = Arc::new(Semaphore::new(1));
        let (sender, read) = mpsc::channel(10_000);
        let reader = Reader {
            may_read: Arc::clone(&may_read),
            read: sender,
        };
        let one = Blueprint::new(1, &authority).start();
        let two = Blueprint {
            serve: Arc::new(reader),
            ..Blueprint::new(2, &authority)
        };
        let two = two.start();
        one.knows(&two);
        Self {
            one,
            two,
            may_read,
            read,
        }
    }

    async fn open(&self) -> FlowSender {
        let opened = self
            .one
            .transport
            .open_flow(self.two.id, Service::Raft, 3 * SECOND);
        opened.await.unwrap()
    }

    async fn next(&mut self) -> Event {
        let next = tokio::time::timeout(10 * SECOND, self.read.recv());
        next.await.unwrap().unwrap()
    }
}

/// What the other side thinks of a flow takes a moment to arrive.
async fn send_until_it_fails(mut flow: FlowSender) -> String {
    for _ in 0..1_000 {
        if let Err(error) = flow.send(&[Bytes::from_static(b"?")]).await {
            return error.to_string();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing stopped the flow");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_any_size_arrive_in_order_and_the_end_is_told() {
    let mut pair = Pair::start();
    let mut flow = pair.open().await;
    let sizes = [0, 1, 300, 4_096, 4_097, 70_000, 1 << 20];
    let bodies: Vec<Bytes> = (0_u32..2_000)
        .map(|number| {
            let size = if number % 100 == 0 {
                sizes[number as usize / 100 % 7]
            } else {
                300
            };
            let mut body = number.to_le_bytes().to_vec();
            body.resize(body.len() + size, number as u8);
            body.into()
        })
        .collect();
    for batch in bodies.chunks(64) {
        flow.send(batch).await.unwrap();
    }
    flow.send(&[]).await.unwrap();
    flow.finish().await.unwrap();
    let mut arrived = Vec::new();
    loop {
        match pair.next().await {
            Event::Frames(from, frames) => {
                assert_eq!((from.node, from.roles), (pair.one.id, Roles::Core));
                arrived.extend(frames);
            }
            Event::End(end) => {
                assert_eq!(end, Ok(()));
                break;
            }
        }
    }
    assert!(arrived == bodies);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_does_not_read_holds_the_sender_up() {
    let mut pair = Pair::start();
    let may_read = Arc::clone(&pair.may_read);
    let reading = may_read.acquire().await.unwrap();
    let mut flow = pair.open().await;
    let body = Bytes::from(vec![b'.'; 1 << 20]);
    let mut sent = 0;
    let held_up = loop {
        match tokio::time::timeout(SECOND, flow.send(std::slice::from_ref(&body))).await {
            Ok(written) => written.unwrap(),
            Err(_) => break sent,
        }
        sent += 1;
        assert!(sent < 1_000, "nothing held the sender up");
    };
    assert!(held_up > 0);
    drop(reading);
    // The frame that was given up is half on the wire: what came before is whole.
    let error = flow.send(&[body]).await.unwrap_err();
    assert!(error.to_string().contains("the flow is over"), "{error}");
    drop(flow);
    let mut arrived = 0;
    let end = loop {
        match pair.next().await {
            Event::Frames(_, frames) => arrived += frames.len(),
            Event::End(end) => break end,
        }
    };
    assert_eq!(arrived, held_up);
    assert!(matches!(end, Err(FlowError::Cut(_))), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_expects_no_flow_says_so() {
    let pair = Pair::start();
    // Node 1 answers calls alone.
    pair.two.knows(&pair.one);
    let flow = pair
        .two
        .transport
        .open_flow(pair.one.id, Service::Control, 3 * SECOND);
    let error = send_until_it_fails(flow.await.unwrap()).await;
    assert!(error.contains("stopped"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_is_refused_before_it_is_sent() {
    let pair = Pair::start();
    let mut flow = pair.open().await;
    let body = Bytes::from(vec![b'.'; (24 << 20) + 1]);
    let error = flow.send(&[body]).await.unwrap_err();
    assert!(matches!(error, LinkError::TooLarge { .. }), "{error}");
    flow.send(&[Bytes::from_static(b"goes on")]).await.unwrap();
    flow.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_gone_is_no_orderly_end() {
    let mut pair = Pair::start();
    let mut flow = pair.open().await;
    flow.send(&[Bytes::from_static(b"last")]).await.unwrap();
    assert!(matches!(pair.next().await, Event::Frames(..)));
    pair.one
        .transport
        .shutdown(Duration::from_millis(200))
        .await;
    let end = pair.next().await;
    assert!(matches!(end, Event::End(Err(FlowError::Cut(_)))), "{end:?}");
    assert!(flow.send(&[Bytes::from_static(b"more")]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replicant_opens_no_flow_of_raft() {
    let authority = authority(1);
    let core = Blueprint::new(1, &authority).start();
    let replicant = Blueprint {
        roles: Roles::Replicant,
        ..Blueprint::new(2, &authority)
    };
    let replicant = replicant.start();
    replicant.knows(&core);
    let flow = replicant
        .transport
        .open_flow(core.id, Service::Raft, 3 * SECOND);
    let error = send_until_it_fails(flow.await.unwrap()).await;
    assert!(error.contains("not open to this node"), "{error}");
}
