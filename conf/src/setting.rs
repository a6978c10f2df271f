//! One value for one key by one layer.

use std::collections::BTreeMap;

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};
use toml::Spanned;
use toml::de::{DeInteger, DeValue};

use crate::origin::Origin;
use crate::problem::Problem;
use crate::schema::{self, Key, Shape};

/// figment remembers where a value came from by its provider. Each setting is
/// a provider of its own, so that each has its own line, variable or flag.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// As `node.name`.
    key: String,
    /// Of a key that is a table.
    entry: Option<String>,
    value: Value,
    origin: Origin,
}

/// What one layer holds, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub(crate) settings: Vec<Setting>,
    /// The sections that the user gave a name, and where that was first: an
    /// empty one counts as well.
    pub(crate) named: BTreeMap<String, Origin>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

impl Setting {
    /// The text it holds, if it is for this key.
    pub(crate) fn text_of(&self, key: &str) -> Option<&str> {
        let is_for_key = self.entry.is_none() && self.key == key;
        is_for_key.then(|| self.value.as_str()).flatten()
    }

    /// The path as it is written in a file.
    pub(crate) fn path(&self) -> String {
        match &self.entry {
            Some(entry) => entry_path(&self.key, entry),
            None => self.key.clone(),
        }
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Layer {
    pub(crate) fn append(&mut self, later: Self) {
        self.settings.extend(later.settings);
        for (section, origin) in later.named {
            self.named.entry(section).or_insert(origin);
        }
        self.problems.extend(later.problems);
        self.warnings.extend(later.warnings);
    }

    /// There is a section at `path`.
    pub(crate) fn name(&mut self, path: &[&str], origin: Origin) {
        if schema::section(path).is_some_and(schema::Section::is_named) {
            self.named.entry(path.join(".")).or_insert(origin);
        }
    }

    /// `at` is where the key stands in the text of the layer, and `origin`
    /// names a place there. The entries of a table have places of their own.
    pub(crate) fn set(
        &mut self,
        path: &[&str],
        key: &Key,
        value: &DeValue<'_>,
        at: usize,
        origin: &dyn Fn(usize) -> Origin,
    ) {
        if let Some((_, section)) = path.split_last() {
            self.name(section, origin(at));
        }
        let path = path.join(".");
        if let (Shape::Table, DeValue::Table(table)) = (key.shape, value) {
            for (entry, value) in table {
                let origin = origin(entry.span().start);
                self.set_entry(&path, entry.get_ref(), value.get_ref(), origin);
            }
            return;
        }
        let origin = origin(at);
        match shaped(key.shape, value) {
            Ok(value) => self.push(path, None, value, origin),
            Err(found) => self.refuse(&path, key.shape, found, &origin),
        }
    }

    /// One entry of a key that is a table.
    pub(crate) fn set_entry(
        &mut self,
        key: &str,
        entry: &str,
        value: &DeValue<'_>,
        origin: Origin,
    ) {
        match value.as_str() {
            Some(text) => {
                self.push(
                    key.to_owned(),
                    Some(entry.to_owned()),
                    Value::from(text),
                    origin,
                );
            }
            None => self.refuse(&entry_path(key, entry), Shape::Text, value, &origin),
        }
    }

    fn push(&mut self, key: String, entry: Option<String>, value: Value, origin: Origin) {
        self.settings.push(Setting {
            key,
            entry,
            value,
            origin,
        });
    }

    fn refuse(&mut self, path: &str, expected: Shape, found: &DeValue<'_>, origin: &Origin) {
        let what = format!(
            "expected {}, found {}",
            expected.described(),
            found.type_str()
        );
        self.problems
            .push(Problem::new(what).about(path).from(origin));
    }
}

/// The texts of a value, which the reader parses; or the part of it that has
/// the wrong type.
fn shaped<'a>(shape: Shape, value: &'a DeValue<'a>) -> Result<Value, &'a DeValue<'a>> {
    match (shape, value) {
        (Shape::List, DeValue::String(text)) => Ok(Value::from(items(text))),
        (Shape::List, DeValue::Array(array)) => array
            .iter()
            .map(|item| item.get_ref().as_str().ok_or(item.get_ref()))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::from),
        (Shape::List | Shape::Table, _) => Err(value),
        (_, DeValue::String(text)) => Ok(Value::from(text.as_ref())),
        (Shape::Number | Shape::Size, DeValue::Integer(number)) => Ok(Value::from(digits(number))),
        (Shape::Number, DeValue::Float(number)) => Ok(Value::from(number.as_str())),
        (Shape::Switch, DeValue::Boolean(on)) => Ok(Value::from(on.to_string())),
        _ => Err(value),
    }
}

/// In tens, however it was written.
fn digits(number: &DeInteger<'_>) -> String {
    i128::from_str_radix(number.as_str(), number.radix())
        .map_or_else(|_| number.to_string(), |number| number.to_string())
}

/// How the entry of a table is written, in a file as in `--set`.
pub(crate) fn entry_path(key: &str, entry: &str) -> String {
    format!("{key}.{}", toml::Value::from(entry))
}

fn items(text: &str) -> Vec<&str> {
    let items = text.split(',').map(str::trim);
    items.filter(|item| !item.is_empty()).collect()
}

/// A value as the environment and flags carry it: TOML if it is TOML of the
/// right type, else the text itself. So `QUORATE_NODE__COOKIE=0123` keeps its
/// zero, and an address needs no quotes inside those of the shell.
pub(crate) fn lenient(shape: Shape, text: &str) -> DeValue<'_> {
    let parsed = DeValue::parse(text).ok().map(Spanned::into_inner);
    let parsed = parsed.filter(|value| {
        value.is_str()
            || match shape {
                Shape::Text => false,
                Shape::Number => value.is_integer() || value.is_float(),
                Shape::Size => value.is_integer(),
                Shape::Switch => value.is_bool(),
                Shape::List => value.is_array(),
                Shape::Table => value.is_table(),
            }
    });
    parsed.unwrap_or_else(|| DeValue::String(text.into()))
}

impl Shape {
    fn described(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Size => "a size like \"1MB\"",
            Self::Switch => "true or false",
            Self::List => "an array of strings",
            Self::Table => "a table of strings, like { \"core2@10.0.0.2\" = \"10.0.0.9:4370\" }",
        }
    }
}

impl Provider for Setting {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone().into_text())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut value = self.value.clone();
        if let Some(entry) = &self.entry {
            value = Value::from(Dict::from([(entry.clone(), value)]));
        }
        let (sections, name) = self.key.rsplit_once('.').unwrap_or(("", &self.key));
        let mut data = Dict::from([(name.to_owned(), value)]);
        for section in sections.rsplit('.') {
            data = Dict::from([(section.to_owned(), Value::from(data))]);
        }
        Ok(Profile::Default.collect(data))
    }
}
