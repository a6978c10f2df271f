//! One replicated value that clients write, remove and read.

use super::Specification;

/// Starts without a value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Register;

/// Values are numbers that no two writes of a run share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterStep {
    /// `None` removes the value.
    Write(Option<u64>),
    Read(Option<u64>),
    /// Removes a value below this one: a node's new incarnation drops the
    /// routes of its earlier ones.
    Expire(u64),
}

impl Specification for Register {
    type State = Option<u64>;
    type Step = RegisterStep;

    fn initial(&self) -> Self::State {
        None
    }

    fn apply(&self, state: &Self::State, step: &Self::Step) -> Option<Self::State> {
        match step {
            RegisterStep::Write(value) => Some(*value),
            RegisterStep::Expire(bound) => Some(state.filter(|value| value >= bound)),
            RegisterStep::Read(value) => (value == state).then_some(*state),
        }
    }
}
