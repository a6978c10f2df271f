//! One breach of a rule: where, what, and how to mend it.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub path: String,
    /// Counted from one; zero when the whole file is meant.
    pub line: usize,
    pub what: String,
    pub mend: String,
}

impl Finding {
    pub fn new(
        path: impl Into<String>,
        line: usize,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            line,
            what: what.into(),
            mend: mend.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(formatter, "{}: {}", self.path, self.what)?;
        } else {
            write!(formatter, "{}:{}: {}", self.path, self.line, self.what)?;
        }
        write!(formatter, "\n    mend: {}", self.mend)
    }
}

/// Panics with every finding at once, so that one run shows all there is to do.
pub fn assert_none(rule: &str, mut findings: Vec<Finding>) {
    findings.sort();
    let list: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(
        list.is_empty(),
        "{rule}: {} finding(s)\n{}",
        list.len(),
        list.join("\n")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_place_fault_and_cure() {
        let finding = Finding::new("core/src/lib.rs", 7, "a fault", "a cure");
        assert_eq!(
            finding.to_string(),
            "core/src/lib.rs:7: a fault\n    mend: a cure"
        );
        let whole = Finding::new("core/src/lib.rs", 0, "a fault", "a cure");
        assert!(whole.to_string().starts_with("core/src/lib.rs: a fault"));
    }

    #[test]
    #[should_panic(expected = "some rule: 1 finding(s)")]
    fn a_finding_fails_the_test() {
        assert_none("some rule", vec![Finding::new("a", 1, "b", "c")]);
    }
}
