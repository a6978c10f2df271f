//! What other threads have for a reactor.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mio::Waker;
use quorate_mqtt::message::{Message, SessionNumber};
use quorate_mqtt::moment::Moment;

use crate::connection::{Connection, ConnectionKey, Socket};
use crate::proposals::Answer;
use crate::routing::Target;

/// With more than that in messages, it is not filled further.
const CROWDED_BYTES: usize = 8 * 1024 * 1024;

#[derive(Debug)]
pub(crate) enum Mail {
    /// What the cluster decided of what this reactor asked for.
    Decided(Vec<Answer>),
    /// The cluster answered something else than what it was asked.
    Mismatch { commands: usize, replies: usize },
    /// Messages of another reactor's clients.
    Parcels(Vec<Parcel>),
    /// A client whose place is here.
    Arrived(Box<Connection>),
    /// There is room where there was none: for proposals, or for parcels.
    Room,
    /// Whose password a client has; none for a wrong one.
    PasswordChecked {
        connection: ConnectionKey,
        user: Option<Arc<str>>,
    },
    /// A connection that is the reactor's from now on.
    Newcomer(Newcomer),
    /// No more clients; those that are there are told to go.
    Drain,
}

/// A message on its way to another reactor.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) message: Arc<Message>,
    pub(crate) to: Addressee,
}

#[derive(Debug)]
pub(crate) enum Addressee {
    /// All sessions there that want it.
    Subscribers,
    /// The member of a group.
    Member {
        target: Target,
        /// The session's, which may be gone.
        number: SessionNumber,
    },
}

#[derive(Debug)]
pub(crate) struct Newcomer {
    /// The place of its listener among the configured ones.
    pub(crate) listener: usize,
    pub(crate) socket: Socket,
    pub(crate) peer: SocketAddr,
    /// When its CONNECT has to have come.
    pub(crate) until: Moment,
}

/// Bounded by what its senders may have under way.
#[derive(Debug)]
pub(crate) struct Mailbox {
    contents: Mutex<Contents>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Contents {
    mail: VecDeque<Mail>,
    parcel_bytes: usize,
}

/// What was in a mailbox.
pub(crate) struct Taken {
    pub(crate) mail: VecDeque<Mail>,
    /// Whether senders wait until there is room.
    pub(crate) was_crowded: bool,
}

impl Mailbox {
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            contents: Mutex::default(),
            waker,
        }
    }

    pub(crate) fn put(&self, mail: Mail) {
        self.put_weighing(mail, 0);
    }

    /// Says whether the sender has to wait until there is room again.
    pub(crate) fn put_parcels(&self, parcels: Vec<Parcel>, bytes: usize) -> bool {
        self.put_weighing(Mail::Parcels(parcels), bytes)
    }

    /// Wakes the reactor only if the mailbox was empty: whoever fills it further knows
    /// that somebody has.
    fn put_weighing(&self, mail: Mail, bytes: usize) -> bool {
        let (was_empty, is_crowded) = {
            let mut contents = self.lock();
            contents.mail.push_back(mail);
            contents.parcel_bytes += bytes;
            (contents.mail.len() == 1, contents.is_crowded())
        };
        if was_empty && let Err(error) = self.waker.wake() {
            // Without it the reactor would never hear of its mail.
            panic!("a reactor cannot be woken: {error}");
        }
        is_crowded
    }

    /// Whether those who would put parcels into it wait.
    pub(crate) fn is_crowded(&self) -> bool {
        self.lock().is_crowded()
    }

    pub(crate) fn take(&self) -> Taken {
        let contents = std::mem::take(&mut *self.lock());
        Taken {
            was_crowded: contents.is_crowded(),
            mail: contents.mail,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        // Nothing panics while it is held.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    const fn is_crowded(&self) -> bool {
        self.parcel_bytes >= CROWDED_BYTES
    }
}

#[cfg(test)]
mod tests {
    use mio::{Poll, Token};
    use quorate_model::retained::QoS;
    use quorate_mqtt::message::Traits;
    use quorate_mqtt::moment::Moment;

    use super::*;

    fn parcels() -> Vec<Parcel> {
        let traits = Traits {
            qos: QoS::AtMostOnce,
            retain: false,
            expires: Moment::NEVER,
            publisher: None,
        };
        vec![Parcel {
            message: Arc::new(Message::new(traits, "t", &[], b"")),
            to: Addressee::Subscribers,
        }]
    }

    #[test]
    fn who_fills_it_learns_that_it_is_full_and_is_to_be_told_when_it_is_not() {
        let poll = Poll::new().unwrap();
        let mailbox = Mailbox::new(Waker::new(poll.registry(), Token(0)).unwrap());
        assert!(!mailbox.put_parcels(parcels(), CROWDED_BYTES - 1));
        assert!(mailbox.put_parcels(parcels(), 1));
        mailbox.put(Mail::Room);
        let taken = mailbox.take();
        assert!(taken.was_crowded);
        assert_eq!(taken.mail.len(), 3);
        assert!(!mailbox.put_parcels(parcels(), 1));
        assert!(!mailbox.take().was_crowded);
        assert!(mailbox.take().mail.is_empty());
    }
}
