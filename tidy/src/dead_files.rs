//! Every Rust file is compiled: it is the root of a target, or a `mod` leads
//! to it from one.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::tree::Tree;
use crate::{manifest, rust_text};

/// Folders whose own `.rs` files are targets that cargo finds by itself.
const TARGET_FOLDERS: &[&str] = &["tests", "benches", "examples", "src/bin"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let sources: BTreeMap<&str, &str> = tree
        .rust_files()
        .map(|file| (file.path.as_str(), file.text.as_str()))
        .collect();
    let mut alive = BTreeSet::new();
    let mut next: Vec<String> = roots(tree);
    while let Some(path) = next.pop() {
        let Some(source) = sources.get(path.as_str()) else {
            continue;
        };
        if !alive.insert(path.clone()) {
            continue;
        }
        next.extend(children(&path, source));
    }
    sources
        .keys()
        .filter(|path| !alive.contains(**path))
        .map(|path| {
            Finding::new(
                *path,
                0,
                "no module leads to this file, so nothing compiles it",
                "add `mod` to its parent, or remove the file",
            )
        })
        .collect()
}

fn roots(tree: &Tree) -> Vec<String> {
    let mut roots = Vec::new();
    for file in &tree.files {
        let Some(folder) = file.path.strip_suffix("/Cargo.toml") else {
            continue;
        };
        for name in ["src/lib.rs", "src/main.rs", "build.rs"] {
            roots.push(format!("{folder}/{name}"));
        }
        for path in manifest::parse(&file.text).target_paths {
            roots.push(format!("{folder}/{path}"));
        }
        for targets in TARGET_FOLDERS {
            let prefix = format!("{folder}/{targets}/");
            let inside = tree.paths.iter().filter_map(|path| {
                let rest = path.strip_prefix(&prefix)?;
                let is_root = !rest.contains('/') || rest.split_once('/')?.1 == "main.rs";
                is_root.then(|| path.clone())
            });
            roots.extend(inside);
        }
    }
    roots
}

/// The files that `mod name;` in `path` may mean; those that do not exist are
/// dropped by the caller, and rustc reports them better.
fn children(path: &str, source: &str) -> Vec<String> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = file.trim_end_matches(".rs");
    let mut found = Vec::new();
    for module in modules(source) {
        if let Some(explicit) = module.path {
            found.push(normal(&format!("{folder}/{explicit}")));
            continue;
        }
        let inner = module.name;
        // A root and a `mod.rs` own the folder that they stand in, another
        // file the folder of its name. Which of both it is, cargo knows; a
        // file that exists in either place is one that somebody meant.
        for owner in [folder.to_owned(), format!("{folder}/{stem}")] {
            found.push(format!("{owner}/{inner}.rs"));
            found.push(format!("{owner}/{inner}/mod.rs"));
        }
    }
    found
}

struct Module {
    /// With the enclosing inline modules: `a/b` for `mod a { mod b; }`.
    name: String,
    path: Option<String>,
}

fn modules(source: &str) -> Vec<Module> {
    let mut found = Vec::new();
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut depth = 0_usize;
    let mut explicit = None;
    for (line, original) in rust_text::lines(source).iter().zip(source.lines()) {
        let code = line.code.trim();
        if code.contains("#[path") || code.starts_with("include!") {
            explicit = original.split('"').nth(1).map(str::to_owned);
        }
        if code.starts_with("include!") {
            let path = explicit.take();
            found.extend(path.map(|path| Module {
                name: String::new(),
                path: Some(path),
            }));
        }
        if let Some((name, opens)) = module_on(code) {
            let mut parts: Vec<&str> = inline.iter().map(|(name, _)| name.as_str()).collect();
            parts.push(name);
            if opens {
                inline.push((name.to_owned(), depth));
            } else {
                found.push(Module {
                    name: parts.join("/"),
                    path: explicit.take(),
                });
            }
        }
        for character in code.chars() {
            match character {
                '{' => depth += 1,
                '}' => {
                    depth = depth.saturating_sub(1);
                    inline.retain(|(_, opened_at)| *opened_at < depth);
                }
                _ => {}
            }
        }
    }
    found
}

/// `mod name;` and `mod name {`, with whatever visibility and attributes
/// stand before it on the line.
fn module_on(code: &str) -> Option<(&str, bool)> {
    let at = rust_text::word_positions(code, "mod").next()?;
    let before = code[..at].trim_end();
    if !(before.is_empty() || before.ends_with("pub") || before.ends_with([')', ']'])) {
        return None;
    }
    let rest = code[at + 3..].trim_start();
    let end = rest.find(|one| !rust_text::is_word(one))?;
    match rest[end..].trim_start().chars().next()? {
        ';' => Some((&rest[..end], false)),
        '{' => Some((&rest[..end], true)),
        _ => None,
    }
}

fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(files: &[(&str, &str)]) -> Vec<String> {
        let mut all = vec![("a/Cargo.toml", "[[bin]]\npath = \"tools/x.rs\"\n")];
        all.extend_from_slice(files);
        check(&Tree::of(&all))
            .into_iter()
            .map(|finding| finding.path)
            .collect()
    }

    #[test]
    fn whatever_a_module_leads_to_is_alive() {
        let files = [
            (
                "a/src/lib.rs",
                "pub mod one;\n#[cfg(test)]\nmod two;\npub(crate) mod in_line {\n    mod deep;\n}",
            ),
            ("a/src/one.rs", "mod part;"),
            ("a/src/one/part.rs", ""),
            ("a/src/two/mod.rs", "mod three;"),
            (
                "a/src/two/three.rs",
                "#[cfg(test)]\n#[path = \"../three_tests.rs\"]\nmod tests;",
            ),
            ("a/src/three_tests.rs", ""),
            ("a/src/in_line/deep.rs", ""),
            ("a/src/bin/tool.rs", ""),
            ("a/tests/rule.rs", "mod common;"),
            ("a/tests/common/mod.rs", ""),
            ("a/tests/big/main.rs", ""),
            ("a/tools/x.rs", ""),
        ];
        assert_eq!(dead(&files), Vec::<String>::new());
    }

    #[test]
    fn a_file_without_a_module_is_dead() {
        let files = [
            (
                "a/src/lib.rs",
                "// mod one;\nconst TEXT: &str = \"mod two;\";",
            ),
            ("a/src/one.rs", ""),
            ("a/src/two.rs", ""),
            ("a/tests/common/mod.rs", ""),
        ];
        let expected = ["a/src/one.rs", "a/src/two.rs", "a/tests/common/mod.rs"];
        assert_eq!(dead(&files), expected);
    }

    #[test]
    fn an_inline_module_ends_at_its_brace() {
        let files = [
            ("a/src/lib.rs", "mod outer {\n    fn f() {}\n}\nmod after;"),
            ("a/src/after.rs", ""),
            ("a/src/outer/after.rs", ""),
        ];
        assert_eq!(dead(&files), ["a/src/outer/after.rs"]);
    }
}
