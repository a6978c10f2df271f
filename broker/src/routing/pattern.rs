//! Everybody who subscribed to one pattern, alone or in groups.

use quorate_mqtt::session::GroupNumber;

use super::group::{Group, Member};
use super::subscriber::Subscribers;
use crate::seat::Seat;

#[derive(Debug, Default)]
pub(super) struct Pattern {
    pub(super) subscribers: Subscribers,
    /// Most patterns have none.
    pub(super) groups: Option<Box<Groups>>,
}

#[derive(Debug, Default)]
pub(super) struct Groups {
    all: Vec<Group>,
}

impl Pattern {
    pub(super) fn groups(&self) -> &[Group] {
        self.groups.as_ref().map_or(&[], |groups| &groups.all)
    }

    /// Returns whether the session was in the group, and whether the group is new.
    pub(super) fn join(
        &mut self,
        name: &str,
        member: Member,
        number: impl FnOnce() -> GroupNumber,
    ) -> (bool, bool) {
        let groups = &mut self.groups.get_or_insert_default().all;
        if let Some(group) = groups.iter_mut().find(|group| &*group.name == name) {
            return (group.set(member), false);
        }
        groups.push(Group::new(name, number(), member));
        (false, true)
    }

    /// Says which group has come to its end by that.
    pub(super) fn leave(&mut self, name: &str, seat: Seat) -> Option<GroupNumber> {
        let groups = &mut self.groups.as_mut()?.all;
        let at = groups.iter().position(|group| &*group.name == name)?;
        if !groups[at].remove(seat) {
            return None;
        }
        let number = groups.remove(at).number;
        if groups.is_empty() {
            self.groups = None;
        }
        Some(number)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_none() && self.subscribers.as_slice().is_empty()
    }
}
