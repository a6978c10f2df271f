//! Short numbers that stand for topics, towards a client that takes them.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

/// The first topics get a number and keep it: most clients receive few topics.
#[derive(Debug, Default)]
pub(super) struct AliasesToClient {
    by_topic: BTreeMap<Box<str>, NonZeroU16>,
}

impl AliasesToClient {
    /// The alias of the topic, if it has one or there is one left, and whether the
    /// client knows it already.
    pub(super) fn of(&mut self, topic: &str, maximum: u16) -> Option<(NonZeroU16, bool)> {
        if let Some(alias) = self.by_topic.get(topic) {
            return Some((*alias, true));
        }
        let used = u16::try_from(self.by_topic.len()).ok()?;
        if used >= maximum {
            return None;
        }
        let alias = NonZeroU16::new(used + 1)?;
        self.by_topic.insert(topic.into(), alias);
        Some((alias, false))
    }

    /// Takes back the newest alias, which the client has not been told.
    pub(super) fn forget(&mut self, topic: &str) {
        self.by_topic.remove(topic);
    }
}
