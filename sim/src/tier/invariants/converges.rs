//! Once the faults are over, every machine comes to where it is wanted, and
//! nothing stays half done, within a bound.

use std::time::Duration;

use super::{Invariant, Record};
use crate::tier::event::Event;

/// An answer to a candidate may take 20 s and a decision to leave as long; a
/// peer that refused is asked again after 15 s.
pub const BOUND: Duration = Duration::from_secs(90);

#[derive(Debug)]
pub(super) struct Converges;

impl Invariant for Converges {
    fn name(&self) -> &'static str {
        "everything settles"
    }

    fn observe(&mut self, _: &Event) -> Result<(), String> {
        Ok(())
    }

    fn conclude(&mut self, record: &Record) -> Result<(), String> {
        match record.settled {
            Some(_) => Ok(()),
            None => Err(format!(
                "{BOUND:?} after the faults: {}",
                record.unsettled.join("; ")
            )),
        }
    }
}
