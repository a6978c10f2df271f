//! The layers as one: a value a key, and where it came from.

use std::collections::BTreeMap;

use figment::Figment;
use figment::value::{Tag, Value};

use crate::origin::{Origin, Origins};
use crate::setting::Setting;

pub(crate) struct Merged {
    values: Figment,
    origins: Origins,
}

impl Merged {
    /// Later settings win. A section that was named is there, even if
    /// nothing is set in it but what `settings` bring as its defaults.
    pub(crate) fn new(
        settings: impl IntoIterator<Item = Setting>,
        named: BTreeMap<String, Origin>,
    ) -> Self {
        let mut merged = Self {
            values: Figment::new(),
            origins: Origins::default(),
        };
        for (section, origin) in named {
            merged.origins.insert(section, origin);
        }
        for setting in settings {
            let origin = setting.origin().clone();
            merged.origins.insert(setting.path(), origin);
            merged.values = merged.values.merge(setting);
        }
        merged
    }

    pub(crate) fn text(&self, key: &str) -> Option<(String, Origin)> {
        let value = self.values.find_value(key).ok()?;
        let origin = self.origin(value.tag());
        Some((value.into_string()?, origin))
    }

    pub(crate) fn list(&self, key: &str) -> Option<(Vec<String>, Origin)> {
        let value = self.values.find_value(key).ok()?;
        let origin = self.origin(value.tag());
        let items = value.into_array()?.into_iter();
        Some((items.filter_map(Value::into_string).collect(), origin))
    }

    pub(crate) fn table(&self, key: &str) -> BTreeMap<String, (String, Origin)> {
        let value = self.values.find_value(key).ok();
        let entries = value.and_then(Value::into_dict).unwrap_or_default();
        entries
            .into_iter()
            .filter_map(|(entry, value)| {
                let origin = self.origin(value.tag());
                Some((entry, (value.into_string()?, origin)))
            })
            .collect()
    }

    /// Of the sections below this one.
    pub(crate) fn names(&self, section: &str) -> Vec<String> {
        let value = self.values.find_value(section).ok();
        let below = value.and_then(Value::into_dict).unwrap_or_default();
        below.into_keys().collect()
    }

    fn origin(&self, tag: Tag) -> Origin {
        let metadata = self.values.get_metadata(tag);
        metadata.map_or(Origin::DEFAULT, |metadata| {
            Origin::from_text(metadata.name.clone())
        })
    }

    /// Of all values, and of the sections that the user has named.
    pub(crate) fn origins(&self) -> &Origins {
        &self.origins
    }
}
