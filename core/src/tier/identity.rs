//! Who a node is, as it stands on its disk.

use std::fmt;

use quorate_model::authority::SecretKey;
use quorate_model::cluster::ClusterName;
use quorate_model::frame::{self, Format, FrameError};
use quorate_model::ids::{ClusterId, Incarnation, NodeId, Timestamp};
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;
use quorate_model::state::ClusterState;
use quorate_transport::{Authority, AuthorityError, Credentials, CredentialsError};
use rkyv::{Archive, Deserialize, Serialize};
use rustls_pki_types::PrivatePkcs8KeyDer;

const IDENTITY: Format = Format::new(*b"QIDN", 1);

/// All that a node knows of itself before it reads the replicated state. It is
/// written as a whole, so that each change of it happens or does not.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct NodeIdentity {
    pub name: NodeName,
    /// Of the present life, or the last one.
    pub incarnation: Incarnation,
    pub standing: Standing,
    /// A join that was begun and has neither succeeded nor been refused.
    pub joining: Option<PendingJoin>,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Standing {
    /// Never was in a cluster.
    Fresh,
    /// In a cluster, or about to be.
    In(Membership),
    /// Was in a cluster and is no more. It forms none of its own accord.
    Out { cluster: ClusterName },
}

#[derive(Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Membership {
    pub cluster: ClusterId,
    pub cluster_name: ClusterName,
    /// What this node's configuration called its cluster when it came into this one:
    /// a node that joined may always have had another name for the one it formed.
    pub configured_name: ClusterName,
    pub node: NodeId,
    pub roles: Roles,
    pub election_slot: u32,
    pub stage: Stage,
    pub credentials: StoredCredentials,
    /// Where the others were when this node last looked.
    pub peers: Vec<PeerHint>,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Stage {
    /// It forms the cluster; the key of its authority, until the cluster has it.
    Forming(SecretKey),
    /// It was admitted and is on its way to a vote.
    Joining,
    Member,
}

/// A certificate and its key, and the authorities that are trusted; the first
/// of them made the certificate.
#[derive(Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct StoredCredentials {
    pub key: SecretKey,
    pub certificate: Vec<u8>,
    /// By serial.
    pub authorities: Vec<(u32, Vec<u8>)>,
    pub issued: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct PeerHint {
    pub node: NodeId,
    pub name: NodeName,
    pub addresses: Vec<String>,
    pub incarnation: Incarnation,
}

/// What a join goes on with after a crash.
#[derive(Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct PendingJoin {
    /// Where the operator said that a core is; what was said last comes first.
    pub named: Vec<String>,
    /// The cluster of the cores below. Another one that takes the same proof, as by a
    /// cookie of both, cannot answer in its place.
    pub cluster: Option<ClusterId>,
    /// The cores by their own account. It is on the disk before this node asks to be
    /// admitted: while there are none, nobody has admitted it.
    pub cores: Vec<PeerHint>,
    /// The text of a token; none means the cookie.
    pub token: Option<SecretKey>,
    /// The identity that it takes on.
    pub node: NodeId,
    pub key: SecretKey,
    /// The operator said that this node's own data may go.
    pub may_wipe: bool,
}

impl NodeIdentity {
    pub fn encode(&self) -> Vec<u8> {
        frame::seal(IDENTITY, self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        frame::open(IDENTITY, bytes)
    }

    pub fn membership(&self) -> Option<&Membership> {
        match &self.standing {
            Standing::In(membership) => Some(membership),
            Standing::Fresh | Standing::Out { .. } => None,
        }
    }
}

impl PendingJoin {
    pub fn may_be_admitted(&self) -> bool {
        !self.cores.is_empty()
    }

    /// Whether the operator's order is the same.
    pub(crate) fn asks_like(&self, other: &Self) -> bool {
        (&self.named, &self.token, self.may_wipe) == (&other.named, &other.token, other.may_wipe)
    }
}

impl StoredCredentials {
    /// The serial of the authority that made the certificate.
    pub fn signer(&self) -> u32 {
        self.authorities.first().map_or(0, |(serial, _)| *serial)
    }

    pub fn newest_trusted(&self) -> u32 {
        self.authorities
            .iter()
            .map(|(serial, _)| *serial)
            .max()
            .unwrap_or(0)
    }

    pub fn load(&self) -> Result<Credentials, CredentialsError> {
        let key = PrivatePkcs8KeyDer::from(self.key.as_bytes().to_vec());
        let trusted = self.authorities.iter().map(|(_, it)| it.clone().into());
        Credentials::new(
            vec![self.certificate.clone().into()],
            key.into(),
            trusted.collect(),
        )
    }
}

/// The authority that every member trusts: while one replaces another, the older.
pub(crate) fn oldest_authority(
    cluster: ClusterId,
    state: &ClusterState,
) -> Option<Result<Authority, AuthorityError>> {
    let first = state.authorities().next()?;
    Some(restore(cluster, first))
}

/// The authority that signs once every member trusts it.
pub(crate) fn newest_authority(
    cluster: ClusterId,
    state: &ClusterState,
) -> Option<Result<Authority, AuthorityError>> {
    let last = state.authorities().last()?;
    Some(restore(cluster, last))
}

fn restore(
    cluster: ClusterId,
    (serial, authority): (u32, &quorate_model::authority::Authority),
) -> Result<Authority, AuthorityError> {
    let certificate = authority.certificate.clone();
    Authority::restore(cluster, serial, certificate, authority.key.as_bytes())
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership")
            .field("cluster", &self.cluster)
            .field("node", &self.node)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StoredCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredCredentials(<redacted>)")
    }
}

impl fmt::Debug for PendingJoin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingJoin")
            .field("named", &self.named)
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}
