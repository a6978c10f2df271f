//! Who may not connect.

use rkyv::{Archive, Deserialize, Serialize};

use crate::client_id::ClientId;
use crate::ids::Timestamp;
use crate::limits::MAX_BAN_TEXT_BYTES;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Archive, Serialize, Deserialize)]
pub enum BanSubject {
    Client(ClientId),
    User(String),
    Address(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Ban {
    pub reason: String,
    /// None: until it is lifted.
    pub until: Option<Timestamp>,
}

impl BanSubject {
    pub fn text(&self) -> &str {
        match self {
            Self::Client(client) => client.as_str(),
            Self::User(text) | Self::Address(text) => text,
        }
    }

    pub(crate) fn tag(&self) -> u64 {
        match self {
            Self::Client(_) => 0,
            Self::User(_) => 1,
            Self::Address(_) => 2,
        }
    }

    /// A client id has its own bound of 65,535 bytes.
    pub(crate) fn is_within_limits(&self) -> bool {
        matches!(self, Self::Client(_)) || self.text().len() <= MAX_BAN_TEXT_BYTES
    }
}
