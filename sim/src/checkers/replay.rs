//! What the operations leave behind in the end, told from their answers alone.
//!
//! The acknowledged ones are replayed in the order of their revisions. Those of
//! one revision went in one entry, in an order that no client knows: each may
//! have been the last. One without an answer may have come after all others.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::{Holding, Life};
use crate::history::{Action, Answer, History, Object, Operation, Outcome};
use crate::journal::Journal;

#[derive(Debug)]
pub struct Replay<'a> {
    journal: &'a Journal,
    /// By object and revision, what was acknowledged there.
    effects: BTreeMap<Object, BTreeMap<u64, BTreeSet<Answer>>>,
    /// By node, the newest life that was acknowledged to have begun.
    newest: BTreeMap<u64, u64>,
    /// Clients and the epochs that were granted to acknowledged claims.
    granted: BTreeSet<(u32, u64)>,
    unanswered: Vec<&'a Operation>,
}

impl<'a> Replay<'a> {
    pub fn new(history: &'a History, journal: &'a Journal) -> Self {
        let mut replay = Self {
            journal,
            effects: BTreeMap::new(),
            newest: BTreeMap::new(),
            granted: BTreeSet::new(),
            unanswered: Vec::new(),
        };
        for operation in history.operations() {
            match (operation.answered(), operation.outcome) {
                (Some((_, revision, answer)), _) => replay.add(operation, revision, answer),
                (None, Outcome::Failed { .. }) => {}
                (None, _) => replay.unanswered.push(operation),
            }
        }
        replay
    }

    /// Whether a core may hold this in the end.
    pub fn allows(&self, object: Object, value: Answer) -> bool {
        if self.certain(object).contains(&value) {
            return true;
        }
        let last = self.last(object).map_or(0, |(revision, _)| revision);
        let mut unanswered = self.unanswered.iter();
        unanswered.any(|operation| self.may_leave(operation, object, value, last))
    }

    /// What the acknowledged operations leave, were they the only ones.
    pub fn certain(&self, object: Object) -> BTreeSet<Answer> {
        let last = self.last(object).map(|(_, values)| values.clone());
        let values = last.unwrap_or_else(|| [nothing(object)].into());
        let values = values.into_iter();
        values.map(|value| self.expire(value, object)).collect()
    }

    /// The last revision that did something to the object, and what.
    fn last(&self, object: Object) -> Option<(u64, &BTreeSet<Answer>)> {
        let (revision, values) = self.effects.get(&object)?.last_key_value()?;
        Some((*revision, values))
    }

    fn add(&mut self, operation: &Operation, revision: u64, answer: Answer) {
        let life = operation.life;
        let effect = match (operation.action, answer) {
            (Action::Write(object, value), Answer::Done) => Some((object, Answer::Value(value))),
            (Action::Claim { client, .. }, Answer::Claimed(epoch)) => {
                self.granted.insert((client, epoch));
                let holding = Holding { life, epoch };
                Some((Object::Client(client), Answer::Holder(Some(holding))))
            }
            (Action::Release { client, .. }, Answer::Done) => {
                Some((Object::Client(client), Answer::Holder(None)))
            }
            (Action::Announce, Answer::Done) => {
                let newest = self.newest.entry(life.node).or_default();
                *newest = life.incarnation.max(*newest);
                None
            }
            _ => None,
        };
        if let Some((object, value)) = effect {
            let revisions = self.effects.entry(object).or_default();
            revisions.entry(revision).or_default().insert(value);
        }
    }

    /// What a life held is gone once a later one of its node has begun.
    fn expire(&self, value: Answer, object: Object) -> Answer {
        let is_over = life_of(object, value).is_some_and(|life| self.has_ended(life));
        if is_over { nothing(object) } else { value }
    }

    fn has_ended(&self, life: Life) -> bool {
        let newest = self.newest.get(&life.node);
        newest.is_some_and(|newest| *newest > life.incarnation)
    }

