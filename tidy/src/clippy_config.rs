//! A `clippy.toml` in a crate's folder replaces the root one. What the root
//! forbids must therefore stand in each of them again.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::layers::Layer;
use crate::manifest::without_comment;
use crate::tree::Tree;

const FILE: &str = "clippy.toml";

/// Key to entries. A list has one entry an item, named by its `path`; a plain
/// value is its own single entry.
type Config = BTreeMap<String, Vec<String>>;

pub fn check(tree: &Tree, layers: &[Layer]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let root = tree.text(FILE).map(parse).unwrap_or_default();
    for file in &tree.files {
        let nested = file.path.ends_with(&format!("/{FILE}"));
        if nested {
            findings.extend(missing(&file.path, &root, &parse(&file.text)));
        }
    }
    for layer in layers.iter().filter(|layer| layer.pure.is_some()) {
        let path = format!("{}/{FILE}", layer.folder);
        if tree.holds(layer.folder) && !tree.paths.contains(&path) {
            findings.push(Finding::new(
                path,
                0,
                "a pure crate has no clippy.toml",
                "copy model/clippy.toml: it bans clocks, randomness, threads and files",
            ));
        }
    }
    findings
}

fn missing(path: &str, root: &Config, nested: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, entries) in root {
        let known = nested.get(key).map(Vec::as_slice).unwrap_or_default();
        for entry in entries.iter().filter(|entry| !known.contains(entry)) {
            findings.push(Finding::new(
                path,
                0,
                format!("the root clippy.toml's `{key}` entry `{entry}` is not repeated"),
                "copy it: this file replaces the root one for its crate",
            ));
        }
    }
    findings
}

fn parse(text: &str) -> Config {
    let mut config = Config::new();
    let mut list: Option<String> = None;
    for line in text.lines() {
        let line = without_comment(line).trim();
        let (key, rest) = match (&list, line.split_once('=')) {
            (Some(key), _) => (key.clone(), line),
            (None, Some((key, rest))) => (key.trim().to_owned(), rest.trim()),
            (None, None) => continue,
        };
        let entries = config.entry(key.clone()).or_default();
        if list.is_none() && !rest.starts_with('[') {
            entries.push(rest.to_owned());
            continue;
        }
        entries.extend(item_paths(rest));
        list = (!rest.ends_with(']')).then_some(key);
    }
    config
}

/// `{ path = "a::b", reason = ".." }` and plain `"a::b"`.
fn item_paths(text: &str) -> Vec<String> {
    if text.contains("path =") {
        text.split("path =")
            .skip(1)
            .filter_map(|rest| rest.split('"').nth(1))
            .map(str::to_owned)
            .collect()
    } else {
        text.split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::LAYERS;

    const ROOT: &str = "allow-unwrap-in-tests = true\ndisallowed-methods = [\n  \
                        { path = \"a::b\", reason = \"x\" },\n  \"c::d\", # why\n]\n";

    fn found(nested: &str) -> Vec<String> {
        let tree = Tree::of(&[("clippy.toml", ROOT), ("model/clippy.toml", nested)]);
        check(&tree, LAYERS)
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn a_full_copy_with_more_is_fine() {
        let more = ROOT.replace("]\n", "  \"e::f\",\n]\n");
        assert!(found(&more).is_empty());
    }

    #[test]
    fn each_entry_left_out_is_found() {
        assert_eq!(found("").len(), 3);
        assert_eq!(found(&ROOT.replace("\"a::b\"", "\"a::z\"")).len(), 1);
        assert_eq!(found(&ROOT.replace("\"c::d\",", "")).len(), 1);
        assert_eq!(found(&ROOT.replace("true", "false")).len(), 1);
    }

    #[test]
    fn a_pure_crate_needs_the_file() {
        let tree = Tree::of(&[("clippy.toml", ROOT), ("model/src/lib.rs", "")]);
        let findings = check(&tree, LAYERS);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].path, "model/clippy.toml");
    }
}
