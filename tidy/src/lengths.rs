//! Files stay short; the few that are longer have a reason, and only until
//! they are short again.

use crate::finding::Finding;
use crate::tree::Tree;

pub const NORMAL: usize = 500;
pub const MOST: usize = 1_000;

/// A file that is over [`NORMAL`] lines, and why.
#[derive(Debug)]
pub struct Long {
    pub path: &'static str,
    /// It may not grow past this; lower it when the file shrinks.
    pub lines: usize,
    pub reason: &'static str,
}

/// The ratchet: entries go, they do not come without a reason.
pub const LONG: &[Long] = &[];

pub fn check(tree: &Tree, long: &[Long]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust_files() {
        let lines = file.text.lines().count();
        let entry = long.iter().find(|entry| entry.path == file.path);
        let limit = entry.map_or(NORMAL, |entry| entry.lines.min(MOST));
        if lines > limit {
            findings.push(Finding::new(
                &file.path,
                lines,
                format!("{lines} lines, at most {limit}"),
                format!(
                    "split it by its types; if that would read worse, give the reason in LONG \
                     in tidy/src/lengths.rs (never over {MOST})"
                ),
            ));
        }
    }
    for entry in long {
        findings.extend(check_entry(tree, entry));
    }
    findings
}

fn check_entry(tree: &Tree, entry: &Long) -> Option<Finding> {
    let lines = tree.text(entry.path).map(|text| text.lines().count());
    let what = match lines {
        None => "the ratchet names a file that is gone".to_owned(),
        Some(lines) if lines <= NORMAL => {
            format!("{lines} lines: the ratchet entry is no longer needed")
        }
        Some(_) if entry.reason.trim().is_empty() => "the ratchet entry has no reason".to_owned(),
        Some(_) => return None,
    };
    Some(Finding::new(
        entry.path,
        0,
        what,
        "remove or complete its entry in LONG in tidy/src/lengths.rs",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Long = Long {
        path: "a.rs",
        lines: 600,
        reason: "one table",
    };

    fn count(lines: usize, long: &[Long]) -> usize {
        check(&Tree::of(&[("a.rs", &"x\n".repeat(lines))]), long).len()
    }

    #[test]
    fn the_limit_is_exact() {
        assert_eq!(count(500, &[]), 0);
        assert_eq!(count(501, &[]), 1);
    }

    #[test]
    fn an_entry_lifts_the_limit_to_its_number_only() {
        assert_eq!(count(600, &[ENTRY]), 0);
        assert_eq!(count(601, &[ENTRY]), 1);
        let boundless = Long {
            lines: 5_000,
            ..ENTRY
        };
        assert_eq!(count(1_001, &[boundless]), 1);
    }

    #[test]
    fn an_entry_that_is_stale_or_without_reason_is_found() {
        assert_eq!(count(500, &[ENTRY]), 1);
        let gone = Long {
            path: "gone.rs",
            ..ENTRY
        };
        assert_eq!(count(10, &[gone]), 1);
        let silent = Long {
            reason: " ",
            ..ENTRY
        };
        assert_eq!(count(600, &[silent]), 1);
    }
}
