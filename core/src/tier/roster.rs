//! Keeps the transport's directory as the replicated state says: who is where,
//! and who is out.

use std::sync::{Arc, OnceLock};

use quorate_model::change::Change;
use quorate_model::ids::NodeId;
use quorate_model::member::Member;
use quorate_model::reply::Applied;
use quorate_model::state::ClusterState;
use quorate_transport::{PeerDirectory, Transport};
use tokio::sync::watch;

use crate::observer::ApplyObserver;

/// An observer that hands every change on to another one, too.
pub(crate) struct Roster {
    node: NodeId,
    directory: Arc<PeerDirectory>,
    transport: OnceLock<Transport>,
    /// Counts changes of members, tokens apart; for those who act on them.
    changed: watch::Sender<u64>,
    next: Arc<dyn ApplyObserver>,
}

impl Roster {
    pub(crate) fn new(
        node: NodeId,
        directory: Arc<PeerDirectory>,
        next: Arc<dyn ApplyObserver>,
    ) -> Self {
        Self {
            node,
            directory,
            transport: OnceLock::new(),
            changed: watch::Sender::new(0),
            next,
        }
    }

    /// The transport starts after the state is open.
    pub(crate) fn set_transport(&self, transport: Transport) {
        // Set once; a second one would be of the same node.
        let _ = self.transport.set(transport);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn set(&self, member: &Member) {
        if member.id != self.node {
            let (name, addresses) = (member.name.clone(), member.addresses.clone());
            self.directory
                .set_member(member.id, name, addresses, member.incarnation);
        }
    }

    fn bury(&self, node: NodeId) {
        self.directory.bury(node);
        if let Some(transport) = self.transport.get() {
            transport.disconnect(node);
        }
    }

    fn tell(&self) {
        self.changed
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl ApplyObserver for Roster {
    fn applied(&self, state: &ClusterState, applied: Option<&Applied>) {
        let mut is_news = applied.is_none();
        for change in applied.iter().flat_map(|applied| &applied.changes) {
            match change {
                Change::MemberSet(member) => self.set(member),
                Change::MemberRemoved { node } => self.bury(*node),
                Change::Formed(_) => {}
                _ => continue,
            }
            is_news = true;
        }
        if is_news {
            self.tell();
        }
        self.next.applied(state, applied);
    }

    fn restored(&self, state: &ClusterState) {
        state.view().members().for_each(|member| self.set(member));
        state.tombstones().for_each(|node| self.bury(node));
        self.tell();
        self.next.restored(state);
    }
}
