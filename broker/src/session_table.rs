//! The sessions that live on one reactor.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use quorate_model::client_id::ClientId;
use quorate_model::ids::Epoch;
use quorate_mqtt::message::SessionNumber;
use quorate_mqtt::moment::Moment;
use quorate_mqtt::session::Session;

use crate::authentication::Exchange;
use crate::connection::ConnectionKey;
use crate::filter_set::FilterSet;
use crate::places::Places;
use crate::replay::Replays;

/// How far ahead it is said when a session is looked at.
const FARTHEST_LOOK_S: u32 = 600;

/// The place of a session; another one may have it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionKey(u32);

#[derive(Debug)]
pub(crate) struct SessionEntry {
    pub(crate) session: Session,
    pub(crate) connection: Option<ConnectionKey>,
    /// The number of the CONNECT that it had last.
    pub(crate) entrant: u64,
    /// Whose it is: nobody else gets it. None for all who are nobody in particular.
    pub(crate) user: Option<Arc<str>>,
    /// An authentication that the client began anew and has not ended.
    pub(crate) reauthentication: Option<Box<dyn Exchange>>,
    /// Under which it is claimed.
    pub(crate) epoch: Epoch,
    /// All filters that the router has for it.
    pub(crate) filters: FilterSet,
    /// Retained messages that are still to be sent, by filter.
    pub(crate) replays: Option<Box<Replays>>,
    /// The earliest moment at which it will be looked at.
    pub(crate) armed: Moment,
    /// When it was last found to be a target, and as which.
    mark: u32,
    target: u32,
}

pub(crate) struct SessionTable {
    entries: Places<SessionEntry>,
    by_client: HashTable<SessionKey>,
    hasher: FixedState,
    mark: u32,
}

impl SessionTable {
    pub(crate) fn new(hash_seed: u64) -> Self {
        Self {
            entries: Places::new(),
            by_client: HashTable::new(),
            hasher: FixedState::with_seed(hash_seed),
            mark: 0,
        }
    }

    /// # Panics
    /// If the client has a session already.
    pub(crate) fn insert(
        &mut self,
        session: Session,
        epoch: Epoch,
        user: Option<Arc<str>>,
    ) -> SessionKey {
        let hash = self.hasher.hash_one(session.client_id());
        assert!(self.find(session.client_id()).is_none(), "two sessions");
        let key = self.entries.insert(SessionEntry {
            session,
            connection: None,
            entrant: 0,
            user,
            reauthentication: None,
            epoch,
            filters: FilterSet::new(),
            replays: None,
            armed: Moment::NEVER,
            mark: 0,
            target: 0,
        });
        let key = SessionKey(key);
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.by_client.insert_unique(hash, key, |key| {
            hasher.hash_one(entries[key.0].session.client_id())
        });
        key
    }

    pub(crate) fn find(&self, client_id: &ClientId) -> Option<SessionKey> {
        let hash = self.hasher.hash_one(client_id);
        let is_it = |key: &SessionKey| self.entries[key.0].session.client_id() == client_id;
        self.by_client.find(hash, is_it).copied()
    }

    pub(crate) fn remove(&mut self, key: SessionKey) -> SessionEntry {
        let entry = self.entries.remove(key.0);
        let hash = self.hasher.hash_one(entry.session.client_id());
        if let Ok(found) = self.by_client.find_entry(hash, |each| *each == key) {
            found.remove();
        }
        entry
    }

    pub(crate) fn get(&self, key: SessionKey) -> Option<&SessionEntry> {
        self.entries.get(key.0)
    }

    pub(crate) fn get_mut(&mut self, key: SessionKey) -> Option<&mut SessionEntry> {
        self.entries.get_mut(key.0)
    }

    pub(crate) fn number(&self, key: SessionKey) -> SessionNumber {
        self.entries[key.0].session.number()
    }

