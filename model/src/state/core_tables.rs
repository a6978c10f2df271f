//! What only cores hold: owners of clients, removed nodes, applied requests,
//! join tokens, certificate authorities, the membership log.

use std::collections::BTreeSet;

use crate::client_id::ClientId;
use crate::digest::RowHasher;
use crate::event::Event;
use crate::ids::{Digest, NodeId, Revision};
use crate::limits::MAX_EVENTS;
use crate::owner::Owner;
use crate::schema::{Authorities, Events, Owners, Requests, Tokens, Tombstones};
use crate::table::Table;

/// Follows the tags of all tables.
const VOTERS_TAG: u8 = 12;

#[derive(Debug)]
pub(super) struct CoreTables {
    pub(super) rows: CoreRows,
    /// The owners table by node; derived.
    clients_of: BTreeSet<(NodeId, ClientId)>,
}

/// The part of the tables that is data; the rest is derived from it.
#[derive(Clone, Debug, Default)]
pub(super) struct CoreRows {
    pub(super) owners: Table<Owners>,
    pub(super) tombstones: Table<Tombstones>,
    pub(super) requests: Table<Requests>,
    pub(super) tokens: Table<Tokens>,
    pub(super) authorities: Table<Authorities>,
    pub(super) events: Table<Events>,
    /// Of the latest membership entry, by which the next one is a change or not.
    pub(super) voters: BTreeSet<NodeId>,
}

impl CoreRows {
    pub(super) fn digest(&self) -> Digest {
        [
            self.owners.digest(),
            self.tombstones.digest(),
            self.requests.digest(),
            self.tokens.digest(),
            self.authorities.digest(),
            self.events.digest(),
        ]
        .into_iter()
        .fold(voters_digest(&self.voters), Digest::with)
    }

    fn validate(&self) {
        self.owners.validate();
        self.tombstones.validate();
        self.requests.validate();
        self.tokens.validate();
        self.authorities.validate();
        self.events.validate();
    }
}

impl CoreTables {
    pub(super) fn from_rows(rows: CoreRows) -> Self {
        let owners = rows.owners.iter();
        let clients_of = owners.map(|(client, owner)| (owner.node, client.clone()));
        Self {
            clients_of: clients_of.collect(),
            rows,
        }
    }

    pub(super) fn owner(&self, client: &ClientId) -> Option<&Owner> {
        self.rows.owners.get(client)
    }

    pub(super) fn set_owner(&mut self, client: &ClientId, owner: Owner) {
        let node = owner.node;
        if let Some(before) = self.rows.owners.insert(client.clone(), owner) {
            self.clients_of.remove(&(before.node, client.clone()));
        }
        self.clients_of.insert((node, client.clone()));
    }

    pub(super) fn release(&mut self, client: &ClientId) {
        if let Some(before) = self.rows.owners.remove(client) {
            self.clients_of.remove(&(before.node, client.clone()));
        }
    }

    /// A life of the node has ended: nobody serves its clients any more.
    pub(super) fn release_all_of(&mut self, node: NodeId) {
        let clients: Vec<ClientId> = self
            .clients_of
            .range((node, ClientId::least())..)
            .take_while(|(holder, _)| *holder == node)
            .map(|(_, client)| client.clone())
            .collect();
        for client in &clients {
            self.release(client);
        }
    }

    /// Adds to the membership log, which forgets its oldest event when it is full.
    pub(super) fn record(&mut self, revision: Revision, event: Event) {
        let events = &mut self.rows.events;
        let index = match events.last() {
            Some(((last, index), _)) if *last == revision => index + 1,
            _ => 0,
        };
        events.insert((revision, index), event);
        if events.len() > MAX_EVENTS
            && let Some(oldest) = events.first().map(|(key, _)| *key)
        {
            events.remove(&oldest);
        }
    }

    pub(super) fn validate(&self) {
        self.rows.validate();
        assert_eq!(self.rows.owners.len(), self.clients_of.len());
        for (client, owner) in self.rows.owners.iter() {
            assert!(self.clients_of.contains(&(owner.node, client.clone())));
        }
    }
}

fn voters_digest(voters: &BTreeSet<NodeId>) -> Digest {
    let mut hasher = RowHasher::new(VOTERS_TAG);
    hasher.number(voters.len() as u64);
    voters.iter().for_each(|voter| hasher.number(voter.get()));
    hasher.finish()
}
