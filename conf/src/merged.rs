//! The layers as one: a value a key, and where it came from.

use std::collections::BTreeMap;

use figment::Figment;
use figment::value::{Tag, Value};

use crate::origin::{Origin, Origins};
use crate::schema::{KEYS, Shape};
use crate::setting::{Setting, entry_path};

pub(crate) struct Merged(Figment);

impl Merged {
    /// Later settings win.
    pub(crate) fn new(settings: impl IntoIterator<Item = Setting>) -> Self {
        let merged = settings.into_iter().fold(Figment::new(), Figment::merge);
        Self(merged)
    }

    pub(crate) fn text(&self, key: &str) -> Option<(String, Origin)> {
        let value = self.0.find_value(key).ok()?;
        let origin = self.origin(value.tag());
        Some((value.into_string()?, origin))
    }

    pub(crate) fn list(&self, key: &str) -> Option<(Vec<String>, Origin)> {
        let value = self.0.find_value(key).ok()?;
        let origin = self.origin(value.tag());
        let items = value.into_array()?.into_iter();
        Some((items.filter_map(Value::into_string).collect(), origin))
    }

    pub(crate) fn table(&self, key: &str) -> BTreeMap<String, (String, Origin)> {
        let value = self.0.find_value(key).ok();
        let entries = value.and_then(Value::into_dict).unwrap_or_default();
        entries
            .into_iter()
            .filter_map(|(entry, value)| {
                let origin = self.origin(value.tag());
                Some((entry, (value.into_string()?, origin)))
            })
            .collect()
    }

    fn origin(&self, tag: Tag) -> Origin {
        let metadata = self.0.get_metadata(tag);
        metadata.map_or(Origin::DEFAULT, |metadata| {
            Origin::from_text(metadata.name.clone())
        })
    }

    pub(crate) fn origins(&self) -> Origins {
        let mut origins = Origins::default();
        for key in &KEYS {
            if key.shape == Shape::Table {
                for (entry, (_, origin)) in self.table(key.path) {
                    origins.insert(entry_path(key.path, &entry), origin);
                }
            } else if let Ok(value) = self.0.find_value(key.path) {
                origins.insert(key.path.to_owned(), self.origin(value.tag()));
            }
        }
        origins
    }
}
