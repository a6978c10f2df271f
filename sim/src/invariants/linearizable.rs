//! Reads, writes and claims look as if one copy had served them one by one.

use super::{Invariant, Record};
use crate::checkers::register::Register;
use crate::checkers::revision;
use crate::checkers::wgl::{self, Verdict};

/// Steps of the search for one key; far beyond what the workload's keys need.
const BUDGET: usize = 2_000_000;

#[derive(Debug)]
pub(super) struct Linearizable;

impl Invariant for Linearizable {
    fn name(&self) -> &'static str {
        "linearizable"
    }

    fn conclude(&mut self, record: &Record<'_>) -> Result<(), String> {
        revision::check(record.history, record.journal)?;
        for (object, spans) in record.history.registers() {
            let verdict = wgl::check(&Register, &spans, BUDGET);
            accept(verdict).map_err(|detail| format!("{object:?}: {detail}"))?;
        }
        for (client, (specification, spans)) in record.history.claims() {
            let verdict = wgl::check(&specification, &spans, BUDGET);
            accept(verdict).map_err(|detail| format!("client {client}: {detail}"))?;
        }
        Ok(())
    }
}

/// A search that was given up would be a check that nobody notices missing:
/// the workload has to keep its objects small enough.
fn accept(verdict: Verdict) -> Result<(), String> {
    match verdict {
        Verdict::Linearizable => Ok(()),
        Verdict::Violation(story) => Err(story),
        Verdict::Exhausted => Err(format!("undecided after {BUDGET} steps")),
    }
}
