//! What other threads have for a reactor.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mio::Waker;
use quorate_model::reply::Reply;

use crate::connection::ConnectionKey;
use crate::control_plane::Unavailable;

#[derive(Debug)]
pub(crate) enum Mail {
    /// The answer to the oldest proposal of this reactor that has none.
    Decided(Result<Vec<Reply>, Unavailable>),
    /// Whose password a client has; none for a wrong one.
    PasswordChecked {
        connection: ConnectionKey,
        user: Option<Arc<str>>,
    },
    /// No more clients; those that are there are told to go.
    Drain,
}

/// Bounded by what its senders may have under way.
#[derive(Debug)]
pub(crate) struct Mailbox {
    mail: Mutex<VecDeque<Mail>>,
    waker: Waker,
}

impl Mailbox {
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            mail: Mutex::default(),
            waker,
        }
    }

    /// Wakes the reactor only if the mailbox was empty: whoever fills it further knows
    /// that somebody has.
    pub(crate) fn put(&self, mail: Mail) {
        let was_empty = {
            let mut queue = self.lock();
            queue.push_back(mail);
            queue.len() == 1
        };
        if was_empty && let Err(error) = self.waker.wake() {
            // Without it the reactor would never hear of its mail.
            panic!("a reactor cannot be woken: {error}");
        }
    }

    pub(crate) fn take(&self) -> VecDeque<Mail> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Mail>> {
        // Nothing panics while it is held.
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