    /// Whether the operation, if it came last, leaves this value. One that took
    /// effect in an entry before that of the last acknowledged one did not.
    fn may_leave(&self, operation: &Operation, object: Object, value: Answer, last: u64) -> bool {
        if self.expire(value, object) != value {
            return false;
        }
        let life = operation.life;
        match (operation.action, object) {
            (Action::Write(written, Some(number)), _) => {
                written == object
                    && value == Answer::Value(Some(number))
                    && !self.is_over(object, number, last)
            }
            (Action::Write(written, None), _) => written == object && value == nothing(object),
            (Action::Claim { client, .. }, Object::Client(wanted)) => {
                client == wanted
                    && match value {
                        Answer::Holder(Some(holding)) => {
                            holding.life == life && !self.granted.contains(&(client, holding.epoch))
                        }
                        // It took the client from the last one that was told so,
                        // and lost it with its life.
                        _ => self.has_ended(life),
                    }
            }
            (Action::Release { client, .. }, Object::Client(other)) => {
                client == other && value == nothing(object)
            }
            (Action::Announce, Object::Route(_, node)) => {
                node == life.node && value == nothing(object)
            }
            (Action::Announce, Object::Client(client)) => {
                value == nothing(object) && self.may_hold(client, life.node)
            }
            _ => false,
        }
    }

    /// Whether a life of the node may be the last that held the client.
    fn may_hold(&self, client: u32, node: u64) -> bool {
        let last = self.last(Object::Client(client));
        let was_told = last.is_some_and(|(_, holders)| {
            let lives = holders
                .iter()
                .filter_map(|holder| life_of(Object::Client(client), *holder));
            lives.into_iter().any(|life| life.node == node)
        });
        was_told
            || self.unanswered.iter().any(|operation| {
                operation.life.node == node
                    && matches!(operation.action, Action::Claim { client: claimed, .. } if claimed == client)
            })
    }

    /// Whether the object had this value already, which it can have but once.
    fn is_over(&self, object: Object, value: u64, last: u64) -> bool {
        matches!(object, Object::Setting(_) | Object::Retained(_))
            && self.journal.was_set_before(object, value, last)
    }
}

fn nothing(object: Object) -> Answer {
    match object {
        Object::Client(_) => Answer::Holder(None),
        Object::Setting(_) | Object::Retained(_) | Object::Route(..) => Answer::Value(None),
    }
}

