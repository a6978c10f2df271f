//! The keys that exist. What is not in this table is unknown in every layer.

/// A key that can be set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// `section.name`.
    pub(crate) path: &'static str,
    pub(crate) shape: Shape,
    /// As it would be written in the environment.
    pub(crate) default: Option<&'static str>,
}

/// What is written on the right of the `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    /// An array of texts, or texts with commas between them.
    List,
    /// Names to texts. Layers merge it entry by entry.
    Table,
}

pub(crate) const KEYS: [Key; 15] = [
    text("node.name", Some("quorate@127.0.0.1")),
    Key {
        path: "node.roles",
        shape: Shape::List,
        default: Some("core,replicant"),
    },
    text("node.data_dir", Some("quorate-data")),
    text("node.cookie", None),
    text("cluster.name", Some("quorate")),
    text("cluster.discovery_strategy", Some("manual")),
    text("transport.bind", Some("0.0.0.0:4370")),
    text("transport.advertise", None),
    text("transport.ca", None),
    text("transport.cert", None),
    text("transport.key", None),
    Key {
        path: "transport.dial",
        shape: Shape::Table,
        default: None,
    },
    text("admin.bind", Some("127.0.0.1:18083")),
    text("log.level", Some("info")),
    text("log.format", Some("text")),
];

pub(crate) const VARIABLE_PREFIX: &str = "QUORATE_";

const fn text(path: &'static str, default: Option<&'static str>) -> Key {
    Key {
        path,
        shape: Shape::Text,
        default,
    }
}

impl Key {
    pub(crate) fn section(&self) -> &'static str {
        self.split().0
    }

    pub(crate) fn name(&self) -> &'static str {
        self.split().1
    }

    fn split(&self) -> (&'static str, &'static str) {
        self.path.split_once('.').unwrap_or(("", self.path))
    }

    /// The environment variable that sets it.
    pub(crate) fn variable(&self) -> String {
        let path = self.path.replace('.', "__").to_uppercase();
        format!("{VARIABLE_PREFIX}{path}")
    }
}

pub(crate) fn find(section: &str, name: &str) -> Option<&'static Key> {
    keys_of(section).find(|key| key.name() == name)
}

pub(crate) fn keys_of(section: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.section() == section)
}

/// In the order of the table.
pub(crate) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = KEYS.iter().map(Key::section).collect();
    sections.dedup();
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_by_its_parts() {
        for key in &KEYS {
            assert_eq!(find(key.section(), key.name()), Some(key));
        }
        assert_eq!(find("node", "bind"), None);
    }

    #[test]
    fn a_section_stands_together() {
        let sections = sections();
        assert_eq!(sections, ["node", "cluster", "transport", "admin", "log"]);
    }
}
