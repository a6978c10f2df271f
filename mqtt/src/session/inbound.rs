//! What a client has sent and is not done with.
//!
//! ```text
//! PUBLISH QoS 2 --> undecided --verdict--> decided --PUBREL--> gone
//!                    |   ^ |                                    ^
//!     not kept, and  |   | `------------- refused -------------'
//!     nobody to tell v   | again
//!                    handed out
//! ```

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::Arc;

use crate::packet_id::PacketId;

#[derive(Debug, Default)]
pub(super) struct Inbound {
    /// What the aliases of this connection stand for; alias 1 is at 0.
    aliases: Vec<Option<Arc<str>>>,
    /// Messages of QoS 2 that were taken and not released: as many as there are ids, if the
    /// client is of version 3.
    unreleased: BTreeMap<PacketId, Taken>,
    /// How many of them count against the receive maximum.
    counting: usize,
}

#[derive(Clone, Copy, Debug)]
struct Taken {
    fate: Fate,
    /// Its PUBLISH came over this connection, so it waits for an answer there and
    /// takes a place in the quota.
    counts: bool,
}

/// What has become of a message of QoS 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody has decided about it yet.
    Undecided,
    Decided,
    /// Its receivers have it, and later subscribers are not to get it. The client does not
    /// know, and will send it again.
    HandedOut,
}

/// What a PUBREL found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    Done,
    Unknown,
    /// It comes before the PUBREC that it answers.
    TooEarly,
}

impl Inbound {
    pub(super) fn set_alias(&mut self, alias: NonZeroU16, topic: &str) {
        let at = usize::from(alias.get()) - 1;
        if self.aliases.len() <= at {
            self.aliases.resize(at + 1, None);
        }
        if self.aliases[at].as_deref() != Some(topic) {
            self.aliases[at] = Some(topic.into());
        }
    }

    pub(super) fn topic_of(&self, alias: NonZeroU16) -> Option<&Arc<str>> {
        self.aliases.get(usize::from(alias.get()) - 1)?.as_ref()
    }

    /// Takes note that a message came again. None if it is a new one, else what had become
    /// of it; one that was handed out is undecided again.
    pub(super) fn repeat(&mut self, id: PacketId) -> Option<Fate> {
        let taken = self.unreleased.get_mut(&id)?;
        self.counting += usize::from(!taken.counts);
        taken.counts = true;
        let fate = taken.fate;
        if fate == Fate::HandedOut {
            taken.fate = Fate::Undecided;
        }
        Some(fate)
    }

    pub(super) fn take(&mut self, id: PacketId) {
        let taken = Taken {
            fate: Fate::Undecided,
            counts: true,
        };
        let before = self.unreleased.insert(id, taken);
        assert!(before.is_none(), "{id:?} is taken twice");
        self.counting += 1;
    }

    /// Says whether the client waits for the answer. Where it does not, it asks again:
    /// the PUBLISH came over a connection that is gone.
    pub(super) fn decide(&mut self, id: PacketId, is_accepted: bool) -> bool {
        let Some(taken) = self.unreleased.get_mut(&id) else {
            return false;
        };
        let counts = taken.counts;
        match is_accepted {
            true => taken.fate = Fate::Decided,
            // The client may use the id for another message at once.
            false => self.remove(id),
        }
        counts
    }

    /// Whether the client waits for the answer to its PUBLISH.
    pub(super) fn awaits(&self, id: PacketId) -> bool {
        self.unreleased.get(&id).is_some_and(|taken| taken.counts)
    }

    /// The message is not to reach its receivers again when it comes again.
    pub(super) fn note_handed_out(&mut self, id: PacketId) {
        if let Some(taken) = self.unreleased.get_mut(&id) {
            taken.fate = Fate::HandedOut;
        }
    }

    pub(super) fn release(&mut self, id: PacketId) -> Release {
        match self.unreleased.get(&id) {
            None => Release::Unknown,
            Some(taken) if taken.fate != Fate::Decided => Release::TooEarly,
            Some(_) => {
                self.remove(id);
                Release::Done
            }
        }
    }

    /// Messages that this connection has seen and that were not released.
    pub(super) const fn counting(&self) -> usize {
        self.counting
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unreleased.is_empty()
    }

    /// Aliases end with their connection.
    pub(super) fn disconnect(&mut self) {
        self.aliases = Vec::new();
        self.counting = 0;
        for taken in self.unreleased.values_mut() {
            taken.counts = false;
        }
    }

    fn remove(&mut self, id: PacketId) {
        if let Some(taken) = self.unreleased.remove(&id) {
            self.counting -= usize::from(taken.counts);
        }
    }

    pub(super) fn validate(&self) {
        let counting = self.unreleased.values().filter(|taken| taken.counts);
        assert_eq!(counting.count(), self.counting);
    }
}
