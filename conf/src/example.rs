//! Files to start from.

/// What a node is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Core,
    Replicant,
    /// Both in one process: a whole broker.
    Single,
}

/// A commented file with every key there is.
pub const fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Core => include_str!("../examples/core.toml"),
        Kind::Replicant => include_str!("../examples/replicant.toml"),
        Kind::Single => include_str!("../examples/single.toml"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use quorate_model::member::Roles;

    use super::*;
    use crate::schema::{KEYS, Shape};
    use crate::{ConfigError, Loaded, Sources, load};

    fn loaded(text: &str) -> Result<Loaded, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.toml");
        fs::write(&path, text).unwrap();
        load(&Sources {
            file: Some(path),
            ..Sources::default()
        })
    }

    #[test]
    fn a_core_and_a_single_node_load_as_they_are() {
        let core = loaded(example(Kind::Core)).unwrap();
        assert_eq!(core.config.node.roles, Roles::Core);
        let single = loaded(example(Kind::Single)).unwrap();
        assert_eq!(single.config.node.roles, Roles::Both);
        for loaded in [core, single] {
            assert_eq!(loaded.warnings, []);
        }
    }

    #[test]
    fn a_replicant_has_no_discovery_yet() {
        let error = loaded(example(Kind::Replicant)).unwrap_err();
        let [problem] = error.problems() else {
            panic!("{error}");
        };
        let what = problem.what();
        let expected = "cluster.discovery_strategy: this build knows `manual` only, not `static` (";
        assert!(what.starts_with(expected), "{what}");
    }

    #[test]
    fn examples_show_every_key_and_its_default() {
        for kind in [Kind::Core, Kind::Replicant, Kind::Single] {
            let mut section = "";
            let mut seen = Vec::new();
            for line in example(kind).lines() {
                let written = line.strip_prefix("# ").unwrap_or(line);
                if let Some(rest) = line.strip_prefix('[') {
                    section = rest.split(']').next().unwrap();
                } else if let Some((name, rest)) = written.split_once(" = ") {
                    seen.push((format!("{section}.{name}"), line, rest));
                }
            }
            for key in &KEYS {
                let found = seen.iter().find(|(path, ..)| path == key.path);
                let (_, line, rest) = found.unwrap_or_else(|| panic!("{kind:?}: {}", key.path));
                // What is commented out is what holds without the line.
                if let (Shape::Text, Some(default), true) =
                    (key.shape, key.default, line.starts_with('#'))
                {
                    let value = rest.split('#').next().unwrap().trim();
                    assert_eq!(value, format!("\"{default}\""), "{kind:?}: {line}");
                }
            }
            assert_eq!(seen.len(), KEYS.len(), "{kind:?}: {seen:?}");
        }
    }
}
