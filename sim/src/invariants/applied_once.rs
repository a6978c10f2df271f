//! A command that was sent again because its answer was lost takes effect once.
//! Every value is written by one operation, so it may be set only once.

use std::collections::BTreeMap;

use super::{Invariant, Record};
use crate::history::Object;

#[derive(Debug)]
pub(super) struct AppliedOnce;

impl Invariant for AppliedOnce {
    fn name(&self) -> &'static str {
        "nothing applied twice"
    }

    fn conclude(&mut self, record: &Record<'_>) -> Result<(), String> {
        for (object, writes) in record.journal.registers() {
            if !matches!(object, Object::Setting(_) | Object::Retained(_)) {
                continue;
            }
            let mut seen = BTreeMap::new();
            for (revision, value) in writes {
                let Some(value) = value else { continue };
                if let Some(first) = seen.insert(value, revision) {
                    return Err(format!(
                        "{object:?} was set to {value} at revision {first} and again at {revision}"
                    ));
                }
            }
        }
        Ok(())
    }
}
