//! Within one life a node applies every revision, one after the other, and a
//! snapshot never takes it back.

use std::collections::BTreeMap;

use super::Invariant;
use crate::event::{Event, Observation};

#[derive(Debug, Default)]
pub(super) struct AppliedInOrder {
    last: BTreeMap<u64, u64>,
}

impl Invariant for AppliedInOrder {
    fn name(&self) -> &'static str {
        "applied in order"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        match &event.what {
            Observation::Started { .. } => {
                self.last.remove(&event.node);
                Ok(())
            }
            Observation::Applied(step) => {
                let last = self.last.insert(event.node, step.revision);
                let expected = last.map_or(0, |last| last + 1);
                if step.revision == expected {
                    Ok(())
                } else {
                    Err(format!(
                        "applied revision {} instead of {expected}",
                        step.revision
                    ))
                }
            }
            Observation::Restored(step) => {
                let last = self.last.insert(event.node, step.revision);
                match last {
                    Some(last) if step.revision < last => Err(format!(
                        "went back from revision {last} to a snapshot of {}",
                        step.revision
                    )),
                    Some(_) | None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}
