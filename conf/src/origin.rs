//! Where a value came from, in words.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// `default`, `/etc/quorate.toml:3`, `env QUORATE_NODE__NAME` or
/// `--set node.name`. It is figment's metadata of a value, and made to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Cow<'static, str>);

/// Key, as `node.name`, to the origin of its value.
#[derive(Clone, Debug, Default)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origin {
    pub(crate) const DEFAULT: Self = Self(Cow::Borrowed("default"));
    /// Of an address to advertise that nobody set.
    pub(crate) const NAME_AND_BIND: Self = Self(Cow::Borrowed("from node.name and transport.bind"));

    pub(crate) fn file(path: &Path, line: usize) -> Self {
        Self(format!("{}:{line}", path.display()).into())
    }

    pub(crate) fn variable(name: &str) -> Self {
        Self(format!("env {name}").into())
    }

    pub(crate) fn flag(key: &str) -> Self {
        Self(format!("--set {key}").into())
    }

    /// Of a value that nobody set, and that another one gave.
    pub(crate) fn of_other(key: &str) -> Self {
        Self(format!("from {key}").into())
    }

    pub(crate) fn into_text(self) -> Cow<'static, str> {
        self.0
    }

    pub(crate) fn from_text(text: Cow<'static, str>) -> Self {
        Self(text)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Origins {
    pub(crate) fn insert(&mut self, key: String, origin: Origin) {
        self.0.insert(key, origin);
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// A key without a value has the origin of its absence: the default.
    pub fn of(&self, key: &str) -> &Origin {
        self.0.get(key).unwrap_or(&Origin::DEFAULT)
    }
}
