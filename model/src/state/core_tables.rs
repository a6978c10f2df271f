//! What only cores hold: owners of clients, removed nodes, applied requests.

use std::collections::BTreeSet;

use crate::client_id::ClientId;
use crate::ids::{Digest, NodeId};
use crate::owner::Owner;
use crate::schema::{Owners, Requests, Tombstones};
use crate::table::Table;

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
}

impl CoreRows {
    pub(super) fn digest(&self) -> Digest {
        self.owners
            .digest()
            .with(self.tombstones.digest())
            .with(self.requests.digest())
    }

    fn validate(&self) {
        self.owners.validate();
        self.tombstones.validate();
        self.requests.validate();
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

    pub(super) fn validate(&self) {
        self.rows.validate();
        assert_eq!(self.rows.owners.len(), self.clients_of.len());
        for (client, owner) in self.rows.owners.iter() {
            assert!(self.clients_of.contains(&(owner.node, client.clone())));
        }
    }
}
