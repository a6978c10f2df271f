//! The keys that exist. What is not in the tables is unknown in every layer.

mod tables;

pub(crate) use tables::SECTIONS;

use crate::listener_id::ListenerName;

/// What stands under one header of a file.
#[derive(Debug)]
pub(crate) struct Section {
    /// `node`, or `listeners.tcp.*`: the star is a name that the user chose.
    pub(crate) path: &'static str,
    groups: &'static [&'static [Key]],
}

/// A key that can be set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// As it would be written in the environment.
    pub(crate) default: Option<&'static str>,
}

/// What is written on the right of the `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    /// A number, or a word in place of one, as `off`.
    Number,
    /// `1MB`, a number of bytes, or a word in place of them.
    Size,
    Switch,
    /// An array of texts, or texts with commas between them.
    List,
    /// Names to texts. Layers merge it entry by entry.
    Table,
}

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Key(&'static Key),
    /// A section, or a part of the way to some.
    Section,
    Nowhere,
}

pub(crate) const VARIABLE_PREFIX: &str = "QUORATE_";

const ANY_NAME: &str = "*";

impl Section {
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.groups.iter().flat_map(|group| group.iter())
    }

    pub(crate) fn has_key(&self, name: &str) -> bool {
        self.keys().any(|key| key.name == name)
    }

    /// Whether the user says how many of it there are, by their names.
    pub(crate) fn is_named(&self) -> bool {
        self.parts().any(|part| part == ANY_NAME)
    }

    fn parts(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.path.split('.')
    }

    /// Whether it is at `path` or below it.
    fn starts_with(&self, path: &[&str]) -> bool {
        let mut parts = self.parts();
        path.iter()
            .all(|part| parts.next().is_some_and(|own| fits(own, part)))
    }

    fn is_at(&self, path: &[&str]) -> bool {
        self.parts().count() == path.len() && self.starts_with(path)
    }
}

fn fits(own: &str, part: &str) -> bool {
    if own == ANY_NAME {
        ListenerName::new(part).is_ok()
    } else {
        own == part
    }
}

pub(crate) fn section(path: &[&str]) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.is_at(path))
}

pub(crate) fn place(path: &[&str]) -> Place {
    if let Some((name, parent)) = path.split_last()
        && let Some(section) = section(parent)
        && let Some(key) = section.keys().find(|key| key.name == *name)
    {
        return Place::Key(key);
    }
    if SECTIONS.iter().any(|section| section.starts_with(path)) {
        Place::Section
    } else {
        Place::Nowhere
    }
}

/// What may follow `path`: keys, and sections below it. A star among them
/// stands for any name.
pub(crate) fn below(path: &[&str]) -> Vec<&'static str> {
    let keys = section(path).into_iter().flat_map(Section::keys);
    let mut below: Vec<&str> = keys.map(|key| key.name).collect();
    for section in SECTIONS.iter().filter(|one| one.starts_with(path)) {
        let next = section.parts().nth(path.len());
        below.extend(next.filter(|next| !below.contains(next)));
    }
    below
}

pub(crate) fn takes_any_name(path: &[&str]) -> bool {
    below(path).contains(&ANY_NAME)
}

/// The sections below `path`, where `named` stands for each star.
pub(crate) fn examples_below(path: &[&str], named: &str) -> Vec<String> {
    let below = SECTIONS.iter().filter(|section| section.starts_with(path));
    below
        .map(|section| section.path.replace(ANY_NAME, named))
        .collect()
}

/// The environment variable that sets the key at this path.
pub(crate) fn variable(path: &str) -> String {
    let path = path.replace('.', "__").to_uppercase();
    format!("{VARIABLE_PREFIX}{path}")
}

/// Every key with its path, where `named` stands for each star.
pub(crate) fn paths(named: &str) -> Vec<(String, &'static Key)> {
    let mut paths = Vec::new();
    for section in &SECTIONS {
        let path = section.path.replace(ANY_NAME, named);
        paths.extend(
            section
                .keys()
                .map(|key| (format!("{path}.{}", key.name), key)),
        );
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_by_its_path() {
        for (path, key) in paths("a") {
            let parts: Vec<&str> = path.split('.').collect();
            assert_eq!(place(&parts), Place::Key(key), "{path}");
        }
    }

    #[test]
    fn keys_of_a_section_have_different_names() {
        for section in &SECTIONS {
            let mut names: Vec<&str> = section.keys().map(|key| key.name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        }
    }

    #[test]
    fn what_is_below() {
        assert_eq!(below(&["admin"]), ["bind"]);
        assert_eq!(below(&["listeners"]), ["tcp", "tls", "ws", "wss", "quic"]);
        assert_eq!(below(&["listeners", "tcp"]), ["*"]);
        assert_eq!(below(&["listeners", "tcp", "a"])[..2], ["bind", "enabled"]);
        let nothing: [&str; 0] = [];
        assert_eq!(below(&["admin", "bind"]), nothing);
    }

    #[test]
    fn places() {
        for (path, expected) in [
            ("node", Place::Section),
            ("listeners", Place::Section),
            ("listeners.tcp", Place::Section),
            ("listeners.tcp.any_name", Place::Section),
            ("listeners.tcp.No", Place::Nowhere),
            ("listeners.tcp.*", Place::Nowhere),
            ("listeners.sctp.a", Place::Nowhere),
            ("listeners.tcp.a.cert", Place::Nowhere),
            ("node.name.a", Place::Nowhere),
            ("node.bind", Place::Nowhere),
        ] {
            let parts: Vec<&str> = path.split('.').collect();
            assert_eq!(place(&parts), expected, "{path}");
        }
    }
}
