//! Makes entries of what the intake holds and hands the outcomes back.
//!
//! openraft 0.9 gets one to three entries through per sync of the disk,
//! however many are asked for. So one entry is in flight, and all that arrives
//! meanwhile, from all nodes, becomes the next.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use openraft::error::ClientWriteError;
use quorate_model::command::{Batch, Request};
use quorate_model::limits::MAX_ENTRY_BYTES;
use quorate_model::wire;
use quorate_raft_store::Payload;
use tokio::sync::watch;

use crate::clock::WallClock;
use crate::group::Group;
use crate::intake::{Intake, RequestKey};
use crate::own_batches::OwnBatches;
use crate::types::{Outcomes, Runtime, ServerMetrics, leader_of};
use crate::wire::message::Refusal;

pub(crate) struct EntryWriter<R: Runtime> {
    group: Arc<Group<R>>,
    intake: Arc<Intake>,
    own_batches: Arc<OwnBatches>,
    clock: Arc<dyn WallClock>,
    counters: Arc<EntryCounters>,
    leadership: watch::Receiver<ServerMetrics>,
    in_flight: FuturesUnordered<BoxFuture<'static, Written>>,
}

#[derive(Debug, Default)]
pub(crate) struct EntryCounters {
    pub(crate) entries: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

/// An entry that was applied, or will not be by this leader.
struct Written {
    keys: Vec<RequestKey>,
    result: Result<Outcomes, Refusal>,
}

impl<R: Runtime> EntryWriter<R> {
    pub(crate) fn new(
        group: Arc<Group<R>>,
        intake: Arc<Intake>,
        own_batches: Arc<OwnBatches>,
        clock: Arc<dyn WallClock>,
        counters: Arc<EntryCounters>,
    ) -> Self {
        Self {
            leadership: group.raft.server_metrics(),
            group,
            intake,
            own_batches,
            clock,
            counters,
            in_flight: FuturesUnordered::new(),
        }
    }

    /// Runs until the node stops.
    pub(crate) async fn run(mut self) {
        let mut stop = self.group.watch_stop();
        let mut leading = self.leading_term();
        let depth = self.group.config.limits.entries_in_flight.max(1);
        loop {
            tokio::select! {
                biased;
                () = stop.stopped() => break,
                Some(written) = self.in_flight.next() => self.settle(written),
                Ok(()) = self.leadership.changed() => {
                    let now = self.leading_term();
                    if leading.is_some() && now != leading {
                        self.abandon();
                    }
                    leading = now;
                }
                requests = self.intake.take(), if self.in_flight.len() < depth => {
                    self.write(requests).await;
                }
            }
        }
        self.intake.close();
    }

    /// The term in which this node leads, if it does.
    fn leading_term(&mut self) -> Option<u64> {
        let metrics = self.leadership.borrow_and_update();
        let leads = leader_of(&metrics) == Some(metrics.id);
        leads.then_some(metrics.vote.leader_id.term)
    }

    /// This node does not lead any more. openraft keeps silent about an entry
    /// whose fate the next leader decides, so nobody must wait for it here.
    fn abandon(&mut self) {
        self.in_flight = FuturesUnordered::new();
        self.own_batches.clear();
        let leader = leader_of(&self.leadership.borrow());
        self.intake.refuse_all(&Refusal::NotLeader { leader });
    }

    async fn write(&mut self, requests: Vec<Request>) {
        let keys: Vec<_> = requests.iter().map(RequestKey::of).collect();
        let batch = Batch {
            time: self.clock.now(),
            requests,
        };
        let encoded = wire::encode_batch(&batch);
        if encoded.len() > MAX_ENTRY_BYTES {
            let refusal = Refusal::TooLarge {
                bytes: encoded.len() as u64,
                limit: MAX_ENTRY_BYTES as u64,
            };
            return self.settle(Written {
                keys,
                result: Err(refusal),
            });
        }
        let encoded = Bytes::from(wire::pack_batch(encoded));
        self.counters.entries.fetch_add(1, Relaxed);
        self.counters.bytes.fetch_add(encoded.len() as u64, Relaxed);
        self.own_batches.put(encoded.clone(), batch);
        let written = self.group.raft.client_write_ff(Payload(encoded)).await;
        let Ok(receiver) = written else {
            let result = Err(Refusal::Stopped);
            return self.settle(Written { keys, result });
        };
        self.in_flight.push(Box::pin(async move {
            let result = match receiver.await {
                Ok(Ok(response)) => Ok(response.data),
                Ok(Err(ClientWriteError::ForwardToLeader(forward))) => Err(Refusal::NotLeader {
                    leader: forward.leader_id,
                }),
                Ok(Err(ClientWriteError::ChangeMembershipError(_))) | Err(_) => {
                    Err(Refusal::Stopped)
                }
            };
            Written { keys, result }
        }));
    }

    fn settle(&self, written: Written) {
        self.intake.expect(written.keys.len());
        match written.result {
            Ok(Outcomes(outcomes)) => {
                assert_eq!(outcomes.len(), written.keys.len(), "one outcome a request");
                for (key, outcome) in written.keys.into_iter().zip(outcomes) {
                    self.intake.answer(key, &Ok(outcome));
                }
            }
            Err(refusal) => {
                for key in written.keys {
                    self.intake.answer(key, &Err(refusal.clone()));
                }
            }
        }
    }
}

impl<R: Runtime> fmt::Debug for EntryWriter<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryWriter")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
