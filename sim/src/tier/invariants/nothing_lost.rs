//! Every member of the cluster holds in the end what was acknowledged.

use quorate_model::ids::ClusterId;

use super::{Invariant, Record};
use crate::tier::event::{Event, Observation};

#[derive(Debug, Default)]
pub(super) struct NothingLost {
    written: Vec<(ClusterId, String, u64)>,
}

impl Invariant for NothingLost {
    fn name(&self) -> &'static str {
        "nothing acknowledged lost"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        if let Observation::Wrote {
            cluster,
            key,
            revision,
        } = &event.what
        {
            self.written.push((*cluster, key.clone(), *revision));
        }
        Ok(())
    }

    fn conclude(&mut self, record: &Record) -> Result<(), String> {
        // Who has not caught up breaks another promise.
        if record.settled.is_none() {
            return Ok(());
        }
        for (cluster, key, revision) in &self.written {
            for end in record.finals.iter().filter(|end| end.cluster == *cluster) {
                if !end.held.contains(key) {
                    return Err(format!(
                        "{key} was acknowledged at revision {revision} and is not at machine {}, \
                         which ends at {}",
                        end.machine, end.revision
                    ));
                }
            }
        }
        Ok(())
    }
}
