//! The first check: every reply carries the revision it was made at.
//!
//! Reads must equal the replay of the journal at their revision, and revisions
//! must grow with real time: what begins after another operation ended is
//! placed behind it.

use crate::history::{Action, Answer, History, Object, Operation};
use crate::journal::Journal;

pub fn check(history: &History, journal: &Journal) -> Result<(), String> {
    for operation in history.operations() {
        reads_the_replay(operation, journal)?;
    }
    follows_real_time(history)
}

fn reads_the_replay(operation: &Operation, journal: &Journal) -> Result<(), String> {
    let (Action::Read(object) | Action::ReadStale(object)) = operation.action else {
        return Ok(());
    };
    let Some((_, revision, answer)) = operation.answered() else {
        return Ok(());
    };
    let expected = match object {
        Object::Client(client) => Answer::Holder(journal.holder_at(client, revision)),
        Object::Setting(_) | Object::Retained(_) | Object::Route(..) => {
            Answer::Value(journal.value_at(object, revision))
        }
    };
    if answer == expected {
        return Ok(());
    }
    Err(format!("{operation:?} should have read {expected:?}"))
}

fn follows_real_time(history: &History) -> Result<(), String> {
    let mut ended: Vec<(u64, &Operation)> = history
        .operations()
        .iter()
        .filter(|operation| !matches!(operation.action, Action::ReadStale(_)))
        .filter_map(|operation| Some((operation.answered()?.0, operation)))
        .collect();
    let mut begun: Vec<&Operation> = ended.iter().map(|(_, operation)| *operation).collect();
    ended.sort_by_key(|(at, _)| *at);
    begun.sort_by_key(|operation| operation.invoked);

    let mut ended = ended.into_iter().peekable();
    let mut highest: Option<(u64, &Operation)> = None;
    for operation in begun {
        while let Some((_, earlier)) = ended.next_if(|(at, _)| *at < operation.invoked) {
            let revision = revision_of(earlier);
            if highest.is_none_or(|(highest, _)| revision > highest) {
                highest = Some((revision, earlier));
            }
        }
        let Some((revision, earlier)) = highest else {
            continue;
        };
        // A write makes an entry of its own, behind everything it followed.
        let lowest = revision + u64::from(!operation.is_read());
        if revision_of(operation) < lowest {
            return Err(format!(
                "{operation:?} began after {earlier:?} had ended, at revision {lowest} or later"
            ));
        }
    }
    Ok(())
}

fn revision_of(operation: &Operation) -> u64 {
    operation.answered().map_or(0, |(_, revision, _)| revision)
}

#[cfg(test)]
mod tests {
    use quorate_model::change::Change;

    use super::*;
    use crate::checkers::claims::Life;
    use crate::event::Step;
    use crate::history::Outcome;

    const LIFE: Life = Life {
        node: 1,
        incarnation: 1,
    };
    const OBJECT: Object = Object::Setting(0);

    /// Revisions 1 and 2 set the values 1 and 2.
    fn journal() -> Journal {
        let mut journal = Journal::default();
        for revision in 1..=2 {
            journal.record(&Step {
                revision,
                chain: 0,
                digest: 0,
                view: 0,
                changes: vec![Change::SettingSet {
                    key: crate::names::setting(0),
                    value: revision.to_string(),
                }],
                outcomes: Vec::new(),
                holders: Vec::new(),
            });
        }
        journal
    }

    fn history(operations: &[(u64, u64, Action, u64, Answer)]) -> History {
        let mut history = History::default();
        for (invoked, at, action, revision, answer) in operations.iter().copied() {
            let id = history.invoke(LIFE, invoked, action);
            let outcome = Outcome::Answered {
                at,
                revision,
                answer,
            };
            history.complete(id, outcome);
        }
        history
    }

    fn write(invoked: u64, value: u64) -> (u64, u64, Action, u64, Answer) {
        let action = Action::Write(OBJECT, Some(value));
        (invoked, invoked + 1, action, value, Answer::Done)
    }

    fn read(invoked: u64, revision: u64, value: u64) -> (u64, u64, Action, u64, Answer) {
        let answer = Answer::Value(Some(value));
        (invoked, invoked + 1, Action::Read(OBJECT), revision, answer)
    }

    #[test]
    fn good_histories_pass() {
        let good = history(&[write(0, 1), read(2, 1, 1), write(4, 2), read(4, 1, 1)]);
        assert_eq!(check(&good, &journal()), Ok(()));
    }

    #[test]
    fn a_read_of_something_else_than_the_replay_is_refused() {
        let wrong = history(&[read(0, 1, 2)]);
        assert!(check(&wrong, &journal()).is_err());
    }

    #[test]
    fn revisions_against_real_time_are_refused() {
        let stale_read = history(&[write(0, 1), write(2, 2), read(4, 1, 1)]);
        let unordered_writes = history(&[write(0, 2), write(2, 1)]);
        let shared_revision = history(&[write(0, 1), write(2, 1)]);
        for bad in [stale_read, unordered_writes, shared_revision] {
            assert!(check(&bad, &journal()).is_err());
        }
    }
}
