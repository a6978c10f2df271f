//! What a client has sent and is not done with.

use std::num::NonZeroU16;
use std::sync::Arc;

use crate::packet_id::PacketId;

#[derive(Debug, Default)]
pub(super) struct Inbound {
    /// What the aliases of this connection stand for; alias 1 is at 0.
    aliases: Vec<Option<Arc<str>>>,
    /// Messages of QoS 2 that were taken and not released.
    unreleased: Vec<PacketId>,
    /// Those among them that nobody has decided about yet.
    undecided: Vec<PacketId>,
    /// How many an earlier connection left, which do not count against this one.
    inherited: usize,
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

    pub(super) fn is_unreleased(&self, id: PacketId) -> bool {
        self.unreleased.contains(&id)
    }

    pub(super) fn take(&mut self, id: PacketId) {
        assert!(!self.is_unreleased(id), "{id:?} is taken twice");
        self.unreleased.push(id);
        self.undecided.push(id);
    }

    pub(super) fn is_undecided(&self, id: PacketId) -> bool {
        self.undecided.contains(&id)
    }

    pub(super) fn decide(&mut self, id: PacketId) {
        self.undecided.retain(|undecided| *undecided != id);
    }

    /// Says whether it was there.
    pub(super) fn release(&mut self, id: PacketId) -> bool {
        self.decide(id);
        let at = self.unreleased.iter().position(|taken| *taken == id);
        at.map(|at| self.unreleased.swap_remove(at)).is_some()
    }

    /// Messages of this connection that were not released.
    pub(super) fn unreleased(&self) -> usize {
        self.unreleased.len().saturating_sub(self.inherited)
    }

    /// Aliases end with their connection.
    pub(super) fn disconnect(&mut self) {
        self.aliases = Vec::new();
        self.inherited = self.unreleased.len();
    }

    pub(super) fn validate(&self) {
        let mut ids = self.unreleased.clone();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), self.unreleased.len(), "{:?}", self.unreleased);
        assert!(self.undecided.iter().all(|id| self.is_unreleased(*id)));
    }
}
