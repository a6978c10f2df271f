//! What was acknowledged at a revision is what that revision did, and every
//! node has come at least that far in the end.

use super::{Invariant, Record};
use crate::checkers::claims::Holding;
use crate::history::{Action, Answer, Object, Operation};
use crate::journal::Journal;

#[derive(Debug)]
pub(super) struct NothingLost;

impl Invariant for NothingLost {
    fn name(&self) -> &'static str {
        "nothing acknowledged lost"
    }

    fn conclude(&mut self, record: &Record<'_>) -> Result<(), String> {
        let mut highest = 0;
        for operation in record.history.operations() {
            let Some((_, revision, answer)) = operation.answered() else {
                continue;
            };
            highest = highest.max(revision);
            if !is_in_journal(record.journal, operation, revision, answer) {
                return Err(format!("{operation:?} is not what revision {revision} did"));
            }
        }
        // Who has not caught up breaks the promise of progress, not this one.
        if record.recovery.is_none() {
            return Ok(());
        }
        match record
            .finals
            .iter()
            .find(|(_, revision)| *revision < highest)
        {
            Some((node, revision)) => Err(format!(
                "revision {highest} was acknowledged, node {node} ends at {revision}"
            )),
            None => Ok(()),
        }
    }
}

fn is_in_journal(journal: &Journal, operation: &Operation, revision: u64, answer: Answer) -> bool {
    match (operation.action, answer) {
        // Setting what is set already changes nothing and leaves no trace.
        (Action::Write(object @ (Object::Setting(_) | Object::Retained(_)), Some(value)), _) => {
            journal.was_set_at(object, Some(value), revision)
        }
        (Action::Claim { client, .. }, Answer::Claimed(epoch)) => {
            epoch == revision
                && journal.holder_at(client, revision)
                    == Some(Holding {
                        life: operation.life,
                        epoch,
                    })
        }
        _ => true,
    }
}
