//! Once the faults are over, every node writes and reads again, and all come to
//! the same revision, within a bound.

use std::time::Duration;

use super::{Invariant, Record};

/// Elections take at most a few seconds; a snapshot or a change of voters may
/// come on top of it.
pub const BOUND: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Progress;

impl Invariant for Progress {
    fn name(&self) -> &'static str {
        "progress after healing"
    }

    fn conclude(&mut self, record: &Record<'_>) -> Result<(), String> {
        match record.recovery {
            Some(recovery) if recovery <= BOUND => Ok(()),
            Some(_) | None => Err(format!(
                "not every node served and caught up within {BOUND:?} after the last fault; \
                 they end at revisions {:?}",
                record.revisions()
            )),
        }
    }
}
