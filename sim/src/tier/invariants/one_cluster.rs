//! Only one cluster ever has more than one member: nobody is led astray.

use quorate_model::ids::ClusterId;

use super::Invariant;
use crate::tier::event::{Event, Observation};

#[derive(Debug, Default)]
pub(super) struct OneCluster {
    shared: Option<ClusterId>,
}

impl Invariant for OneCluster {
    fn name(&self) -> &'static str {
        "one cluster"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        let Observation::Applied(step) = &event.what else {
            return Ok(());
        };
        if step.members.len() < 2 {
            return Ok(());
        }
        let shared = *self.shared.get_or_insert(step.cluster);
        if shared == step.cluster {
            return Ok(());
        }
        Err(format!(
            "{} has several members, and so has {shared}",
            step.cluster
        ))
    }
}
