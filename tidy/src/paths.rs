//! No path of somebody's machine in a tracked file.

use crate::finding::Finding;
use crate::tree::Tree;

/// Put together here, or this file would be its own finding.
const MACHINE_FOLDERS: &[&str] = &[
    concat!("/", "home/"),
    concat!("/", "root/"),
    concat!("/", "work/"),
    concat!("/", "Users/"),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (at, line) in file.text.lines().enumerate() {
            let folder = MACHINE_FOLDERS
                .iter()
                .find(|folder| starts_a_path(line, folder));
            if let Some(folder) = folder {
                findings.push(Finding::new(
                    &file.path,
                    at + 1,
                    format!("a path of one machine (`{folder}`)"),
                    "use a path relative to the repository, an argument, or a temporary folder",
                ));
            }
        }
    }
    findings
}

/// `https://host/work/` and `a/work/b` go on from something; a machine path
/// stands at the start of a word.
fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|character| {
            character.is_alphanumeric() || matches!(character, '.' | '-' | '_' | '}' | ')' | '*')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(line: &str) -> usize {
        check(&Tree::of(&[("a.md", line)])).len()
    }

    #[test]
    fn machine_paths_are_found() {
        for folder in MACHINE_FOLDERS {
            assert_eq!(count(&format!("see {folder}x/y")), 1);
            assert_eq!(count(&format!("path = \"{folder}x\"")), 1);
        }
    }

    #[test]
    fn parts_of_longer_paths_are_not() {
        let folder = MACHINE_FOLDERS[2];
        assert_eq!(count(&format!("https://example.org{folder}x")), 0);
        assert_eq!(count(&format!("${{DIR}}{folder}x")), 0);
        assert_eq!(count(&format!("../a{folder}x")), 0);
    }
}
