//! The leader's side of proposals: what waits to become an entry.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use quorate_model::command::Request;
use quorate_model::command_size::command_bytes;
use quorate_model::ids::{Origin, Sequence};
use quorate_model::limits::{MAX_ENTRY_BYTES, MAX_REQUESTS};
use quorate_model::reply::RequestOutcome;
use tokio::sync::{Notify, oneshot, watch};

use crate::config::CoreLimits;
use crate::gathering::gather;
use crate::types::{ServerMetrics, leader_of};
use crate::wire::message::Refusal;

/// What a batch adds around its requests, and to spare.
const BATCH_OVERHEAD_BYTES: usize = 64 * 1024;
/// What a request adds around its commands.
const REQUEST_OVERHEAD_BYTES: usize = 128;
/// The largest request that fits into an entry of its own.
pub(crate) const MAX_REQUEST_BYTES: usize = MAX_ENTRY_BYTES - BATCH_OVERHEAD_BYTES;
/// How often the leader steps aside in vain for nodes that may come back;
/// their proposers step aside for their callers meanwhile.
const PATIENCE: u32 = 24;
/// How many calls may wait for one request: the first and its latest retries.
const MAX_WAITERS: usize = 4;

pub(crate) type Answer = Result<RequestOutcome, Refusal>;

/// Names one request of one life of one node, however often it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RequestKey {
    origin: Origin,
    sequence: Sequence,
}

/// Requests that wait for this node, as the leader, to write them; bounded by
/// count and bytes. A retry of a request that is waiting or being written
/// joins it.
#[derive(Debug)]
pub(crate) struct Intake {
    limits: CoreLimits,
    leadership: watch::Receiver<ServerMetrics>,
    node: u64,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Everything that waits or is being written.
    callers: BTreeMap<RequestKey, Vec<oneshot::Sender<Answer>>>,
    /// What waits, in order of arrival.
    waiting: VecDeque<(Request, usize)>,
    bytes: usize,
    /// How many are likely to wait soon: see [`gather`].
    expected: usize,
    is_closed: bool,
}

impl RequestKey {
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            origin: request.origin,
            sequence: request.sequence,
        }
    }
}

impl Intake {
    pub(crate) fn new(
        limits: CoreLimits,
        node: u64,
        leadership: watch::Receiver<ServerMetrics>,
    ) -> Self {
        Self {
            limits,
            leadership,
            node,
            state: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Has the request written and waits for its outcome; `encoded` is its
    /// size on the wire if it came from there.
    pub(crate) async fn submit(&self, request: Request, encoded: Option<usize>) -> Answer {
        self.check_leading()?;
        let receiver = self.enter(request, encoded)?;
        self.arrived.notify_one();
        receiver.await.unwrap_or(Err(Refusal::Stopped))
    }

    fn enter(
        &self,
        request: Request,
        encoded: Option<usize>,
    ) -> Result<oneshot::Receiver<Answer>, Refusal> {
        let bytes = encoded.unwrap_or_else(|| request_bytes(&request));
        if bytes > MAX_REQUEST_BYTES {
            return Err(Refusal::TooLarge {
                bytes: bytes as u64,
                limit: MAX_REQUEST_BYTES as u64,
            });
        }
        let key = RequestKey::of(&request);
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.is_closed {
            return Err(Refusal::Stopped);
        }
        if let Some(callers) = state.callers.get_mut(&key) {
            callers.retain(|caller| !caller.is_closed());
            if callers.len() == MAX_WAITERS {
                callers.remove(0);
            }
            callers.push(sender);
            return Ok(receiver);
        }
        if state.waiting.len() >= self.limits.intake_requests
            || state.bytes + bytes > self.limits.intake_bytes
        {
            return Err(Refusal::Overloaded);
        }
        state.callers.insert(key, vec![sender]);
        state.waiting.push_back((request, bytes));
        state.bytes += bytes;
        Ok(receiver)
    }

    /// Waits for requests; as many as fit into one entry.
    pub(crate) async fn take(&self) -> Vec<Request> {
        loop {
            let expected = self.lock().expected;
            if self.len() > 0 {
                gather(expected, PATIENCE, || self.len()).await;
            }
            let taken = self.try_take();
            if !taken.is_empty() {
                return taken;
            }
            self.arrived.notified().await;
        }
    }

    fn try_take(&self) -> Vec<Request> {
        let mut state = self.lock();
        let mut bytes = 0;
        let mut taken = Vec::new();
        while let Some((_, next)) = state.waiting.front() {
            if taken.len() == MAX_REQUESTS || bytes + next > MAX_REQUEST_BYTES {
                break;
            }
            let Some((request, size)) = state.waiting.pop_front() else {
                break;
            };
            state.bytes -= size;
            bytes += size;
            taken.push(request);
        }
        taken
    }

    /// So many requests are about to be answered, and their nodes may have
    /// gathered the next.
    pub(crate) fn expect(&self, requests: usize) {
        let mut state = self.lock();
        state.expected = state.waiting.len() + requests;
    }

    pub(crate) fn answer(&self, key: RequestKey, answer: &Answer) {
        let callers = self.lock().callers.remove(&key).unwrap_or_default();
        for caller in callers {
            // Whoever dropped its end doesn't want to know.
            let _ = caller.send(answer.clone());
        }
    }

    /// Answers all that wait or are being written. They may still be applied:
    /// the callers retry under the same sequence.
    pub(crate) fn refuse_all(&self, refusal: &Refusal) {
        let callers = {
            let mut state = self.lock();
            state.waiting.clear();
            state.bytes = 0;
            state.expected = 0;
            std::mem::take(&mut state.callers)
        };
        for caller in callers.into_values().flatten() {
            let _ = caller.send(Err(refusal.clone()));
        }
    }

    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.refuse_all(&Refusal::Stopped);
    }

    /// Requests that wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    fn check_leading(&self) -> Result<(), Refusal> {
        let leader = leader_of(&self.leadership.borrow());
        if leader == Some(self.node) {
            return Ok(());
        }
        Err(Refusal::NotLeader { leader })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        match self.state.lock() {
            Ok(state) => state,
            Err(_) => panic!("the intake is unusable: a change of it panicked before"),
        }
    }
}

fn request_bytes(request: &Request) -> usize {
    let commands: usize = request.commands.iter().map(command_bytes).sum();
    REQUEST_OVERHEAD_BYTES + commands
}
