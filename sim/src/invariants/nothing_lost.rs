//! What was acknowledged at a revision is what that revision did; every node has
//! come at least that far in the end, and holds what the acknowledged operations
//! leave behind.

use super::{Final, Invariant, Record};
use crate::checkers::claims::Holding;
use crate::checkers::replay::Replay;
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
        let behind = record.finals.iter().find(|end| end.revision < highest);
        if let Some(end) = behind {
            return Err(format!(
                "revision {highest} was acknowledged, node {} ends at {}",
                end.node, end.revision
            ));
        }
        let replay = Replay::new(record.history, record.journal);
        let mut finals = record.finals.iter();
        finals.try_for_each(|end| holds_the_replay(&replay, end))
    }
}

fn holds_the_replay(replay: &Replay<'_>, end: &Final) -> Result<(), String> {
    for (object, value) in &end.values {
        if !replay.allows(*object, *value) {
            return Err(format!(
                "node {} ends with {value:?} for {object:?}, the acknowledged operations leave {:?}",
                end.node,
                replay.certain(*object)
            ));
        }
    }
    Ok(())
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
