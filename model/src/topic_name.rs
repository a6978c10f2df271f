//! The topic of a published message.

use std::sync::Arc;

use rkyv::{Archive, Deserialize, Serialize};
use thiserror::Error;

use crate::text::{self, Text, TextError};
use crate::validated_text::validated_text;

/// A valid topic name: not empty, no wildcards, within the rules of
/// [`text::check`]. Empty levels are levels: `/a` has two.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Archive, Serialize, Deserialize)]
#[rkyv(bytecheck(verify), derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash))]
pub struct TopicName(#[rkyv(with = Text)] Arc<str>);

/// Why a string is no topic name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TopicNameError {
    #[error("a topic name must not be empty")]
    Empty,
    #[error("a topic name must not contain a wildcard, but has `{wildcard}` at byte {at}")]
    Wildcard { wildcard: char, at: usize },
    #[error(transparent)]
    Text(#[from] TextError),
}

impl TopicName {
    /// Takes a string as a topic name; checks it before it allocates anything.
    pub fn new(topic: impl AsRef<str> + Into<Arc<str>>) -> Result<Self, TopicNameError> {
        check(topic.as_ref())?;
        Ok(Self(topic.into()))
    }

    /// A text that topics are compared with, and that may be none itself.
    pub(crate) fn unchecked(text: &str) -> Self {
        Self(text.into())
    }
}

fn check(topic: &str) -> Result<(), TopicNameError> {
    if topic.is_empty() {
        return Err(TopicNameError::Empty);
    }
    text::check(topic)?;
    let wildcard = topic.char_indices().find(|(_, c)| matches!(c, '+' | '#'));
    match wildcard {
        Some((at, wildcard)) => Err(TopicNameError::Wildcard { wildcard, at }),
        None => Ok(()),
    }
}

validated_text!(TopicName, ArchivedTopicName, check);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use rkyv::rancor::Error;

    use super::*;

    #[test]
    fn accepts_what_mqtt_accepts() {
        let longest = "x".repeat(65_535);
        let topics = [
            "a",
            "/",
            "//",
            "a/b",
            "/a",
            "a/",
            "a b",
            "$SYS/x",
            "$share/g/a",
        ];
        for topic in topics.into_iter().chain(["é/✓", "\u{10ffff}", &longest]) {
            assert_eq!(TopicName::new(topic).unwrap().as_str(), topic);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let wildcard = |wildcard, at| TopicNameError::Wildcard { wildcard, at };
        assert_eq!(TopicName::new(""), Err(TopicNameError::Empty));
        assert_eq!(TopicName::new("a/+"), Err(wildcard('+', 2)));
        assert_eq!(TopicName::new("é#"), Err(wildcard('#', 2)));
        assert_eq!(TopicName::new("a\0"), Err(TextError::Nul { at: 1 }.into()));
        let bytes = 65_536;
        assert_eq!(
            TopicName::new("x".repeat(bytes)),
            Err(TextError::TooLong { bytes }.into())
        );
        assert_eq!(
            wildcard('+', 2).to_string(),
            "a topic name must not contain a wildcard, but has `+` at byte 2"
        );
    }

    #[test]
    fn malformed_bytes_are_refused() {
        let good = TopicName::new("a/topic/name").unwrap();
        let bytes = rkyv::to_bytes::<Error>(&good).unwrap();
        assert_eq!(rkyv::from_bytes::<TopicName, Error>(&bytes).unwrap(), good);

        for bad in ["", "a/+/long enough to be stored out of line", "#", "a\0b"] {
            let bytes = rkyv::to_bytes::<Error>(&TopicName(Arc::from(bad))).unwrap();
            assert!(
                rkyv::access::<ArchivedTopicName, Error>(&bytes).is_err(),
                "{bad:?}"
            );
        }
    }
}
