//! Equal revisions of one cluster mean equal states.

use std::collections::BTreeMap;

use quorate_model::ids::ClusterId;

use super::{Invariant, Record};
use crate::tier::event::{Event, Observation};

#[derive(Debug, Default)]
pub(super) struct DigestsEqual {
    digests: BTreeMap<(ClusterId, u64), (u128, u64)>,
}

impl Invariant for DigestsEqual {
    fn name(&self) -> &'static str {
        "digests equal"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        let Observation::Applied(step) = &event.what else {
            return Ok(());
        };
        let at = (step.cluster, step.revision);
        let (digest, witness) = *self
            .digests
            .entry(at)
            .or_insert((step.digest, event.machine));
        if digest == step.digest {
            return Ok(());
        }
        Err(format!(
            "at revision {} its state is {:032x}, machine {witness} has {digest:032x}",
            step.revision, step.digest
        ))
    }

    fn conclude(&mut self, record: &Record) -> Result<(), String> {
        for end in &record.finals {
            let known = self.digests.get(&(end.cluster, end.revision));
            if let Some((digest, witness)) = known.filter(|(digest, _)| *digest != end.digest) {
                return Err(format!(
                    "machine {} ends with {:032x} at revision {}, machine {witness} had {digest:032x}",
                    end.machine, end.digest, end.revision
                ));
            }
        }
        Ok(())
    }
}
