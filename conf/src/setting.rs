//! One value for one key by one layer.

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};
use toml::Spanned;
use toml::de::DeValue;

use crate::origin::Origin;
use crate::problem::Problem;
use crate::schema::{Key, Shape};

/// figment remembers where a value came from by its provider. Each setting is
/// a provider of its own, so that each has its own line, variable or flag.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Section, key, and the entry if the key is a table.
    path: Vec<String>,
    value: Value,
    origin: Origin,
}

/// What one layer holds, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub(crate) settings: Vec<Setting>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

impl Setting {
    /// The text it holds, if it is for this key.
    pub(crate) fn text_of(&self, key: &str) -> Option<&str> {
        let is_for_key = self.path.iter().map(String::as_str).eq(key.split('.'));
        is_for_key.then(|| self.value.as_str()).flatten()
    }
}

impl Layer {
    pub(crate) fn append(&mut self, later: Self) {
        self.settings.extend(later.settings);
        self.problems.extend(later.problems);
        self.warnings.extend(later.warnings);
    }

    /// `at` is where the key stands in the text of the layer, and `origin`
    /// names a place there. The entries of a table have places of their own.
    pub(crate) fn set(
        &mut self,
        key: &Key,
        value: &DeValue<'_>,
        at: usize,
        origin: &dyn Fn(usize) -> Origin,
    ) {
        let shaped = match (key.shape, value) {
            (Shape::Text, DeValue::String(text)) => Ok(Value::from(text.as_ref())),
            (Shape::List, DeValue::String(text)) => Ok(Value::from(items(text))),
            (Shape::List, DeValue::Array(array)) => array
                .iter()
                .map(|item| item.get_ref().as_str().ok_or(item.get_ref()))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::from),
            (Shape::Table, DeValue::Table(table)) => {
                for (entry, value) in table {
                    let origin = origin(entry.span().start);
                    self.set_entry(key, entry.get_ref(), value.get_ref(), origin);
                }
                return;
            }
            _ => Err(value),
        };
        let origin = origin(at);
        match shaped {
            Ok(value) => self.push(&[key.section(), key.name()], value, origin),
            Err(found) => self.refuse(key.path, key.shape, found, &origin),
        }
    }

    /// One entry of a key that is a table.
    pub(crate) fn set_entry(
        &mut self,
        key: &Key,
        entry: &str,
        value: &DeValue<'_>,
        origin: Origin,
    ) {
        match value.as_str() {
            Some(text) => {
                let path = [key.section(), key.name(), entry];
                self.push(&path, Value::from(text), origin);
            }
            None => self.refuse(&entry_path(key.path, entry), Shape::Text, value, &origin),
        }
    }

    fn push(&mut self, path: &[&str], value: Value, origin: Origin) {
        self.settings.push(Setting {
            path: path.iter().map(|&part| part.to_owned()).collect(),
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
        let mut names = self.path.iter().rev();
        let mut data = Dict::new();
        if let Some(last) = names.next() {
            data.insert(last.clone(), self.value.clone());
        }
        for name in names {
            data = Dict::from([(name.clone(), Value::from(data))]);
        }
        Ok(Profile::Default.collect(data))
    }
}
