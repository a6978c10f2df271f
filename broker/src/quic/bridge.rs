//! One client's connection, between its streams and its reactor.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use quinn::{Connection, RecvStream, SendStream, VarInt};
use quorate_mqtt::codec::frame::MAX_FIXED_HEADER_BYTES;
use quorate_mqtt::version::Version;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::cut::{Stop, cut};
use super::demux::{Demux, Lane, StreamKey};
use super::lanes::{LaneReceiver, Slot};
use super::uplink::{Over, Uplink};
use super::{data_stream, downlink, uplink};

/// How long what a reactor has said last may be on its way to the client.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a client that has got its last words may take to close the connection.
const PARTING: Duration = Duration::from_millis(500);

pub(super) struct Bridge {
    pub(super) limits: BridgeLimits,
    pub(super) uplink: tokio::sync::Mutex<Uplink>,
    slot: Mutex<Slot>,
    pub(super) version: OnceLock<Version>,
    pub(super) stage: watch::Sender<Stage>,
    /// Who may gather a large packet: one stream at a time.
    pub(super) large: Semaphore,
}

#[derive(Clone, Copy)]
pub(super) struct BridgeLimits {
    pub(super) max_packet_bytes: usize,
    pub(super) hash_seed: u64,
}

/// How far the connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Nobody knows whether the client is let in.
    Opening,
    /// It is, and has one stream.
    Single,
    /// A data stream has come: either way goes on packet by packet after the current one.
    Switching,
    /// The packets of the control stream are cut, so others may come between them.
    Many,
    /// The reactor has said its last words.
    Over,
}

/// Passes on until the reactor has let go of the connection.
pub(super) async fn run(
    connection: Connection,
    (to_client, from_client): (SendStream, RecvStream),
    near: UnixStream,
    reactor: oneshot::Receiver<()>,
    limits: BridgeLimits,
) {
    let (from_reactor, to_reactor) = near.into_split();
    let (stage, _) = watch::channel(Stage::Opening);
    let (presence, absence) = mpsc::channel(1);
    let bridge = Arc::new(Bridge {
        limits,
        uplink: tokio::sync::Mutex::new(Uplink::new(to_reactor)),
        slot: Mutex::new(Slot::Unused(presence)),
        version: OnceLock::new(),
        stage,
        large: Semaphore::new(1),
    });
    let mut tasks = JoinSet::new();
    tasks.spawn(uplink::run_control(Arc::clone(&bridge), from_client));
    tasks.spawn(accept_streams(Arc::clone(&bridge), connection.clone()));
    let mut downlink = pin!(downlink::run(&bridge, from_reactor, to_client, absence));
    let mut too_late = pin!(async {
        // It never says anything: it goes when the reactor does.
        let _ = reactor.await;
        sleep(LAST_WORDS).await;
    });
    loop {
        tokio::select! {
            () = &mut downlink => break,
            () = &mut too_late => break,
            Some(ended) = tasks.join_next() => expect_no_panic(ended),
        }
    }
    let _ = timeout(PARTING, connection.closed()).await;
    connection.close(VarInt::from_u32(0), b"");
    tasks.shutdown().await;
}

async fn accept_streams(bridge: Arc<Bridge>, connection: Connection) {
    bridge.reach(Stage::Single).await;
    let mut streams = JoinSet::new();
    while let Ok((send, recv)) = connection.accept_bi().await {
        let key = StreamKey(recv.id().index());
        let Some(lane) = bridge.open(key) else {
            break;
        };
        streams.spawn(data_stream::run(Arc::clone(&bridge), key, send, recv, lane));
        while let Some(ended) = streams.try_join_next() {
            expect_no_panic(ended);
        }
    }
    while let Some(ended) = streams.join_next().await {
        expect_no_panic(ended);
    }
}

/// Tasks end by themselves or with their connection.
pub(super) fn expect_no_panic<T>(ended: Result<T, tokio::task::JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

impl Bridge {
    pub(super) async fn reach(&self, stage: Stage) {
        let mut current = self.stage.subscribe();
        // The sender is there for as long as the bridge.
        let _ = current.wait_for(|current| *current >= stage).await;
    }

    pub(super) fn advance(&self, to: Stage) {
        self.stage.send_if_modified(|stage| {
            let is_ahead = *stage < to;
            if is_ahead {
                *stage = to;
            }
            is_ahead
        });
    }

    pub(super) fn is_at(&self, stage: Stage) -> bool {
        *self.stage.borrow() >= stage
    }

    /// None when all is over.
    fn open(&self, key: StreamKey) -> Option<LaneReceiver> {
        let receiver = self.slot().open(|| self.demux())?.open(key);
        self.advance(Stage::Switching);
        Some(receiver)
    }

    fn demux(&self) -> Demux {
        // Whoever has been let in has said it.
        let version = self.version.get().copied().unwrap_or(Version::V5);
        Demux::new(version, self.limits.hash_seed)
    }

    pub(super) fn slot(&self) -> MutexGuard<'_, Slot> {
        // Whoever panics while it is held ends the thread.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the whole packets at the beginning on to the reactor; returns how many
    /// bytes they took.
    pub(super) async fn pass_packets(&self, from: Lane, bytes: &[u8]) -> Result<usize, Over> {
        // First come, first served: between two packets another stream may have its turn.
        let mut uplink = self.uplink.lock().await;
        let (whole, stop) = {
            let mut slot = self.slot();
            let lanes = slot.get().ok_or(Over)?;
            let found = cut(bytes, self.limits.max_packet_bytes, |frame, _| {
                lanes.demux.on_client_packet(from, frame)
            });
            lanes.close_done();
            found
        };
        uplink.pass(&bytes[..whole]).await?;
        match stop {
            None => Ok(whole),
            Some(Stop::Refused(misuse)) => Err(uplink.complain(&misuse).await),
            Some(Stop::Malformed(error)) => {
                tracing::debug!(%error, "a stream of a client ends");
                let header = &bytes[whole..];
                let header = &header[..header.len().min(MAX_FIXED_HEADER_BYTES)];
                Err(uplink.pass_malformed(header).await)
            }
        }
    }

    /// The client sends nothing more on a data stream.
    pub(super) fn end_stream(&self, key: StreamKey) {
        if let Some(lanes) = self.slot().get() {
            lanes.end(key);
        }
    }

    /// The client takes nothing more from a data stream. If it has missed answers or
    /// messages, it has to come back for them.
    pub(super) async fn close_stream(&self, key: StreamKey, has_missed_answers: bool) {
        let is_missed = match self.slot().get() {
            Some(lanes) => lanes.close(key) || has_missed_answers,
            None => false,
        };
        if is_missed {
            let why = "a data stream was stopped with something on it";
            self.uplink.lock().await.complain(&why).await;
        }
    }
}
