//! What is logged: a level, and other levels for parts of the program.

use std::fmt;

use thiserror::Error;

use crate::nearest::nearest;

/// `info`, or directives as tracing has them: `info,quorate_core=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LogFilterError {
    #[error("unknown level `{0}`")]
    UnknownLevel(String),
    #[error("`{0}` is no directive like quorate_core=debug")]
    BadDirective(String),
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl LogFilter {
    /// tracing takes a lone word that is no level for the name of a target,
    /// so that `inof` silences the log. Here a lone word is a level.
    pub fn new(text: &str) -> Result<Self, LogFilterError> {
        let directives: Vec<&str> = text.split(',').map(str::trim).collect();
        for directive in &directives {
            let (target, level) = match directive.split_once('=') {
                Some((target, level)) => (Some(target), level),
                None => (None, *directive),
            };
            if target.is_some_and(|target| !target_is_valid(target)) {
                return Err(LogFilterError::BadDirective((*directive).to_owned()));
            }
            if !LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)) {
                return Err(LogFilterError::UnknownLevel(level.to_owned()));
            }
        }
        Ok(Self(directives.join(",")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn target_is_valid(target: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':');
    !target.is_empty() && target.bytes().all(is_word)
}

impl LogFilterError {
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::UnknownLevel(level) => match nearest(level, LEVELS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the levels are {}", LEVELS.join(", ")),
            },
            Self::BadDirective(_) => "write LEVEL or TARGET=LEVEL, separated by commas".to_owned(),
        }
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives() {
        for text in [
            "info",
            "OFF",
            "info,quorate_core=debug",
            "quorate_core::group=trace",
        ] {
            assert_eq!(LogFilter::new(text).unwrap().as_str(), text);
        }
        let spaced = LogFilter::new("info, quorate_core=debug ").unwrap();
        assert_eq!(spaced.as_str(), "info,quorate_core=debug");
        for text in ["", "inof", "info,", "info,quorate_core", "a=", "a=b"] {
            let error = LogFilter::new(text).unwrap_err();
            assert!(matches!(error, LogFilterError::UnknownLevel(_)), "{text}");
        }
        for text in ["=debug", "a b=debug", "[span]=info"] {
            let error = LogFilter::new(text).unwrap_err();
            assert_eq!(error, LogFilterError::BadDirective(text.to_owned()));
        }
    }
}
