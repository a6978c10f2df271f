//! Messages for the clients of other reactors.

use std::mem;

use quorate_mqtt::message::Passing;

use super::Reactor;
use crate::mailbox::{Addressee, Parcel};
use crate::seat::ReactorNumber;

/// What is gathered goes at the end of the turn, or when it is so much.
const LARGE_BYTES: usize = 256 * 1024;

/// What a turn has for the others.
pub(super) struct Outgoing {
    /// By reactor, with what they weigh.
    parcels: Vec<(Vec<Parcel>, usize)>,
    is_empty: bool,
    /// Somebody's mailbox is full: nothing is read until he says that it is not.
    pub(super) is_crowded: bool,
}

impl Outgoing {
    pub(super) fn new(reactors: usize) -> Self {
        Self {
            parcels: (0..reactors).map(|_| (Vec::new(), 0)).collect(),
            is_empty: true,
            is_crowded: false,
        }
    }
}

impl Reactor {
    pub(super) fn send_parcel(
        &mut self,
        reactor: ReactorNumber,
        message: &Passing<'_>,
        to: Addressee,
    ) {
        let message = message.keep();
        let (parcels, bytes) = &mut self.outgoing.parcels[reactor.index()];
        *bytes += message.weight();
        let is_large = *bytes >= LARGE_BYTES;
        parcels.push(Parcel { message, to });
        self.outgoing.is_empty = false;
        if is_large {
            self.hand_over_to(reactor);
        }
    }

    /// Puts into the mailboxes what the turn has gathered for them.
    pub(super) fn hand_over(&mut self) {
        if !mem::replace(&mut self.outgoing.is_empty, true) {
            for reactor in 0..self.outgoing.parcels.len() {
                self.hand_over_to(ReactorNumber::new(reactor));
            }
        }
    }

    fn hand_over_to(&mut self, reactor: ReactorNumber) {
        let (parcels, bytes) = mem::take(&mut self.outgoing.parcels[reactor.index()]);
        if !parcels.is_empty() {
            let mailbox = &self.shared.mailboxes[reactor.index()];
            self.outgoing.is_crowded |= mailbox.put_parcels(parcels, bytes);
        }
    }
}