    pub(crate) fn keys(&self) -> Vec<SessionKey> {
        let keys = self.entries.iter();
        keys.map(|(key, _)| SessionKey(key)).collect()
    }

    /// A mark that no session has.
    pub(crate) fn next_mark(&mut self) -> u32 {
        self.mark = self.mark.wrapping_add(1);
        if self.mark == 0 {
            // Once in four billion messages.
            self.entries.iter_mut().for_each(|entry| entry.mark = 0);
            self.mark = 1;
        }
        self.mark
    }

    /// Marks the session as the target of that number; returns the number under which
    /// it was marked before.
    pub(crate) fn mark(&mut self, key: SessionKey, mark: u32, target: usize) -> Option<usize> {
        let entry = &mut self.entries[key.0];
        if entry.mark == mark {
            return Some(entry.target as usize);
        }
        entry.mark = mark;
        entry.target = target as u32;
        None
    }
}

impl SessionEntry {
    /// When the session has to be looked at, if it will not be before. Not far ahead,
    /// though it has nothing to do by then: a session that is gone leaves that behind.
    pub(crate) fn arm(&mut self, now: Moment) -> Option<Moment> {
        let timeout = self.session.next_timeout();
        if timeout == Moment::NEVER {
            return None;
        }
        let at = timeout.min(now.plus_seconds(FARTHEST_LOOK_S));
        if at >= self.armed {
            return None;
        }
        self.armed = at;
        Some(at)
    }
}

impl std::ops::Index<SessionKey> for SessionTable {
    type Output = SessionEntry;

    fn index(&self, key: SessionKey) -> &SessionEntry {
        &self.entries[key.0]
    }
}

impl std::ops::IndexMut<SessionKey> for SessionTable {
    fn index_mut(&mut self, key: SessionKey) -> &mut SessionEntry {
        &mut self.entries[key.0]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use quorate_model::ids::Revision;
    use quorate_mqtt::limits::Limits;
    use quorate_mqtt::packet::Connect;
    use quorate_mqtt::session::Opening;
    use quorate_mqtt::version::Version;

    use super::*;

    const START: Moment = Moment::from_millis(1_000);

    /// The session of a client with that keep alive, and the moment when that is over.
    fn session(keep_alive_s: u16) -> (Session, Moment) {
        let mut connect = Connect::new(Version::V5, "client");
        connect.keep_alive_s = keep_alive_s;
        let opening = Opening::negotiate(&connect, &Limits::default(), || panic!("it has an id"));
        let session = Session::open(opening.unwrap(), SessionNumber(1), START);
        let timeout = session.next_timeout();
        (session, timeout)
    }

    /// The moments at which it is looked at, until its keep alive is over.
    fn looks(keep_alive_s: u16) -> Vec<Moment> {
        let (session, timeout) = session(keep_alive_s);
        let mut table = SessionTable::new(7);
        let key = table.insert(session, Epoch::new(Revision::new(1)), None);
        let entry = &mut table[key];
        let mut looks = Vec::new();
        let mut now = START;
        while now < timeout
            && let Some(at) = entry.arm(now)
        {
            assert!(now < at && at <= timeout);
            assert_eq!(entry.arm(now), None, "twice for one look");
            entry.armed = Moment::NEVER;
            looks.push(at);
            now = at;
        }
        looks
    }

    #[test]
    fn a_session_is_looked_at_in_time() {
        let (_, timeout) = session(60);
        assert_eq!(looks(60), [timeout]);
        assert_eq!(looks(0), []);
    }

    /// A client that comes again and again with a new session leaves each look behind.
    #[test]
    fn no_look_is_far_ahead() {
        let (_, timeout) = session(u16::MAX);
        let looks = looks(u16::MAX);
        assert_eq!(looks.last(), Some(&timeout));
        let mut before = START;
        for look in looks {
            assert!(before.millis_until(look) <= 600_000);
            before = look;
        }
    }
}
