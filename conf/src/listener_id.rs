//! Which listener: `tcp.default`.

use std::fmt;

use thiserror::Error;

use crate::listener::Protocol;

/// A kind can have several listeners, each with a name of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId {
    pub kind: ListenerKind,
    pub name: ListenerName,
}

/// What MQTT is carried by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListenerKind {
    Tcp,
    Tls,
    Ws,
    Wss,
    Quic,
}

/// What users call a listener; it stands in keys, in environment variables and
/// in the labels of metrics, so it is a word that all of them can carry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerName(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a listener's name is up to {} lower-case letters, digits and single `_`, \
     with a letter in front",
    ListenerName::MAX_BYTES
)]
pub struct ListenerNameError;

impl ListenerId {
    /// The section of the configuration that it comes from.
    pub fn section(&self) -> String {
        format!("listeners.{self}")
    }
}

impl fmt::Display for ListenerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.kind.as_str(), self.name)
    }
}

impl ListenerKind {
    pub const ALL: [Self; 5] = [Self::Tcp, Self::Tls, Self::Ws, Self::Wss, Self::Quic];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Quic => "quic",
        }
    }

    pub const fn has_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Wss | Self::Quic)
    }

    pub const fn has_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// What the system is asked for.
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Tcp | Self::Tls | Self::Ws | Self::Wss => Protocol::Tcp,
            Self::Quic => Protocol::Udp,
        }
    }
}

impl ListenerName {
    pub const MAX_BYTES: usize = 32;

    pub fn new(text: &str) -> Result<Self, ListenerNameError> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_valid = text.len() <= Self::MAX_BYTES
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(is_word)
            // Two of them separate the parts of an environment variable.
            && !text.contains("__")
            && !text.ends_with('_');
        is_valid
            .then(|| Self(text.to_owned()))
            .ok_or(ListenerNameError)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ListenerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for text in ["default", "a", "behind_proxy", "v6", &"a".repeat(32)] {
            assert_eq!(ListenerName::new(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "Default",
            "6v",
            "_a",
            "a_",
            "a__b",
            "a-b",
            "a.b",
            "é",
            &"a".repeat(33),
        ] {
            assert_eq!(ListenerName::new(text), Err(ListenerNameError), "{text}");
        }
    }
}
