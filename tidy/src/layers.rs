//! Which crate may use which, and what a pure crate may use at all.
//!
//! ```text
//! model <- raft-store <- core <- sim      model <- mqtt <- broker
//! model <- transport <- core, broker, replicant      node -> all
//! ```
//!
//! `broker`, `core` and `replicant` never see each other; `node` wires them.

use crate::finding::Finding;
use crate::manifest::{self, Dependency};
use crate::tree::Tree;

/// A crate's folder and the folders that it may depend on. Folders that do not
/// exist yet are here already, so that their first commit is checked too.
#[derive(Debug)]
pub struct Layer {
    pub folder: &'static str,
    pub may_use: &'static [&'static str],
    /// Outside crates that it may use, if it is pure: everything else could
    /// bring in a clock, randomness, a runtime or the network.
    pub pure: Option<&'static [&'static str]>,
}

const fn layer(folder: &'static str, may_use: &'static [&'static str]) -> Layer {
    Layer {
        folder,
        may_use,
        pure: None,
    }
}

/// What the processes are made of.
const PARTS: &[&str] = &[
    "model",
    "mqtt",
    "broker",
    "core",
    "replicant",
    "raft-store",
    "transport",
    "discovery",
    "conf",
    "admin",
];

/// For measuring and testing from outside.
const ALL: &[&str] = &[
    "model",
    "mqtt",
    "broker",
    "core",
    "replicant",
    "raft-store",
    "transport",
    "discovery",
    "conf",
    "admin",
    "node",
    "sim",
];

pub const LAYERS: &[Layer] = &[
    Layer {
        folder: "model",
        may_use: &[],
        pure: Some(&[
            "bytes",
            "foldhash",
            "hashbrown",
            "imbl",
            "lz4_flex",
            "rkyv",
            "thiserror",
            "xxhash-rust",
        ]),
    },
    Layer {
        folder: "mqtt",
        may_use: &["model"],
        pure: Some(&["bytes", "mqttbytes", "thiserror"]),
    },
    layer("raft-store", &["model"]),
    layer("transport", &["model"]),
    layer("discovery", &["model"]),
    layer("conf", &["model"]),
    layer("admin", &["model"]),
    layer("core", &["model", "raft-store", "transport"]),
    layer("replicant", &["model", "transport"]),
    layer("broker", &["mqtt", "model", "transport"]),
    layer("sim", &["core", "raft-store", "model", "transport"]),
    layer("node", PARTS),
    layer("benches", ALL),
    layer("jepsen", ALL),
    layer("fuzz", ALL),
    layer("tidy", &[]),
];

const OURS: &str = "quorate-";

/// Arrows, names, purity and inherited lints of every crate in the tree.
pub fn check(tree: &Tree, layers: &[Layer]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let Some(folder) = file.path.strip_suffix("/Cargo.toml") else {
            continue;
        };
        let manifest = manifest::parse(&file.text);
        let Some(layer) = layers.iter().find(|layer| layer.folder == folder) else {
            findings.push(Finding::new(
                &file.path,
                0,
                format!("the folder `{folder}` has no layer"),
                "add it to LAYERS in tidy/src/layers.rs, with the folders that it may use",
            ));
            continue;
        };
        if manifest.name.as_deref() != Some(&format!("{OURS}{folder}")) {
            findings.push(Finding::new(
                &file.path,
                0,
                "the package's name does not follow from its folder",
                format!("name = \"{OURS}{folder}\""),
            ));
        }
        // A workspace of its own has no lints to inherit.
        if !manifest.inherits_lints && !manifest.is_workspace {
            findings.push(Finding::new(
                &file.path,
                0,
                "the crate does not inherit the workspace's lints",
                "add `[lints]` with `workspace = true`",
            ));
        }
        for dependency in manifest.all_dependencies() {
            findings.extend(check_arrow(&file.path, layer, dependency));
        }
        // Tests of a pure crate may draw random input; the crate may not.
        for dependency in manifest
            .dependencies
            .iter()
            .chain(&manifest.build_dependencies)
        {
            findings.extend(check_purity(&file.path, layer, dependency));
        }
    }
    findings
}

