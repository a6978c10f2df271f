//! A core's token admits one node, however many show it.

use std::collections::BTreeMap;

use quorate_model::candidate::Admission;
use quorate_model::event::EventKind;
use quorate_model::ids::{NodeId, TokenId};

use super::Invariant;
use crate::tier::event::{Event, Observation};

#[derive(Debug, Default)]
pub(super) struct OneNodeAToken {
    admitted: BTreeMap<TokenId, NodeId>,
}

impl Invariant for OneNodeAToken {
    fn name(&self) -> &'static str {
        "one node a token"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        let Observation::Applied(step) = &event.what else {
            return Ok(());
        };
        for entry in &step.log {
            let EventKind::Admitted {
                node,
                admission: Admission::Token(token),
                ..
            } = entry
            else {
                continue;
            };
            let first = *self.admitted.entry(*token).or_insert(*node);
            if first != *node {
                return Err(format!("token {token} admitted {first} and {node}"));
            }
        }
        Ok(())
    }
}
