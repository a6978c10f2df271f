//! What a core node takes from the machine that it runs on, so that the
//! simulator can be another one.

use std::io;
use std::sync::Arc;

use quinn::AsyncUdpSocket;
use quorate_model::ids::NodeId;
use quorate_raft_store::{Engine, StoreError};

use crate::core::IoMode;
use crate::tier::identity::NodeIdentity;

pub trait Surroundings: Send + Sync + 'static {
    /// None at the first start.
    fn load_identity(&self) -> Result<Option<NodeIdentity>, DiskError>;

    /// Returns when it is durable. Either the old or the new one is there after
    /// a crash, never a mixture.
    fn save_identity(&self, identity: &NodeIdentity) -> Result<(), DiskError>;

    /// The store of this identity, a new one where there is none.
    fn open_store(&self, node: NodeId) -> Result<Arc<dyn Engine>, StoreError>;

    /// Whether there is a store of this identity.
    fn has_store(&self, node: NodeId) -> bool;

    /// Removes the stores of all other identities.
    fn discard_stores_except(&self, node: Option<NodeId>) -> Result<(), DiskError>;

    /// The socket that other nodes reach this one at.
    fn bind(&self) -> io::Result<Arc<dyn AsyncUdpSocket>>;

    /// A socket for asking to be let in.
    fn bind_for_visit(&self) -> io::Result<Arc<dyn AsyncUdpSocket>>;

    fn io_mode(&self) -> IoMode;

    /// Random bits for ids; nobody may be able to guess them.
    fn random(&self) -> u128;

    /// A test may end the process here.
    fn reach(&self, _: FaultPoint) {}
}

/// The disk did not do what it should; names the file and the cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not {operation} {place}: {cause}")]
pub struct DiskError {
    pub operation: &'static str,
    pub place: String,
    pub cause: String,
}

/// The steps of a change between which a crash must do no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultPoint {
    /// A joiner has written down what it is about to do.
    JoinIntended,
    /// It has been admitted and has not written that down.
    JoinAdmitted,
    /// The store of its new identity is there, and it is still who it was.
    JoinStoreMade,
    /// It has taken on its new identity.
    JoinSwitched,
    /// It has said that it is up.
    JoinAnnounced,
    /// It has a vote and has not written down that it has arrived.
    JoinVoting,
    /// A core has seen the proof of a candidate and proposes to admit it.
    AdmitProposing,
    /// The candidate is a member and has not been told.
    AdmitCommitted,
    /// The leader has added a learner.
    TierChanged,
    /// A leaving core has handed its leadership over.
    LeaveHandedOver,
    /// The cluster has been told that it leaves.
    LeaveMarked,
    /// It has been removed and has not written that down.
    LeaveRemoved,
    /// A core has written down other authorities, or a new certificate, and still
    /// goes by the former.
    CredentialsKept,
    /// All members have new certificates, and the old authority is about to go.
    AuthorityUnneeded,
}

impl FaultPoint {
    pub const OF_MEMBERSHIP: [Self; 12] = [
        Self::JoinIntended,
        Self::JoinAdmitted,
        Self::JoinStoreMade,
        Self::JoinSwitched,
        Self::JoinAnnounced,
        Self::JoinVoting,
        Self::AdmitProposing,
        Self::AdmitCommitted,
        Self::TierChanged,
        Self::LeaveHandedOver,
        Self::LeaveMarked,
        Self::LeaveRemoved,
    ];
    pub const OF_AUTHORITIES: [Self; 2] = [Self::CredentialsKept, Self::AuthorityUnneeded];
}
