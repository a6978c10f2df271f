//! The ways to the data streams of a connection.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::cut::cut;
use super::demux::{Demux, Lane, StreamKey};

/// What waits for one stream: a client that does not read it holds up the others only
/// after that much.
const LANE_BYTES: usize = 64 * 1024;
/// What waits for all of them together.
const ALL_BYTES: usize = 256 * 1024;
/// Packets of one stream that wait, however small.
const LANE_PACKETS: usize = 256;
/// The type of a message.
const PUBLISH: u8 = 3;

/// Made when they are needed: most clients have one stream.
pub(super) enum Slot {
    Unused(mpsc::Sender<Infallible>),
    Used(Box<Lanes>),
    Over,
}

pub(super) struct Lanes {
    pub(super) demux: Demux,
    senders: HashMap<StreamKey, LaneSender>,
    budget: Arc<Semaphore>,
    /// Each stream holds one of these for as long as it is there.
    presence: mpsc::Sender<Infallible>,
}

/// Bounded by what it holds: whoever puts more into it waits.
#[derive(Clone)]
pub(super) struct LaneSender {
    queue: mpsc::Sender<Parcel>,
    own: Arc<Semaphore>,
    all: Arc<Semaphore>,
}

/// Whole packets, for one stream.
pub(super) struct Parcel {
    pub(super) bytes: Bytes,
    /// There is more in it than messages.
    pub(super) has_answers: bool,
    _room: [OwnedSemaphorePermit; 2],
}

pub(super) struct LaneReceiver {
    pub(super) queue: mpsc::Receiver<Parcel>,
    _presence: mpsc::Sender<Infallible>,
}

/// Packets that go the same way, by their place.
pub(super) struct Batch {
    pub(super) to: Option<LaneSender>,
    pub(super) range: Range<usize>,
    pub(super) has_answers: bool,
    lane: Lane,
}

impl Slot {
    /// The lanes, if they are or were needed; none when all is over.
    pub(super) fn open(&mut self, demux: impl FnOnce() -> Demux) -> Option<&mut Lanes> {
        if let Self::Unused(presence) = self {
            *self = Self::Used(Box::new(Lanes::new(demux(), presence.clone())));
        }
        self.get()
    }

    pub(super) fn get(&mut self) -> Option<&mut Lanes> {
        match self {
            Self::Used(lanes) => Some(lanes),
            Self::Unused(_) | Self::Over => None,
        }
    }
}

impl Lanes {
    fn new(demux: Demux, presence: mpsc::Sender<Infallible>) -> Self {
        Self {
            demux,
            senders: HashMap::new(),
            budget: Arc::new(Semaphore::new(ALL_BYTES)),
            presence,
        }
    }

    pub(super) fn open(&mut self, key: StreamKey) -> LaneReceiver {
        let (queue, receiver) = mpsc::channel(LANE_PACKETS);
        let sender = LaneSender {
            queue,
            own: Arc::new(Semaphore::new(LANE_BYTES)),
            all: Arc::clone(&self.budget),
        };
        self.demux.open(key);
        self.senders.insert(key, sender);
        LaneReceiver {
            queue: receiver,
            _presence: self.presence.clone(),
        }
    }

    /// The client sends nothing more on it.
    pub(super) fn end(&mut self, key: StreamKey) {
        self.demux.end(key);
        self.close_done();
    }

    /// The client takes nothing more from it. Returns whether that leaves something
    /// open.
    pub(super) fn close(&mut self, key: StreamKey) -> bool {
        self.senders.remove(&key);
        self.demux.close(key)
    }

    /// Closes the streams that have ended and got all their answers.
    pub(super) fn close_done(&mut self) {
        let demux = &mut self.demux;
        self.senders.retain(|key, _| {
            let is_done = demux.is_done(*key);
            if is_done {
                demux.close(*key);
            }
            !is_done
        });
    }

    /// Says where the whole packets at the beginning go, and how many bytes they take.
    pub(super) fn sort(&mut self, bytes: &[u8]) -> (Vec<Batch>, usize) {
        let mut batches: Vec<Batch> = Vec::new();
        let (whole, stop) = cut(bytes, usize::MAX, |frame, packet| {
            let lane = self.demux.route(frame);
            let is_answer = frame.first >> 4 != PUBLISH;
            match batches.last_mut() {
                Some(last) if last.lane == lane => {
                    last.range.end += packet.len();
                    last.has_answers |= is_answer;
                }
                last => {
                    let at = last.map_or(0, |last| last.range.end);
                    let to = match lane {
                        Lane::Control => None,
                        Lane::Data(key) => self.senders.get(&key).cloned(),
                    };
                    batches.push(Batch {
                        to,
                        range: at..at + packet.len(),
                        has_answers: is_answer,
                        lane,
                    });
                }
            }
            Ok::<_, Infallible>(())
        });
        assert_eq!(stop, None, "the reactor has sent what is no packet");
        self.close_done();
        (batches, whole)
    }
}

impl LaneSender {
    /// Waits for room. Returns what there is no stream for any more.
    pub(super) async fn put(&self, bytes: Bytes, has_answers: bool) -> Result<(), Bytes> {
        let (own, all) = (bytes.len().min(LANE_BYTES), bytes.len().min(ALL_BYTES));
        let own = Arc::clone(&self.own).acquire_many_owned(own as u32).await;
        let all = Arc::clone(&self.all).acquire_many_owned(all as u32).await;
        let (Ok(own), Ok(all)) = (own, all) else {
            return Err(bytes);
        };
        let parcel = Parcel {
            bytes,
            has_answers,
            _room: [own, all],
        };
        let put = self.queue.send(parcel).await;
        put.map_err(|refused| refused.0.bytes)
    }
}
