//! Files to start from.

/// What a node is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Core,
    Replicant,
    /// Both in one process: a whole broker.
    Single,
}

/// A commented file with every key that such a node needs.
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
    use crate::schema::{self, Place, Shape};
    use crate::{ConfigError, ListenerKind, Loaded, Sources, load};

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

    /// Sections of the part that serves clients.
    const OF_CLIENTS: [&str; 5] = ["broker", "listeners", "mqtt", "subscribe", "auth"];

    struct Shown {
        path: String,
        is_comment: bool,
        value: String,
    }

    /// The keys of a file, also those that are commented out.
    fn shown(text: &str) -> Vec<Shown> {
        let mut section = String::new();
        let mut shown = Vec::new();
        for line in text.lines() {
            let written = line.strip_prefix("# ").unwrap_or(line);
            let header = written
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            if let Some(header) = header {
                section = header.to_owned();
            } else if let Some((name, value)) = written.split_once(" = ") {
                shown.push(Shown {
                    path: format!("{section}.{name}"),
                    is_comment: line.starts_with('#'),
                    value: value.to_owned(),
                });
            }
        }
        shown
    }

    #[test]
    fn what_an_example_shows_exists_and_is_the_default() {
        for kind in [Kind::Core, Kind::Replicant, Kind::Single] {
            for Shown {
                path,
                is_comment,
                value,
            } in shown(example(kind))
            {
                let parts: Vec<&str> = path.split('.').collect();
                let Place::Key(key) = schema::place(&parts) else {
                    panic!("{kind:?}: {path}");
                };
                // What is commented out is what holds without the line.
                let default = key
                    .default
                    .filter(|_| key.shape != Shape::List && is_comment);
                if let Some(default) = default {
                    assert_eq!(value.trim_matches('"'), default, "{kind:?}: {path}");
                }
            }
        }
    }

    #[test]
    fn examples_show_every_key() {
        for kind in [Kind::Core, Kind::Replicant, Kind::Single] {
            let mut paths: Vec<String> = shown(example(kind))
                .into_iter()
                .map(|one| one.path)
                .collect();
            paths.sort_unstable();
            let twice = paths.windows(2).find(|pair| pair[0] == pair[1]);
            assert_eq!(twice, None, "{kind:?}");
            for (path, key) in schema::paths("default") {
                let of_clients = OF_CLIENTS.iter().any(|one| path.starts_with(one));
                let found = paths.iter().any(|shown| {
                    // What kinds of listener have in common stands once.
                    *shown == path
                        || path.starts_with("listeners.")
                            && shown.starts_with("listeners.")
                            && shown.ends_with(&format!(".{}", key.name))
                });
                let expected = kind != Kind::Core || !of_clients;
                assert_eq!(found, expected, "{kind:?}: {path}");
            }
        }
    }

    /// Whoever takes a `#` away gets what the comment promised.
    #[test]
    fn what_is_commented_out_can_be_used() {
        let lines = example(Kind::Single).lines().map(|line| {
            let written = line.strip_prefix("# ").unwrap_or(line);
            let is_header = written.starts_with('[') && written.ends_with(']');
            if is_header || written.contains(" = ") {
                written
            } else {
                line
            }
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        let error = loaded(&text).unwrap_err();
        for problem in error.problems() {
            // The files of the examples are on nobody's disk.
            assert!(problem.what().contains("cannot read "), "{problem}");
        }
    }

    #[test]
    fn every_kind_of_listener_has_an_example() {
        for kind in ListenerKind::ALL {
            let header = format!("[listeners.{}.default]", kind.as_str());
            assert!(example(Kind::Single).contains(&header), "{header}");
        }
    }
}
