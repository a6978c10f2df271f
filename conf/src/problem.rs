//! What is wrong with a configuration, for the person who wrote it.

use std::error::Error;
use std::fmt;

use crate::origin::Origin;

/// One thing that is wrong: which key, what about it, where it was set. Shown
/// in one line; [`Problem::hint`] is a second one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    what: String,
    hint: Option<String>,
}

/// Why a configuration was refused: all its problems, never none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl Problem {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: None,
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn about(mut self, key: &str) -> Self {
        self.what = format!("{key}: {}", self.what);
        self
    }

    pub(crate) fn from(mut self, origin: &Origin) -> Self {
        self.what = format!("{} ({origin})", self.what);
        self
    }

    pub fn what(&self) -> &str {
        &self.what
    }

    /// What would mend it, where that is known.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl ConfigError {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        assert!(!problems.is_empty(), "an error without a problem");
        Self { problems }
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    /// The problems, a line each, with their hints below them. A program that
    /// wants its own layout goes through [`ConfigError::problems`].
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{problem}")?;
            if let Some(hint) = problem.hint() {
                write!(formatter, "\nhint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl Error for ConfigError {}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_an_error() {
        let first = Problem::new("is wrong")
            .about("node.name")
            .from(&Origin::DEFAULT)
            .with_hint("mend it");
        let error = ConfigError::new(vec![first, Problem::new("more")]);
        assert_eq!(
            error.to_string(),
            "node.name: is wrong (default)\nhint: mend it\nmore"
        );
    }
}
