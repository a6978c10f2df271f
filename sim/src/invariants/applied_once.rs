//! A command that was sent again because its answer was lost takes effect once,
//! and its request is answered as it was the first time.
//!
//! Every change needs an operation that asked for it: one that was acknowledged
//! at this very revision, or one that was never answered. None serves twice.

use std::collections::BTreeMap;

use quorate_model::reply::Replies;

use super::{Invariant, Record};
use crate::event::{Event, Observation, Step};
use crate::history::{Action, History, Object, Outcome};

#[derive(Debug, Default)]
pub(super) struct AppliedOnce {
    /// By revision, what the requests that took effect there were answered.
    answers: BTreeMap<u64, Vec<Replies>>,
}

/// The operations that ask for one change of one object.
#[derive(Debug, Default)]
struct Causes {
    /// By revision.
    acknowledged: BTreeMap<u64, u64>,
    unanswered: u64,
}

impl Invariant for AppliedOnce {
    fn name(&self) -> &'static str {
        "nothing applied twice"
    }

    fn observe(&mut self, event: &Event) -> Result<(), String> {
        let Observation::Applied(step) = &event.what else {
            return Ok(());
        };
        self.answers
            .entry(step.revision)
            .or_insert_with(|| first_answers(step));
        for replies in step.repeated() {
            let first = self.answers.get(&replies.revision.get());
            if !first.is_some_and(|first| first.contains(replies)) {
                return Err(format!(
                    "at revision {} a request is answered again with {replies:?}, \
                     which it was not the first time",
                    step.revision
                ));
            }
        }
        Ok(())
    }

    fn conclude(&mut self, record: &Record<'_>) -> Result<(), String> {
        let mut causes = causes(record.history);
        for (object, changes) in record.journal.registers() {
            for (revision, value) in changes {
                let is_end_of_life = matches!(object, Object::Route(..)) && value.is_none();
                let cause = causes.entry((object, *value)).or_default();
                if !is_end_of_life && !cause.take(*revision) {
                    return Err(format!(
                        "no operation explains that revision {revision} set {object:?} to {value:?}"
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Causes {
    /// Uses up one operation; `false` if there is none.
    fn take(&mut self, revision: u64) -> bool {
        let acknowledged = self.acknowledged.entry(revision).or_default();
        let left = if *acknowledged > 0 {
            acknowledged
        } else {
            &mut self.unanswered
        };
        let is_left = *left > 0;
        *left = left.saturating_sub(1);
        is_left
    }
}

fn first_answers(step: &Step) -> Vec<Replies> {
    let granted = step.outcomes.iter().flatten();
    let first = granted.filter(|replies| replies.revision.get() == step.revision);
    first.cloned().collect()
}

fn causes(history: &History) -> BTreeMap<(Object, Option<u64>), Causes> {
    let mut causes: BTreeMap<_, Causes> = BTreeMap::new();
    for operation in history.operations() {
        let Action::Write(object, value) = operation.action else {
            continue;
        };
        let causes = causes.entry((object, value)).or_default();
        match operation.outcome {
            Outcome::Answered { revision, .. } => {
                *causes.acknowledged.entry(revision).or_default() += 1;
            }
            Outcome::Pending | Outcome::Unknown { .. } => causes.unanswered += 1,
            Outcome::Failed { .. } => {}
        }
    }
    causes
}