fn check_arrow(path: &str, layer: &Layer, dependency: &Dependency) -> Option<Finding> {
    let target = dependency.name.strip_prefix(OURS)?;
    if layer.may_use.contains(&target) {
        return None;
    }
    Some(Finding::new(
        path,
        dependency.line,
        format!("`{}` may not use `{target}`", layer.folder),
        match layer.may_use {
            [] => "it uses no crate of ours: move the shared code down, or pass it in".to_owned(),
            allowed => format!(
                "it may use {}: move the shared code down, or put a trait at the edge",
                allowed.join(", ")
            ),
        },
    ))
}

fn check_purity(path: &str, layer: &Layer, dependency: &Dependency) -> Option<Finding> {
    let allowed = layer.pure?;
    if dependency.name.starts_with(OURS) || allowed.contains(&dependency.name.as_str()) {
        return None;
    }
    Some(Finding::new(
        path,
        dependency.line,
        format!(
            "the pure crate `{}` uses `{}`",
            layer.folder, dependency.name
        ),
        "move the code to a driver; or, if the crate has no clock, randomness, I/O or tasks, \
         add it to the layer's `pure` list in tidy/src/layers.rs",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[lints]\nworkspace = true\n[package]\n";

    fn findings(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[(path, &format!("{HEAD}{text}"))]);
        check(&tree, LAYERS)
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn an_arrow_down_is_fine() {
        let text = "name = \"quorate-core\"\n[dependencies]\nquorate-model.workspace = true\n\
                    quorate-raft-store.workspace = true\ntokio.workspace = true\n";
        assert!(findings("core/Cargo.toml", text).is_empty());
    }

    #[test]
    fn an_arrow_up_or_sideways_is_found_in_every_kind_of_dependency() {
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let text = format!(
                "name = \"quorate-raft-store\"\n[{table}]\nquorate-core.workspace = true\n"
            );
            let found = findings("raft-store/Cargo.toml", &text);
            assert_eq!(found, ["`raft-store` may not use `core`"], "{table}");
        }
        let text = "name = \"quorate-broker\"\n[dependencies.quorate-core]\nworkspace = true\n";
        let found = findings("broker/Cargo.toml", text);
        assert_eq!(found, ["`broker` may not use `core`"]);
    }

    #[test]
    fn a_pure_crate_uses_no_runtime_but_its_tests_may() {
        let text = "name = \"quorate-model\"\n[dependencies]\ntokio = \"1\"\nrkyv = \"0.8\"\n\
                    [dev-dependencies]\nproptest = \"1\"\n";
        let found = findings("model/Cargo.toml", text);
        assert_eq!(found, ["the pure crate `model` uses `tokio`"]);
    }

    #[test]
    fn unknown_folders_and_odd_names_are_found() {
        let found = findings("extra/Cargo.toml", "name = \"quorate-extra\"\n");
        assert_eq!(found, ["the folder `extra` has no layer"]);
        let found = findings("core/Cargo.toml", "name = \"core\"\n");
        assert_eq!(
            found,
            ["the package's name does not follow from its folder"]
        );
    }

    #[test]
    fn lints_are_inherited_except_by_a_workspace_of_its_own() {
        let without = Tree::of(&[("core/Cargo.toml", "[package]\nname = \"quorate-core\"\n")]);
        let found = check(&without, LAYERS);
        assert_eq!(found.len(), 1);
        assert!(found[0].what.contains("lints"));
        let own = "[package]\nname = \"quorate-fuzz\"\n[workspace]\n";
        assert!(check(&Tree::of(&[("fuzz/Cargo.toml", own)]), LAYERS).is_empty());
    }

    #[test]
    fn the_table_itself_has_no_cycle_and_no_unknown_name() {
        for layer in LAYERS {
            for target in layer.may_use {
                let below = LAYERS.iter().find(|other| other.folder == *target);
                let below = below.unwrap_or_else(|| panic!("{target} is not in the table"));
                assert!(
                    !below.may_use.contains(&layer.folder),
                    "{} and {target} use each other",
                    layer.folder
                );
            }
        }
    }
}
