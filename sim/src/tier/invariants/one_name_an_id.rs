//! A node id belongs to one name, and to one machine, for ever; and a name to one
//! member at a time.

use std::collections::{BTreeMap, BTreeSet};

use quorate_model::ids::{ClusterId, NodeId};
use quorate_model::node_name::NodeName;

use super::Invariant;
use crate::tier::event::{Event, Observation, Step};

#[derive(Debug, Default)]
pub(super) struct OneNameAnId {
    names: BTreeMap<(ClusterId, NodeId), NodeName>,
    machines: BTreeMap<(ClusterId, NodeId), u64>,
}

impl Invariant for OneNameAnId {
    fn name(&self) -> &'static str {
        "one name an id"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        match &event.what {
            Observation::Applied(step) => self.check_members(step),
            Observation::Stands {
                cluster: Some(cluster),
                node: Some(node),
                ..
            } => {
                let owner = *self
                    .machines
                    .entry((*cluster, *node))
                    .or_insert(event.machine);
                if owner == event.machine {
                    return Ok(());
                }
                Err(format!(
                    "is node {node} of {cluster}, which machine {owner} is or was"
                ))
            }
            _ => Ok(()),
        }
    }
}

impl OneNameAnId {
    fn check_members(&mut self, step: &Step) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for seat in &step.members {
            let entry = self.names.entry((step.cluster, seat.id));
            let name = entry.or_insert_with(|| seat.name.clone());
            if *name != seat.name {
                return Err(format!("node {} was {name} and is {}", seat.id, seat.name));
            }
            if !seen.insert(&seat.name) {
                return Err(format!("two members are called {}", seat.name));
            }
        }
        Ok(())
    }
}
