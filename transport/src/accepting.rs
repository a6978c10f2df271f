//! The side of a connection that did not dial.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quinn::{Endpoint, Incoming, VarInt};
use tokio::sync::Notify;

use crate::config::PEER_WINDOW_BYTES;
use crate::connection::{CloseCode, close};
use crate::greeting::{self, GreetingError};
use crate::guests::Guests;
use crate::service::KnownPeer;
use crate::stranger;
use crate::transport::Inner;

/// Who is on the way in.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    handshakes: Arc<Handshakes>,
    guests: Arc<Guests>,
}

/// Handshakes under way, the oldest first. Whoever stalls makes room for the next:
/// one that is meant takes milliseconds.
#[derive(Debug, Default)]
struct Handshakes {
    under_way: Mutex<VecDeque<Arc<Notify>>>,
}

/// One handshake among them, until it is dropped.
struct Handshake {
    among: Arc<Handshakes>,
    is_to_end: Arc<Notify>,
}

enum Accepted {
    Peer(KnownPeer, quinn::Connection),
    Stranger(quinn::Connection),
}

pub(crate) async fn accept(inner: Arc<Inner>, endpoint: Endpoint) {
    let limit = inner.config.limits.handshakes;
    while let Some(incoming) = endpoint.accept().await {
        let handshakes = &inner.callers.handshakes;
        if handshakes.count() >= limit / 2 && !incoming.remote_address_validated() {
            // The sender has to show that it is where it says it is. An error
            // means that it did already.
            let _ = incoming.retry();
            continue;
        }
        let handshake = handshakes.begin(limit);
        let acceptor = Arc::clone(&inner);
        inner.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = handshake.is_to_end.notified() => {}
                () = acceptor.accept_one(incoming) => {}
            }
        });
    }
}

impl Handshakes {
    fn count(&self) -> usize {
        self.locked().len()
    }

    fn begin(self: &Arc<Self>, limit: usize) -> Handshake {
        let mut under_way = self.locked();
        if under_way.len() >= limit
            && let Some(oldest) = under_way.pop_front()
        {
            oldest.notify_one();
        }
        let is_to_end = Arc::<Notify>::default();
        under_way.push_back(Arc::clone(&is_to_end));
        Handshake {
            among: Arc::clone(self),
            is_to_end,
        }
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<Arc<Notify>>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut under_way = self.among.locked();
        under_way.retain(|it| !Arc::ptr_eq(it, &self.is_to_end));
    }
}

impl Inner {
    async fn accept_one(self: Arc<Self>, incoming: Incoming) {
        let address = incoming.remote_address();
        let accepted = tokio::time::timeout(self.config.timing.handshake, async {
            let quic = incoming.accept()?.await?;
            if !greeting::is_peer(&quic) {
                return Ok(Accepted::Stranger(quic));
            }
            let peer = greeting::answer(&quic, &self.hello, &self.directory).await?;
            Ok::<_, GreetingError>(Accepted::Peer(peer, quic))
        });
        match accepted.await {
            Ok(Ok(Accepted::Peer(peer, quic))) => {
                quic.set_receive_window(VarInt::from_u32(PEER_WINDOW_BYTES));
                quic.set_send_window(u64::from(PEER_WINDOW_BYTES));
                let streams = VarInt::from_u32(self.config.limits.streams);
                quic.set_max_concurrent_bi_streams(streams);
                quic.set_max_concurrent_uni_streams(streams);
                let connection = self.serve(peer, quic);
                self.adopt(connection);
            }
            Ok(Ok(Accepted::Stranger(quic))) => {
                self.receive_visit(quic);
            }
            Ok(Err(error)) => self.remarks.refused(address, &error.to_string()),
            Err(_) => self
                .remarks
                .refused(address, "it did not say in time who it is"),
        }
    }

    /// A visit takes a while; it must not count as a handshake, or a few of them
    /// would shut the door to members.
    fn receive_visit(&self, quic: quinn::Connection) {
        let places = self.config.limits.visits;
        let Some(place) = self.callers.guests.receive(quic.clone(), places) else {
            let reason = "too many nodes ask to be let in; try again";
            return close(&quic, CloseCode::Refused, reason);
        };
        if let Some(serve) = self.locked_serve().clone() {
            let (remarks, tasks) = (Arc::clone(&self.remarks), self.tasks.clone());
            self.tasks
                .spawn(stranger::serve(quic, place, serve, remarks, tasks));
        }
    }
}
