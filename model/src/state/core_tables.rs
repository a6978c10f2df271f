//! What only cores hold: owners of clients, removed nodes, applied requests.

use std::collections::BTreeSet;

use crate::client_id::ClientId;
use crate::ids::{Digest, NodeId};
use crate::owner::Owner;
use crate::schema::{Owners, Requests, Tombstones};
use crate::table::Table;
use crate::view::ClusterView;

#[derive(Debug, Default)]
pub(crate) struct CoreTables {
    pub(super) owners: Table<Owners>,
    pub(super) tombstones: Table<Tombstones>,
    pub(super) requests: Table<Requests>,
    /// The owners table by node; derived.
    clients_of: BTreeSet<(NodeId, ClientId)>,
}

/// The data of [`CoreTables`].
#[derive(Clone, Debug, Default)]
pub(super) struct ReplicatedCoreTables {
    pub(super) owners: Table<Owners>,
    pub(super) tombstones: Table<Tombstones>,
    pub(super) requests: Table<Requests>,
}

impl ReplicatedCoreTables {
    pub(super) fn digest(&self) -> Digest {
        self.owners
            .digest()
            .with(self.tombstones.digest())
            .with(self.requests.digest())
    }
}

impl CoreTables {
    pub(super) fn from_replicated(tables: ReplicatedCoreTables) -> Self {
        let rows = tables.owners.iter();
        Self {
            clients_of: rows
                .map(|(client, owner)| (owner.node, client.clone()))
                .collect(),
            owners: tables.owners,
            tombstones: tables.tombstones,
            requests: tables.requests,
        }
    }

    pub(super) fn replicated(&self) -> ReplicatedCoreTables {
        ReplicatedCoreTables {
            owners: self.owners.clone(),
            tombstones: self.tombstones.clone(),
            requests: self.requests.clone(),
        }
    }

    pub(super) fn set_owner(&mut self, client: &ClientId, owner: Owner) {
        let node = owner.node;
        if let Some(before) = self.owners.insert(client.clone(), owner) {
            self.clients_of.remove(&(before.node, client.clone()));
        }
        self.clients_of.insert((node, client.clone()));
    }

    pub(super) fn release(&mut self, client: &ClientId) {
        if let Some(before) = self.owners.remove(client) {
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

    pub(super) fn digest(&self) -> Digest {
        self.owners
            .digest()
            .with(self.tombstones.digest())
            .with(self.requests.digest())
    }

    pub(super) fn validate(&self, view: &ClusterView) {
        self.owners.validate();
        self.tombstones.validate();
        self.requests.validate();
        assert_eq!(self.owners.len(), self.clients_of.len());
        for (client, owner) in self.owners.iter() {
            assert!(self.clients_of.contains(&(owner.node, client.clone())));
            let member = view.member(owner.node);
            assert!(
                member.is_some_and(|m| m.is_up() && m.incarnation == owner.incarnation),
                "{client} is held by {owner:?}, but that node is {member:?}"
            );
        }
        for (node, _) in self.tombstones.iter() {
            assert!(view.member(*node).is_none(), "entombed {node} is a member");
        }
        for (node, _) in self.requests.iter() {
            assert!(view.member(*node).is_some(), "request of unknown {node}");
        }
    }
}
