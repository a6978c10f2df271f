//! An ignored test says why, and `.ci/run` runs it: a test that nothing runs
//! protects nothing.

use crate::finding::Finding;
use crate::rust_text::{self, Line, holds_word};
use crate::tree::{TextFile, Tree};

const CI: &str = ".ci/run";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let ci = tree.text(CI).unwrap_or_default();
    tree.rust_files()
        .flat_map(|file| check_file(file, ci))
        .collect()
}

fn check_file(file: &TextFile, ci: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = rust_text::lines(&file.text);
    for (at, line) in lines.iter().enumerate() {
        let Some(rest) = after_attribute(&line.code) else {
            continue;
        };
        // The scanner blanks strings, so the reason is read from the source.
        let source = file.text.lines().nth(at).unwrap_or_default();
        if !rest.starts_with('=') || quoted(source).is_none_or(|reason| reason.trim().is_empty()) {
            findings.push(Finding::new(
                &file.path,
                at + 1,
                "an ignored test without a reason",
                "say what it needs: #[ignore = \"needs root and a loop device\"]",
            ));
        }
        let test = function_after(&lines[at..]);
        let named = test.as_deref().is_some_and(|name| holds_word(ci, name))
            || target(&file.path).is_some_and(|target| {
                ci.contains(&format!("--test {target}")) && ci.contains("--ignored")
            });
        if !named {
            findings.push(Finding::new(
                &file.path,
                at + 1,
                "an ignored test that .ci/run does not name",
                "run it there with `--test <file> -- --ignored`, or remove it",
            ));
        }
    }
    findings
}

/// What follows `#[ignore`, without blanks.
fn after_attribute(code: &str) -> Option<String> {
    let tight: String = code.chars().filter(|one| !one.is_whitespace()).collect();
    let (_, rest) = tight.split_once("#[ignore")?;
    rest.starts_with(['=', ']']).then(|| rest.to_owned())
}

fn quoted(source: &str) -> Option<&str> {
    let (_, rest) = source.split_once("ignore")?;
    rest.split('"').nth(1)
}

fn function_after(lines: &[Line]) -> Option<String> {
    lines.iter().find_map(|line| {
        let (_, rest) = line.code.split_once("fn ")?;
        let name: String = rest
            .chars()
            .take_while(|&one| rust_text::is_word(one))
            .collect();
        (!name.is_empty()).then_some(name)
    })
}

/// The test target of `x/tests/NAME.rs` and of `x/tests/NAME/part.rs`.
fn target(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/tests/")?;
    let name = rest.split('/').next()?;
    Some(name.strip_suffix(".rs").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(test: &str, ci: &str) -> Vec<String> {
        let tree = Tree::of(&[("a/tests/power.rs", test), (CI, ci)]);
        check(&tree)
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    const TEST: &str = "#[test]\n#[ignore = \"needs root\"]\nfn survives() {}\n";

    #[test]
    fn reason_and_run_make_it_fine() {
        assert!(found(TEST, "cargo test --test power -- --ignored").is_empty());
        assert!(found(TEST, "cargo test survives -- --ignored").is_empty());
    }

    #[test]
    fn a_missing_reason_is_found() {
        let ci = "cargo test --test power -- --ignored";
        let silent = TEST.replace(" = \"needs root\"", "");
        assert_eq!(found(&silent, ci), ["an ignored test without a reason"]);
        let empty = TEST.replace("needs root", " ");
        assert_eq!(found(&empty, ci), ["an ignored test without a reason"]);
    }

    #[test]
    fn a_test_that_nothing_runs_is_found() {
        let expected = ["an ignored test that .ci/run does not name"];
        assert_eq!(found(TEST, "cargo test --workspace"), expected);
        assert_eq!(found(TEST, "cargo test --test power"), expected);
    }
}
