//! What a client has sent and is not done with.
//!
//! ```text
//! PUBLISH QoS 2 --> undecided --verdict--> decided --PUBREL--> gone
//!                       |                                       ^
//!                       `-------------- refused ----------------'
//! ```

use std::num::NonZeroU16;
use std::sync::Arc;

use crate::packet_id::PacketId;

#[derive(Debug, Default)]
pub(super) struct Inbound {
    /// What the aliases of this connection stand for; alias 1 is at 0.
    aliases: Vec<Option<Arc<str>>>,
    /// Messages of QoS 2 that were taken and not released.
    unreleased: Vec<Taken>,
    /// How many of them count against the receive maximum.
    counting: usize,
}

#[derive(Clone, Copy, Debug)]
struct Taken {
    packet_id: PacketId,
    /// Nobody has decided about it yet.
    is_undecided: bool,
    /// Its PUBLISH came over this connection, so it waits for an answer there and
    /// takes a place in the quota.
    counts: bool,
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

    /// Takes note that a message came again. None if it is a new one, else whether it
    /// is decided.
    pub(super) fn repeat(&mut self, id: PacketId) -> Option<bool> {
        let at = self.find(id)?;
        let taken = &mut self.unreleased[at];
        self.counting += usize::from(!taken.counts);
        taken.counts = true;
        Some(!taken.is_undecided)
    }

    pub(super) fn take(&mut self, id: PacketId) {
        assert!(self.find(id).is_none(), "{id:?} is taken twice");
        self.unreleased.push(Taken {
            packet_id: id,
            is_undecided: true,
            counts: true,
        });
        self.counting += 1;
    }

    /// Says whether the client waits for the answer. Where it does not, it asks again:
    /// the PUBLISH came over a connection that is gone.
    pub(super) fn decide(&mut self, id: PacketId, is_accepted: bool) -> bool {
        let Some(at) = self.find(id) else {
            return false;
        };
        let counts = self.unreleased[at].counts;
        match is_accepted {
            true => self.unreleased[at].is_undecided = false,
            // The client may use the id for another message at once.
            false => self.remove(at),
        }
        counts
    }

    pub(super) fn release(&mut self, id: PacketId) -> Release {
        match self.find(id) {
            None => Release::Unknown,
            Some(at) if self.unreleased[at].is_undecided => Release::TooEarly,
            Some(at) => {
                self.remove(at);
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
        for taken in &mut self.unreleased {
            taken.counts = false;
        }
    }

    fn find(&self, id: PacketId) -> Option<usize> {
        let is_it = |taken: &Taken| taken.packet_id == id;
        self.unreleased.iter().position(is_it)
    }

    fn remove(&mut self, at: usize) {
        let taken = self.unreleased.swap_remove(at);
        self.counting -= usize::from(taken.counts);
    }

    pub(super) fn validate(&self) {
        let counting = self.unreleased.iter().filter(|taken| taken.counts);
        assert_eq!(counting.count(), self.counting);
        let mut ids: Vec<_> = self.unreleased.iter().map(|t| t.packet_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), self.unreleased.len(), "{:?}", self.unreleased);
    }
}
