//! Strangers who are being let in: only so many at once, and whoever asks nothing
//! makes room for the next.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::connection::{CloseCode, close};
use crate::service::{Caller, Serve, Service};

/// Who wants to be let in asks two, on each of its visits. Guessing is to cost a
/// handshake, and to keep no place.
const QUESTIONS: u32 = 4;

/// The longest here first.
#[derive(Debug, Default)]
pub(crate) struct Guests {
    present: Mutex<Vec<Arc<Guest>>>,
}

#[derive(Debug)]
pub(crate) struct Guest {
    quic: quinn::Connection,
    /// A request of it is being served.
    is_asking: AtomicBool,
    asked: AtomicU32,
}

/// A guest's place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    guests: Arc<Guests>,
    pub(crate) guest: Arc<Guest>,
}

/// Serves one guest, and notes when it asks.
pub(crate) struct Attended {
    pub(crate) guest: Arc<Guest>,
    pub(crate) serve: Arc<dyn Serve>,
}

impl Guests {
    /// None when all places are taken by those who ask.
    pub(crate) fn receive(
        self: &Arc<Self>,
        quic: quinn::Connection,
        places: usize,
    ) -> Option<Place> {
        let mut present = self.locked();
        if present.len() >= places {
            let silent = present
                .iter()
                .position(|it| !it.is_asking.load(Ordering::SeqCst))?;
            let silent = present.remove(silent);
            close(&silent.quic, CloseCode::Refused, "others want to be let in");
        }
        let guest = Arc::new(Guest {
            quic,
            is_asking: AtomicBool::new(false),
            asked: AtomicU32::new(0),
        });
        present.push(Arc::clone(&guest));
        let guests = Arc::clone(self);
        Some(Place { guests, guest })
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Arc<Guest>>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Serve for Attended {
    fn serve(&self, caller: Caller, service: Service, request: Bytes) -> BoxFuture<'static, Bytes> {
        let guest = Arc::clone(&self.guest);
        if guest.asked.fetch_add(1, Ordering::SeqCst) >= QUESTIONS {
            close(
                &guest.quic,
                CloseCode::Refused,
                "a visit is for few questions",
            );
            return std::future::pending().boxed();
        }
        guest.is_asking.store(true, Ordering::SeqCst);
        let answer = self.serve.serve(caller, service, request);
        answer
            .inspect(move |_| guest.is_asking.store(false, Ordering::SeqCst))
            .boxed()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.guests
            .locked()
            .retain(|guest| !Arc::ptr_eq(guest, &self.guest));
    }
}
