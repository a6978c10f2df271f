//! `name@host`: what people call a node.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use rkyv::{Archive, Deserialize, Serialize};
use thiserror::Error;

use crate::text::Text;
use crate::validated_text::validated_text;

const MAX_NAME_BYTES: usize = 64;
const MAX_HOST_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// A valid node name. Chosen once; the node id is the identity.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Archive, Serialize, Deserialize)]
#[rkyv(bytecheck(verify))]
pub struct NodeName(#[rkyv(with = Text)] Arc<str>);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NodeNameError {
    #[error("a node name is name@host, like core1@10.0.0.1; the @ is missing")]
    NoHost,
    #[error(
        "the part before the @ of a node name has 1 to {MAX_NAME_BYTES} letters, digits, `_`, `-` or `.`"
    )]
    BadName,
    #[error("the part after the @ of a node name is an IP address or a domain name")]
    BadHost,
}

impl NodeName {
    pub fn new(name: impl AsRef<str> + Into<Arc<str>>) -> Result<Self, NodeNameError> {
        check(name.as_ref())?;
        Ok(Self(name.into()))
    }

    /// The part before the `@`.
    pub fn name(&self) -> &str {
        self.0.split_once('@').map_or(&*self.0, |(name, _)| name)
    }

    /// The part after the `@`.
    pub fn host(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, host)| host)
    }
}

fn check(text: &str) -> Result<(), NodeNameError> {
    let (name, host) = text.split_once('@').ok_or(NodeNameError::NoHost)?;
    let name_is_valid = (1..=MAX_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if !name_is_valid {
        return Err(NodeNameError::BadName);
    }
    if !host_is_valid(host) {
        return Err(NodeNameError::BadHost);
    }
    Ok(())
}

fn host_is_valid(host: &str) -> bool {
    if IpAddr::from_str(host).is_ok() {
        return true;
    }
    let label_is_valid = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // All digits and dots, yet no address: a mistyped one, not a domain.
    let is_number = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    host.len() <= MAX_HOST_BYTES && !is_number && host.split('.').all(label_is_valid)
}

validated_text!(NodeName, ArchivedNodeName, check);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use rkyv::rancor::Error;

    use super::*;

    #[test]
    fn names_and_hosts() {
        for text in [
            "core1@10.0.0.1",
            "a@localhost",
            "core-1.x_y@quorate-0.quorate.default.svc.cluster.local",
            "a@::1",
            "a@2001:db8::7",
        ] {
            let name = NodeName::new(text).unwrap();
            assert_eq!(format!("{}@{}", name.name(), name.host()), text);
        }
        for (text, error) in [
            ("core1", NodeNameError::NoHost),
            ("", NodeNameError::NoHost),
            ("@host", NodeNameError::BadName),
            ("a b@host", NodeNameError::BadName),
            ("é@host", NodeNameError::BadName),
            ("a@", NodeNameError::BadHost),
            ("a@b@c", NodeNameError::BadHost),
            ("a@10.0.0.256", NodeNameError::BadHost),
            ("a@-x", NodeNameError::BadHost),
            ("a@x..y", NodeNameError::BadHost),
            ("a@x\0", NodeNameError::BadHost),
        ] {
            assert_eq!(NodeName::new(text), Err(error), "{text:?}");
        }
        assert!(NodeName::new(format!("{}@h", "n".repeat(65))).is_err());
        assert!(NodeName::new(format!("n@{}", "h".repeat(64))).is_err());
    }

    #[test]
    fn malformed_bytes_are_refused() {
        let bytes = rkyv::to_bytes::<Error>(&NodeName(Arc::from("no host"))).unwrap();
        assert!(rkyv::from_bytes::<NodeName, Error>(&bytes).is_err());
    }
}
