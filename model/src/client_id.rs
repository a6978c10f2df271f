//! The identity of an MQTT client.

use std::sync::Arc;

use rkyv::{Archive, Deserialize, Serialize};
use thiserror::Error;

use crate::text;
use crate::text::{Text, TextError};
use crate::validated_text::validated_text;

/// A client id as the cluster knows it: never empty, since a client that sends
/// none is given one before anybody else hears of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Archive, Serialize, Deserialize)]
#[rkyv(bytecheck(verify))]
pub struct ClientId(#[rkyv(with = Text)] Arc<str>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClientIdError {
    #[error("a client id must not be empty")]
    Empty,
    #[error(transparent)]
    Text(#[from] TextError),
}

impl ClientId {
    pub fn new(id: impl AsRef<str> + Into<Arc<str>>) -> Result<Self, ClientIdError> {
        check(id.as_ref())?;
        Ok(Self(id.into()))
    }

    /// The first of all ids in their order: U+0001 is the lowest character
    /// that one may have.
    pub(crate) fn least() -> Self {
        Self(Arc::from("\u{1}"))
    }
}

fn check(id: &str) -> Result<(), ClientIdError> {
    if id.is_empty() {
        return Err(ClientIdError::Empty);
    }
    Ok(text::check(id)?)
}

validated_text!(ClientId, ArchivedClientId, check);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use rkyv::rancor::Error;

    use super::*;

    #[test]
    fn any_mqtt_string_but_the_empty_one() {
        for id in ["a", "+/#", "<script>", "é ✓"] {
            assert_eq!(ClientId::new(id).unwrap().as_str(), id);
        }
        assert_eq!(ClientId::new(""), Err(ClientIdError::Empty));
        assert_eq!(ClientId::new("a\0"), Err(TextError::Nul { at: 1 }.into()));
    }

    #[test]
    fn malformed_bytes_are_refused() {
        let bytes = rkyv::to_bytes::<Error>(&ClientId(Arc::from("a\0b"))).unwrap();
        assert!(rkyv::from_bytes::<ClientId, Error>(&bytes).is_err());
    }
}
