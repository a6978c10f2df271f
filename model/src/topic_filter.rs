//! What a client subscribes to.

use std::sync::Arc;

use rkyv::{Archive, Deserialize, Serialize};
use thiserror::Error;

use crate::text::{self, Text, TextError};
use crate::topic_name::TopicName;
use crate::validated_text::validated_text;

/// A valid topic filter, shared (`$share/group/pattern`) or plain (only the
/// pattern).
///
/// In a pattern `+` stands for exactly one level and `#`, as the last level,
/// for any number of levels including none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Archive, Serialize, Deserialize)]
#[rkyv(bytecheck(verify), derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash))]
pub struct TopicFilter(#[rkyv(with = Text)] Arc<str>);

/// Why a string is no topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TopicFilterError {
    #[error("a topic filter must not be empty")]
    Empty,
    #[error("`+` must be a whole level of a topic filter, but is only a part of one at byte {at}")]
    PartialPlus { at: usize },
    #[error("`#` must be a whole level of a topic filter, but is only a part of one at byte {at}")]
    PartialHash { at: usize },
    #[error("`#` must be the last level of a topic filter, but others follow it at byte {at}")]
    HashNotLast { at: usize },
    #[error("a shared subscription is `$share/group/filter`, and the group is missing")]
    ShareGroupMissing,
    #[error("the group of a shared subscription must not contain `{wildcard}`")]
    ShareGroupWildcard { wildcard: char },
    #[error("a shared subscription is `$share/group/filter`, and the filter is missing")]
    ShareFilterMissing,
    #[error("the filter of a shared subscription must not be a shared subscription itself")]
    ShareNested,
    #[error(transparent)]
    Text(#[from] TextError),
}

impl TopicFilter {
    /// Takes a string as a topic filter; checks it before it allocates anything.
    pub fn new(filter: impl AsRef<str> + Into<Arc<str>>) -> Result<Self, TopicFilterError> {
        check(filter.as_ref())?;
        Ok(Self(filter.into()))
    }

    /// The first of all filters in their order: U+0001 is the lowest character
    /// that one may have.
    pub(crate) fn least() -> Self {
        Self(Arc::from("\u{1}"))
    }

    /// The group of a shared subscription, `None` for a plain one.
    pub fn share_group(&self) -> Option<&str> {
        split_share(&self.0).map(|(group, _)| group)
    }

    /// The filter without `$share/group/`: what topics are compared with.
    pub fn pattern(&self) -> &str {
        split_share(&self.0).map_or(&self.0, |(_, pattern)| pattern)
    }

    /// The pattern to be kept: the filter's own text, unless that says more.
    pub(crate) fn pattern_text(&self) -> Arc<str> {
        match split_share(&self.0) {
            None => Arc::clone(&self.0),
            Some((_, pattern)) => pattern.into(),
        }
    }

    /// Whether it can match more than one topic.
    pub fn is_wildcard(&self) -> bool {
        pattern_is_wildcard(self.pattern())
    }

    /// The reference for everything that matches faster.
    pub fn matches(&self, topic: &TopicName) -> bool {
        pattern_matches(self.pattern(), topic.as_str())
    }
}

/// Whether a valid pattern has wildcards.
pub(crate) fn pattern_is_wildcard(pattern: &str) -> bool {
    // In a valid pattern these characters occur as wildcards only.
    pattern.bytes().any(|byte| matches!(byte, b'+' | b'#'))
}

/// A leading wildcard does not see topics that begin with `$`: those belong to
/// the server, and `#` must not subscribe to them.
fn pattern_matches(pattern: &str, topic: &str) -> bool {
    if topic.starts_with('$') && pattern.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in pattern.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (literal, Some(level)) if literal == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// Checks the part of a filter that topics are compared with.
pub(crate) fn check_pattern(pattern: &str) -> Result<(), TopicFilterError> {
    if pattern.is_empty() {
        return Err(TopicFilterError::Empty);
    }
    if shared_part(pattern).is_some() {
        return Err(TopicFilterError::ShareNested);
    }
    // By bytes, because every filter of every entry passes here on every node.
    // No byte of a multi-byte character looks like one of these.
    let bytes = pattern.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if !matches!(byte, b'+' | b'#') {
            continue;
        }
        let begins_level = at == 0 || bytes[at - 1] == b'/';
        let next = bytes.get(at + 1);
        match (byte, begins_level, next) {
            (_, true, None) | (b'+', true, Some(b'/')) => {}
            (b'+', ..) => return Err(TopicFilterError::PartialPlus { at }),
            (_, true, Some(b'/')) => return Err(TopicFilterError::HashNotLast { at }),
            _ => return Err(TopicFilterError::PartialHash { at }),
        }
    }
    Ok(())
}

fn check(filter: &str) -> Result<(), TopicFilterError> {
    text::check(filter)?;
    let Some(shared) = shared_part(filter) else {
        return check_pattern(filter);
    };
    let (group, pattern) = shared.split_once('/').unwrap_or((shared, ""));
    if group.is_empty() {
        return Err(TopicFilterError::ShareGroupMissing);
    }
    if let Some(wildcard) = group.chars().find(|c| matches!(c, '+' | '#')) {
        return Err(TopicFilterError::ShareGroupWildcard { wildcard });
    }
    if pattern.is_empty() {
        return Err(TopicFilterError::ShareFilterMissing);
    }
    check_pattern(pattern).map_err(|error| shifted(error, filter.len() - pattern.len()))
}

/// What follows `$share/`, and nothing of a bare `$share`, which is reserved
/// with it. `$shared/x` is an ordinary filter.
fn shared_part(filter: &str) -> Option<&str> {
    let rest = filter.strip_prefix("$share")?;
    if rest.is_empty() {
        return Some("");
    }
    rest.strip_prefix('/')
}

/// The group and the pattern of a valid shared filter.
fn split_share(filter: &str) -> Option<(&str, &str)> {
    shared_part(filter)?.split_once('/')
}

/// Positions are told relative to the whole filter, as the user wrote it.
fn shifted(error: TopicFilterError, by: usize) -> TopicFilterError {
    match error {
        TopicFilterError::PartialPlus { at } => TopicFilterError::PartialPlus { at: at + by },
        TopicFilterError::PartialHash { at } => TopicFilterError::PartialHash { at: at + by },
        TopicFilterError::HashNotLast { at } => TopicFilterError::HashNotLast { at: at + by },
        other => other,
    }
}

validated_text!(TopicFilter, ArchivedTopicFilter, check);

#[cfg(test)]
#[path = "topic_filter_tests.rs"]
mod tests;
