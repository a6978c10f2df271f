//! What must not stay behind in the text: notes without an issue, debugging
//! macros, code that was commented out.

use crate::finding::Finding;
use crate::rust_text::{self, Line, is_word};
use crate::tree::{TextFile, Tree};

/// Put together here, or this file would be its own finding.
const NOTES: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().flat_map(check_file).collect()
}

fn check_file(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if file.path.ends_with(".rs") {
        for (at, line) in rust_text::lines(&file.text).iter().enumerate() {
            findings.extend(check_note(&file.path, at + 1, &line.comment));
            findings.extend(check_debugging(&file.path, at + 1, line));
            findings.extend(check_dead_code(&file.path, at + 1, line));
        }
    } else if file.path.ends_with(".md") {
        for (at, line) in without_code(&file.text).iter().enumerate() {
            findings.extend(check_note(&file.path, at + 1, line));
        }
    } else if is_hash_commented(&file.path) {
        for (at, line) in file.text.lines().enumerate() {
            let comment = line.split_once('#').map_or("", |(_, comment)| comment);
            findings.extend(check_note(&file.path, at + 1, comment));
        }
    }
    findings
}

fn is_hash_commented(path: &str) -> bool {
    path.starts_with(".ci/")
        || [".toml", ".sh", ".yml", ".yaml"]
            .iter()
            .any(|end| path.ends_with(end))
}

fn check_note(path: &str, line: usize, text: &str) -> Option<Finding> {
    let note = NOTES.iter().find(|note| {
        rust_text::word_positions(text, note).any(|at| !names_issue(&text[at + note.len()..]))
    })?;
    Some(Finding::new(
        path,
        line,
        format!("{note} without an issue"),
        format!("do it now, or file an issue and write {note}(#12)"),
    ))
}

/// `(#12)` right after the word.
fn names_issue(rest: &str) -> bool {
    rest.strip_prefix("(#")
        .and_then(|rest| rest.split_once(')'))
        .is_some_and(|(number, _)| {
            !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit())
        })
}

fn check_debugging(path: &str, line: usize, text: &Line) -> Option<Finding> {
    let found = rust_text::word_positions(&text.code, "dbg")
        .any(|at| text.code[at + 3..].trim_start().starts_with('!'));
    found.then(|| {
        Finding::new(
            path,
            line,
            "a debugging macro was left behind",
            "remove it; in a driver, use a metric or a span",
        )
    })
}

/// Only plain remarks are judged, and only the shapes that prose does not take.
fn check_dead_code(path: &str, line: usize, text: &Line) -> Option<Finding> {
    let remark = text.comment.trim();
    if text.documentation || !text.code.trim().is_empty() || !looks_like_code(remark) {
        return None;
    }
    Some(Finding::new(
        path,
        line,
        "this looks like code that was commented out",
        "remove it (git remembers), or say in words what it should tell",
    ))
}

fn looks_like_code(remark: &str) -> bool {
    if ["}", "};", "})", "});", "},"].contains(&remark) || remark.starts_with("#[") {
        return true;
    }
    if let Some(statement) = remark.strip_suffix(';') {
        return is_statement(statement);
    }
    remark.strip_suffix('{').is_some_and(opens_block)
}

fn is_statement(text: &str) -> bool {
    let word = text.split(' ').next().unwrap_or_default();
    match word {
        "let" | "const" | "static" => text.contains('='),
        "use" | "pub" | "mod" => text.contains("::") || text.split(' ').count() <= 3,
        _ => is_call(text) || is_assignment(text),
    }
}

fn opens_block(text: &str) -> bool {
    let word = text.split(' ').next().unwrap_or_default();
    [
        "fn", "pub", "impl", "if", "match", "for", "while", "loop", "struct", "enum", "}", "async",
    ]
    .contains(&word)
}

/// `name(..)`, `a.b(..)`, `A::b(..)`, `name!(..)`: no blank before the bracket.
fn is_call(text: &str) -> bool {
    let text = text.trim_end_matches('?').trim_end_matches(".await");
    let Some((head, _)) = text.split_once('(') else {
        return false;
    };
    text.ends_with(')')
        && !head.is_empty()
        && head
            .chars()
            .all(|character| is_word(character) || matches!(character, '.' | ':' | '!'))
}

fn is_assignment(text: &str) -> bool {
    [" = ", " += ", " -= "].iter().any(|sign| {
        text.split_once(sign).is_some_and(|(left, _)| {
            left.chars()
                .all(|character| is_word(character) || matches!(character, '.' | '*' | '[' | ']'))
        })
    })
}

/// Markdown without fenced blocks and code spans, line for line.
pub fn without_code(text: &str) -> Vec<String> {
    let mut fenced = false;
    text.lines()
        .map(|line| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            if fenced || fence {
                String::new()
            } else {
                line.split('`').step_by(2).collect::<Vec<_>>().join("` `")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_note_needs_an_issue() {
        for note in NOTES {
            assert_eq!(count("a.rs", &format!("f(); // {note}: later")), 1);
            assert_eq!(count("a.rs", &format!("/// {note}(#): later")), 1);
            assert_eq!(count("a.rs", &format!("// {note}(#12): later")), 0);
            assert_eq!(count("a.rs", &format!("let a = \"{note}\";")), 0);
            assert_eq!(count(".ci/run", &format!("true # {note}")), 1);
            assert_eq!(count("a.md", &format!("Some {note} here")), 1);
            assert_eq!(count("a.md", &format!("Some `{note}` here")), 0);
            assert_eq!(count("a.md", &format!("```\n{note}\n```\n")), 0);
        }
    }

    #[test]
    fn a_debugging_macro_is_found_only_in_code() {
        assert_eq!(count("a.rs", concat!("let a = db", "g!(b);")), 1);
        assert_eq!(count("a.rs", "let a = \"dbg!(b)\";"), 0);
        assert_eq!(count("a.rs", "let a = mydbg!(b);"), 0);
    }

    #[test]
    fn commented_code_is_found() {
        let dead = [
            "// let a = b;",
            "// self.state.apply(entry);",
            "// assert!(a);",
            "//     }",
            "// if a == b {",
            "// use std::fmt;",
            "// count += 1;",
            "// #[derive(Debug)]",
            "/* return_early(now)?; */",
        ];
        for line in dead {
            assert_eq!(count("a.rs", line), 1, "{line}");
        }
    }

    #[test]
    fn prose_and_documentation_are_not() {
        let prose = [
            "// let go of the lock first;",
            "// see quinn (its timer table);",
            "// if the vote is lost, so is the term:",
            "// Safety: the file is ours.",
            "/// let a = b;",
            "//! }",
            "let a = b; // apply(entry);",
            "// a -> b { c }",
            "// use the older one;  it is durable",
            "// revision = log index",
        ];
        for line in prose {
            assert_eq!(count("a.rs", line), 0, "{line}");
        }
    }
}
