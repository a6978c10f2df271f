//! Decides from a recorded history whether the cluster kept its promises.
//!
//! The revision check comes first: it is nearly linear and settles most cases
//! through the log index that every reply carries. The linearizability check
//! trusts nothing but the clients' own times and answers, key by key; it is
//! itself tested against the definition, spelled out by brute force.

pub mod claims;
pub mod register;
pub mod replay;
pub mod revision;
pub mod wgl;

#[cfg(test)]
mod definition;
#[cfg(test)]
mod definition_tests;

use std::fmt::Debug;
use std::hash::Hash;

/// What one copy of an object, used by one client at a time, would do.
pub trait Specification {
    type State: Clone + Eq + Hash + Debug;
    /// One operation together with what its client saw.
    type Step: Clone + Debug;

    fn initial(&self) -> Self::State;

    /// The state after `step`, or `None` if this answer was impossible here.
    fn apply(&self, state: &Self::State, step: &Self::Step) -> Option<Self::State>;
}

/// An operation and the time its client waited for it.
#[derive(Debug, Clone)]
pub struct Span<S> {
    pub invoked: u64,
    /// `None`: the client never learned whether it happened, so it may take
    /// effect at any later time, or never.
    pub completed: Option<u64>,
    pub step: S,
}

impl<S> Span<S> {
    /// Whether this one was over before the other began: the order that every
    /// explanation has to keep. Operations that touch in time are concurrent.
    pub fn precedes(&self, other: &Self) -> bool {
        self.completed
            .is_some_and(|completed| completed < other.invoked)
    }
}
