//! Links in Markdown to files of the repository lead somewhere.

use crate::finding::Finding;
use crate::tree::Tree;
use crate::words::without_code;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        for (at, line) in without_code(&file.text).iter().enumerate() {
            for target in targets(line) {
                let dead = match resolve(&file.path, target) {
                    Some(path) => !tree.holds(&path),
                    None => true,
                };
                if dead {
                    findings.push(Finding::new(
                        &file.path,
                        at + 1,
                        format!("the link to `{target}` leads nowhere"),
                        "name a file or folder that is tracked, relative to this file",
                    ));
                }
            }
        }
    }
    findings
}

/// The file part of each `[text](target)` and `[label]: target` that points
/// into the repository.
fn targets(line: &str) -> Vec<&str> {
    let inline = line
        .match_indices("](")
        .filter_map(|(at, _)| line[at + 2..].split([')', ' ']).next());
    let definition = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]:"))
        .map(|(_, target)| target.trim());
    inline
        .chain(definition)
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty())
        .collect()
}

/// `None` when the link leaves the repository.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        parts.clear();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        let tree = Tree::of(&[("docs/a.md", text), ("docs/adr/0001.md", ""), ("b.md", "")]);
        check(&tree).len()
    }

    #[test]
    fn links_to_files_and_folders_resolve() {
        let text = "[a](adr/0001.md) [b](../b.md#part) [c](adr/) [d](#here) \
                    [e](https://example.org/x)\n[f]: ../b.md\n`[g](no.md)`\n";
        assert_eq!(count(text), 0);
    }

    #[test]
    fn dead_links_are_found() {
        assert_eq!(count("[a](adr/0002.md)"), 1);
        assert_eq!(count("[a](b.md)"), 1);
        assert_eq!(count("[a](../../b.md)"), 1);
        assert_eq!(count("[f]: no.md"), 1);
    }
}
