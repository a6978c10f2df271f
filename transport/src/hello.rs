//! What two nodes tell each other first, and when they go no further. Pure.

use quorate_model::frame::{self, Format};
use quorate_model::ids::{ClusterId, Incarnation, NodeId};
use quorate_model::limits::{MAX_ADDRESS_BYTES, MAX_ADDRESSES, MAX_VERSION_BYTES};
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;
use rkyv::{Archive, Deserialize, Serialize};

use crate::identity::{PeerIdentity, Subject};

/// The protocols that this build speaks, from and to.
pub const PROTOCOLS: ProtocolRange = ProtocolRange { min: 1, max: 1 };

pub(crate) const MAX_HELLO_BYTES: usize = 16 * 1024;

const HELLO: Format = Format::new(*b"QHEL", 1);
const ANSWER: Format = Format::new(*b"QHAN", 1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct ProtocolRange {
    pub min: u16,
    pub max: u16,
}

/// One side's claims; the certificate has to bear them out.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Hello {
    pub protocols: ProtocolRange,
    pub cluster: ClusterId,
    pub node: NodeId,
    pub incarnation: Incarnation,
    pub name: NodeName,
    pub roles: Roles,
    /// Where this life of the node can be reached.
    pub addresses: Vec<String>,
    pub version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub(crate) enum Answer {
    Welcome(Hello),
    Refused(Refusal),
}

/// Why two nodes do not talk to each other.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("it speaks protocols {} to {}, this build {} to {}; upgrade the older one", theirs.min, theirs.max, ours.min, ours.max)]
    Protocol {
        ours: ProtocolRange,
        theirs: ProtocolRange,
    },
    #[error("it belongs to cluster {theirs}, not to {ours}; two clusters never mix")]
    OtherCluster { ours: ClusterId, theirs: ClusterId },
    #[error("its certificate is for {certificate}, but it claims to be {claimed}")]
    OtherIdentity {
        certificate: String,
        claimed: String,
    },
    #[error("node {expected} was dialed and node {found} answered; its address is out of date")]
    OtherNode { expected: NodeId, found: NodeId },
    #[error("incarnation {found} of it has ended; incarnation {known} has been seen")]
    EndedLife {
        found: Incarnation,
        known: Incarnation,
    },
    #[error(
        "node {node} was removed from the cluster; to let it in again: `quorate node join --core NAME@HOST` on it"
    )]
    Removed { node: NodeId },
    #[error("it has this node's own id")]
    Itself,
    #[error("its greeting is malformed: {detail}")]
    Malformed { detail: String },
}

impl Refusal {
    /// Whether trying again soon could end differently.
    pub fn is_lasting(&self) -> bool {
        !matches!(self, Self::OtherNode { .. } | Self::EndedLife { .. })
    }
}

impl Hello {
    pub(crate) fn encode(&self) -> Vec<u8> {
        frame::seal(HELLO, self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let hello: Self = frame::open(HELLO, bytes).map_err(malformed)?;
        let is_bounded = hello.addresses.len() <= MAX_ADDRESSES
            && hello
                .addresses
                .iter()
                .all(|it| it.len() <= MAX_ADDRESS_BYTES)
            && hello.version.len() <= MAX_VERSION_BYTES;
        if is_bounded {
            Ok(hello)
        } else {
            Err(malformed("its addresses or its version are too long"))
        }
    }

    /// Whether `self` talks to `theirs`, whose certificate says `identity`.
    pub(crate) fn check(&self, theirs: &Self, identity: &PeerIdentity) -> Result<(), Refusal> {
        let (ours, range) = (self.protocols, theirs.protocols);
        if range.max < ours.min || ours.max < range.min {
            return Err(Refusal::Protocol {
                ours,
                theirs: range,
            });
        }
        if theirs.cluster != self.cluster {
            return Err(Refusal::OtherCluster {
                ours: self.cluster,
                theirs: theirs.cluster,
            });
        }
        if !theirs.is_backed_by(identity) {
            return Err(Refusal::OtherIdentity {
                certificate: identity.to_string(),
                claimed: format!("{} ({}) as {}", theirs.name, theirs.node, theirs.roles),
            });
        }
        if theirs.node == self.node {
            return Err(Refusal::Itself);
        }
        Ok(())
    }

    fn is_backed_by(&self, identity: &PeerIdentity) -> bool {
        let subject = match &identity.subject {
            Subject::Node { cluster, node } => (*cluster, *node) == (self.cluster, self.node),
            Subject::Name(name) => *name == self.name,
        };
        subject && identity.roles == self.roles
    }
}

impl Answer {
    pub(crate) fn encode(&self) -> Vec<u8> {
        frame::seal(ANSWER, self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        frame::open(ANSWER, bytes).map_err(malformed)
    }
}

fn malformed(detail: impl ToString) -> Refusal {
    Refusal::Malformed {
        detail: detail.to_string(),
    }
}

#[cfg(test)]
mod golden_tests;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hello(node: u64) -> Hello {
        Hello {
            protocols: PROTOCOLS,
            cluster: ClusterId::new(9),
            node: NodeId::new(node),
            incarnation: Incarnation::new(1),
            name: NodeName::new(format!("n{node}@h")).unwrap(),
            roles: Roles::Core,
            addresses: vec!["127.0.0.1:4370".to_owned()],
            version: "0.1.0".to_owned(),
        }
    }

    fn identity(node: u64) -> PeerIdentity {
        let node = NodeId::new(node);
        let cluster = ClusterId::new(9);
        PeerIdentity {
            roles: Roles::Core,
            subject: Subject::Node { cluster, node },
        }
    }

    #[test]
    fn who_is_talked_to() {
        let check = |change: fn(&mut Hello), identity: &PeerIdentity| {
            let mut theirs = hello(2);
            change(&mut theirs);
            hello(1).check(&theirs, identity)
        };
        assert_eq!(check(|_| (), &identity(2)), Ok(()));
        assert!(matches!(
            check(
                |it| it.protocols = ProtocolRange { min: 2, max: 7 },
                &identity(2)
            ),
            Err(Refusal::Protocol { .. })
        ));
        assert!(matches!(
            check(|it| it.cluster = ClusterId::new(8), &identity(2)),
            Err(Refusal::OtherCluster { .. })
        ));
        for change in [(|it| it.node = NodeId::new(3)) as fn(&mut Hello), |it| {
            it.roles = Roles::Replicant;
        }] {
            assert!(matches!(
                check(change, &identity(2)),
                Err(Refusal::OtherIdentity { .. })
            ));
        }
        assert_eq!(
            hello(2).check(&hello(2), &identity(2)),
            Err(Refusal::Itself)
        );
    }

    #[test]
    fn a_certificate_of_the_operators_own_speaks_for_a_name() {
        let of_name = |name: &str| PeerIdentity {
            roles: Roles::Core,
            subject: Subject::Name(NodeName::new(name).unwrap()),
        };
        assert_eq!(hello(1).check(&hello(2), &of_name("n2@h")), Ok(()));
        assert!(hello(1).check(&hello(2), &of_name("n3@h")).is_err());
    }

    #[test]
    fn bytes_and_back_within_bounds() {
        let hello = hello(1);
        assert_eq!(Hello::decode(&hello.encode()), Ok(hello.clone()));
        let chatty = Hello {
            version: "v".repeat(65),
            ..hello.clone()
        };
        assert!(Hello::decode(&chatty.encode()).is_err());
        let refused = Answer::Refused(Refusal::Itself);
        assert_eq!(Answer::decode(&refused.encode()), Ok(refused));
        assert!(Answer::decode(&hello.encode()).is_err());
    }
}
