//! Everybody who subscribed to one pattern, alone or in groups.

use quorate_mqtt::session::GroupNumber;

use super::group::Group;
use super::subscriber::{Subscriber, Subscribers};
use crate::session_table::SessionKey;

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
    pub(super) fn groups_mut(&mut self) -> &mut [Group] {
        self.groups
            .as_mut()
            .map_or(&mut [], |groups| &mut groups.all)
    }

    pub(super) fn group_mut(&mut self, number: GroupNumber) -> Option<&mut Group> {
        self.groups_mut()
            .iter_mut()
            .find(|group| group.number == number)
    }

    /// Returns whether the session was in the group, and whether the group is new.
    pub(super) fn join(
        &mut self,
        name: &str,
        subscriber: Subscriber,
        number: impl FnOnce() -> GroupNumber,
    ) -> (bool, bool) {
        let groups = &mut self.groups.get_or_insert_default().all;
        if let Some(group) = groups.iter_mut().find(|group| &*group.name == name) {
            return (group.set(subscriber), false);
        }
        groups.push(Group::new(name, number(), subscriber));
        (false, true)
    }

    /// Says which group has come to its end by that.
    pub(super) fn leave(&mut self, name: &str, session: SessionKey) -> Option<GroupNumber> {
        let groups = &mut self.groups.as_mut()?.all;
        let at = groups.iter().position(|group| &*group.name == name)?;
        if !groups[at].remove(session) {
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
