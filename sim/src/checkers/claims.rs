//! The claim of one client: a compare-and-set whose version is its epoch.

use std::collections::BTreeSet;

use super::Specification;

/// Starts unclaimed. `granted` are all epochs that some client was told it got:
/// an epoch outside of it, when seen, comes from a claim that was never answered.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    pub granted: BTreeSet<u64>,
}

/// A life of a node, as a claim holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Life {
    pub node: u64,
    pub incarnation: u64,
}

/// Who holds the claim, as a reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holding {
    pub life: Life,
    pub epoch: u64,
}

/// The epoch is `None` while only its unanswered claim is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Holder {
    life: Life,
    epoch: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimsStep {
    Claim {
        life: Life,
        expected: Option<u64>,
        answer: Option<ClaimAnswer>,
    },
    /// Only the node that holds the claim can end it.
    Release {
        node: u64,
        epoch: u64,
        answer: Option<ReleaseAnswer>,
    },
    Read(Option<Holding>),
    /// A new life of the node begins: what its earlier lives held is free.
    Announce(Life),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimAnswer {
    Granted(u64),
    /// Another epoch than the expected one is current.
    Lost(Option<u64>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseAnswer {
    Released,
    Lost(Option<u64>),
}

type State = Option<Holder>;

impl Specification for Claims {
    type State = State;
    type Step = ClaimsStep;

    fn initial(&self) -> State {
        None
    }

    fn apply(&self, state: &State, step: &ClaimsStep) -> Option<State> {
        match *step {
            ClaimsStep::Claim {
                life,
                expected,
                answer,
            } => self.claim(*state, life, expected, answer),
            ClaimsStep::Release {
                node,
                epoch,
                answer,
            } => self.release(*state, node, epoch, answer),
            ClaimsStep::Read(seen) => match seen {
                None => state.is_none().then_some(None),
                Some(holding) => self
                    .at_epoch(*state, Some(holding.epoch))
                    .filter(|state| state.is_some_and(|holder| holder.life == holding.life)),
            },
            ClaimsStep::Announce(life) => Some(state.filter(|holder| {
                holder.life.node != life.node || holder.life.incarnation >= life.incarnation
            })),
        }
    }
}

impl Claims {
    fn claim(
        &self,
        state: State,
        life: Life,
        expected: Option<u64>,
        answer: Option<ClaimAnswer>,
    ) -> Option<State> {
        let matches = is_current(state, expected);
        let held_by = |epoch| Some(Holder { life, epoch });
        match answer {
            Some(ClaimAnswer::Granted(epoch)) => matches.then(|| held_by(Some(epoch))),
            Some(ClaimAnswer::Lost(current)) => {
                (current != expected).then(|| self.at_epoch(state, current))?
            }
            None if matches => Some(held_by(None)),
            None => Some(state),
        }
    }

    fn release(
        &self,
        state: State,
        node: u64,
        epoch: u64,
        answer: Option<ReleaseAnswer>,
    ) -> Option<State> {
        let is_holder = state.is_some_and(|holder| holder.life.node == node);
        let matches = is_holder && is_current(state, Some(epoch));
        match answer {
            Some(ReleaseAnswer::Released) => matches.then_some(None),
            Some(ReleaseAnswer::Lost(current)) => {
                (!matches).then(|| self.at_epoch(state, current))?
            }
            None if matches => Some(None),
            None => Some(state),
        }
    }

    /// The state after somebody saw that `epoch` is current, if it can be.
    fn at_epoch(&self, state: State, epoch: Option<u64>) -> Option<State> {
        match (state, epoch) {
            (None, None) => Some(None),
            (Some(holder), Some(seen)) => match holder.epoch {
                Some(known) => (known == seen).then_some(state),
                None => (!self.granted.contains(&seen)).then_some(Some(Holder {
                    epoch: Some(seen),
                    ..holder
                })),
            },
            (None, Some(_)) | (Some(_), None) => None,
        }
    }
}

/// A client can only expect an epoch that somebody saw before, and seeing it
/// made it known: an epoch that is still unknown is never the expected one.
fn is_current(state: State, expected: Option<u64>) -> bool {
    match (state, expected) {
        (None, None) => true,
        (Some(holder), Some(expected)) => holder.epoch == Some(expected),
        (None, Some(_)) | (Some(_), None) => false,
    }
}