/// The life that holds the object, if it belongs to one.
fn life_of(object: Object, value: Answer) -> Option<Life> {
    match (object, value) {
        (Object::Route(_, node), Answer::Value(Some(incarnation))) => {
            Some(Life { node, incarnation })
        }
        (_, Answer::Holder(holding)) => holding.map(|holding| holding.life),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use quorate_model::change::Change;

    use super::*;
    use crate::event::Step;
    use crate::names;

    const SETTING: Object = Object::Setting(0);
    const ROUTE: Object = Object::Route(0, 1);
    const CLIENT: Object = Object::Client(0);
    const CLAIM: Action = Action::Claim {
        client: 0,
        expected: None,
    };

    const fn life(node: u64, incarnation: u64) -> Life {
        Life { node, incarnation }
    }

    const FIRST: Life = life(1, 1);
    const SECOND: Life = life(1, 2);
    const OTHER: Life = life(2, 1);

    /// Who asked, what for, and what it was told, if anything.
    type Asked = (Life, Action, Option<(u64, Answer)>);

    fn allows(operations: &[Asked], object: Object, value: Answer) -> bool {
        allows_after(&Journal::default(), operations, object, value)
    }

    fn allows_after(
        journal: &Journal,
        operations: &[Asked],
        object: Object,
        value: Answer,
    ) -> bool {
        let mut history = History::default();
        for (life, action, answer) in operations.iter().copied() {
            let id = history.invoke(life, 0, action);
            let outcome = answer.map_or(Outcome::Unknown { at: 1 }, |(revision, answer)| {
                Outcome::Answered {
                    at: 1,
                    revision,
                    answer,
                }
            });
            history.complete(id, outcome);
        }
        Replay::new(&history, journal).allows(object, value)
    }

    /// The revisions at which the setting was set, and what to.
    fn journal(writes: &[(u64, u64)]) -> Journal {
        let mut journal = Journal::default();
        for (revision, value) in writes {
            let set = Change::SettingSet {
                key: names::setting(0),
                value: value.to_string(),
            };
            journal.record(&Step {
                revision: *revision,
                chain: 0,
                digest: 0,
                view: 0,
                changes: vec![set],
                outcomes: Vec::new(),
                holders: Vec::new(),
            });
        }
        journal
    }

    fn done(revision: u64) -> Option<(u64, Answer)> {
        Some((revision, Answer::Done))
    }

    fn held(life: Life, epoch: u64) -> Answer {
        Answer::Holder(Some(Holding { life, epoch }))
    }

    #[test]
    fn the_last_acknowledged_write_stays() {
        let writes = [
            (FIRST, Action::Write(SETTING, Some(8)), done(8)),
            (FIRST, Action::Write(SETTING, Some(7)), done(7)),
        ];
        assert!(allows(&writes, SETTING, Answer::Value(Some(8))));
        assert!(!allows(&writes, SETTING, Answer::Value(Some(7))));
        assert!(!allows(&writes, SETTING, Answer::Value(None)));
    }

    #[test]
    fn an_acknowledged_removal_stays() {
        let writes = [
            (FIRST, Action::Write(ROUTE, Some(1)), done(3)),
            (FIRST, Action::Write(ROUTE, None), done(4)),
        ];
        assert!(allows(&writes, ROUTE, Answer::Value(None)));
        assert!(!allows(&writes, ROUTE, Answer::Value(Some(1))));
    }

    #[test]
    fn an_unanswered_write_may_come_last() {
        let writes = [
            (FIRST, Action::Write(SETTING, Some(8)), done(8)),
            (FIRST, Action::Write(SETTING, Some(9)), None),
        ];
        for value in [8, 9] {
            assert!(allows(&writes, SETTING, Answer::Value(Some(value))));
        }
        assert!(!allows(&writes, SETTING, Answer::Value(None)));
    }

    #[test]
    fn an_unanswered_write_of_an_earlier_entry_is_over() {
        let writes = [
            (FIRST, Action::Write(SETTING, Some(8)), done(8)),
            (FIRST, Action::Write(SETTING, Some(9)), None),
        ];
        let left = Answer::Value(Some(9));
        for (revision, is_allowed) in [(7, false), (8, true), (9, true)] {
            let journal = journal(&[(revision, 9)]);
            assert_eq!(allows_after(&journal, &writes, SETTING, left), is_allowed);
        }
    }

    #[test]
    fn a_released_claim_is_free() {
        let release = Action::Release {
            client: 0,
            epoch: 5,
        };
        let claim = (FIRST, CLAIM, Some((5, Answer::Claimed(5))));
        assert!(allows(&[claim], CLIENT, held(FIRST, 5)));
        assert!(!allows(&[claim], CLIENT, Answer::Holder(None)));
        let claims = [claim, (FIRST, release, done(6))];
        assert!(allows(&claims, CLIENT, Answer::Holder(None)));
        assert!(!allows(&claims, CLIENT, held(FIRST, 5)));
        let claims = [claim, (FIRST, release, done(6)), (FIRST, CLAIM, None)];
        assert!(allows(&claims, CLIENT, held(FIRST, 9)));
        assert!(!allows(&claims, CLIENT, held(FIRST, 5)));
    }

    #[test]
    fn a_new_life_holds_nothing_of_the_old() {
        let operations = [
            (FIRST, Action::Write(ROUTE, Some(1)), done(3)),
            (FIRST, CLAIM, Some((4, Answer::Claimed(4)))),
            (SECOND, Action::Announce, done(5)),
        ];
        assert!(allows(&operations, ROUTE, Answer::Value(None)));
        assert!(!allows(&operations, ROUTE, Answer::Value(Some(1))));
        assert!(allows(&operations, CLIENT, Answer::Holder(None)));
        assert!(!allows(&operations, CLIENT, held(FIRST, 4)));
    }

    #[test]
    fn an_unanswered_claim_may_end_with_its_life() {
        let taken = Action::Claim {
            client: 0,
            expected: Some(4),
        };
        let claims = [
            (FIRST, CLAIM, Some((4, Answer::Claimed(4)))),
            (OTHER, taken, None),
        ];
        assert!(!allows(&claims, CLIENT, Answer::Holder(None)));
        let new_life = (life(2, 2), Action::Announce, done(5));
        let ended = [claims[0], claims[1], new_life];
        assert!(allows(&ended, CLIENT, Answer::Holder(None)));
        assert!(allows(&ended, CLIENT, held(FIRST, 4)));
        assert!(!allows(&ended, CLIENT, held(OTHER, 6)));
        assert!(!allows(
            &[claims[0], new_life],
            CLIENT,
            Answer::Holder(None)
        ));
    }
}
