//! Who a certificate speaks for.

use std::fmt;
use std::str::FromStr;

use quorate_model::ids::{ClusterId, NodeId};
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

const SCHEME: &str = "quorate://";
/// In place of a cluster id: a certificate of the operator's own authority.
const OWN_PKI: &str = "pki";

/// What a node's certificate says in its URI name:
///
/// ```text
/// quorate://<cluster id>/<roles>/<node id>     made by the cluster's authority
/// quorate://pki/<roles>/<name@host>            made by the operator's own
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    pub roles: Roles,
    pub subject: Subject,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Node { cluster: ClusterId, node: NodeId },
    Name(NodeName),
}

/// Why a certificate names no node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("the certificate cannot be read: {0}")]
    Unreadable(String),
    #[error("the certificate has {found} names of the form quorate://..., it needs one")]
    Count { found: usize },
    #[error("the certificate's name {name:?} is malformed: {expected}")]
    Malformed {
        name: String,
        expected: &'static str,
    },
}

impl PeerIdentity {
    /// Reads the one URI name of ours out of a certificate. Whether the
    /// certificate is to be trusted has been decided before.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, IdentityError> {
        let certificate = EndEntityCert::try_from(certificate)
            .map_err(|error| IdentityError::Unreadable(error.to_string()))?;
        let names: Vec<&str> = certificate
            .valid_uri_names()
            .filter(|name| name.starts_with(SCHEME))
            .collect();
        match names[..] {
            [name] => name.parse(),
            _ => Err(IdentityError::Count { found: names.len() }),
        }
    }
}

impl FromStr for PeerIdentity {
    type Err = IdentityError;

    fn from_str(name: &str) -> Result<Self, IdentityError> {
        let malformed = |expected| IdentityError::Malformed {
            name: name.to_owned(),
            expected,
        };
        let rest = name.strip_prefix(SCHEME).unwrap_or(name);
        let parts: Vec<&str> = rest.split('/').collect();
        let [authority, roles, subject] = parts[..] else {
            return Err(malformed("quorate://AUTHORITY/ROLES/NODE"));
        };
        let roles = roles_of(roles)
            .ok_or_else(|| malformed("the roles are `core`, `replicant` or `core,replicant`"))?;
        let subject = if authority == OWN_PKI {
            let name = NodeName::new(subject);
            Subject::Name(name.map_err(|_| malformed("the node is its name@host"))?)
        } else {
            let cluster = u128::from_str_radix(authority, 16);
            let node = u64::from_str_radix(subject, 16);
            Subject::Node {
                cluster: ClusterId::new(
                    cluster.map_err(|_| malformed("a cluster id is hexadecimal"))?,
                ),
                node: NodeId::new(node.map_err(|_| malformed("a node id is hexadecimal"))?),
            }
        };
        Ok(Self { roles, subject })
    }
}

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles = self.roles;
        match &self.subject {
            Subject::Node { cluster, node } => write!(f, "{SCHEME}{cluster}/{roles}/{node}"),
            Subject::Name(name) => write!(f, "{SCHEME}{OWN_PKI}/{roles}/{}", name.as_str()),
        }
    }
}

fn roles_of(text: &str) -> Option<Roles> {
    [Roles::Core, Roles::Replicant, Roles::Both]
        .into_iter()
        .find(|roles| roles.to_string() == text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn text_and_back() {
        for text in [
            "quorate://000102030405060708090a0b0c0d0e0f/core/00000000000000ff",
            "quorate://000102030405060708090a0b0c0d0e0f/core,replicant/00000000000000ff",
            "quorate://pki/replicant/rep1@10.0.0.7",
        ] {
            assert_eq!(text.parse::<PeerIdentity>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_names_no_node_is_refused() {
        for text in [
            "quorate://",
            "quorate://pki/core",
            "quorate://pki/core/no-host",
            "quorate://pki/boss/core1@h",
            "quorate://xyz/core/1",
            "quorate://1/core/xyz",
            "quorate://1/core/1/2",
            "quorate://111111111111111111111111111111111/core/1",
        ] {
            assert!(text.parse::<PeerIdentity>().is_err(), "{text}");
        }
    }
}
