//! Planted bugs, to show that the simulator finds such bugs.

/// One bug; a node runs with at most one, chosen when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// The store acknowledges a write before it is synced.
    AckBeforeSync,
    /// The store acknowledges a vote without writing it.
    ForgetVote,
    /// A linearizable read answers from local state.
    StaleRead,
    /// `apply` consults something that differs between nodes.
    NondeterministicApply,
    /// A retried request is applied again.
    NoDeduplication,
    /// A claim succeeds whatever epoch was expected.
    ClaimWithoutCompare,
    /// A snapshot says that it holds one entry more than it does.
    SnapshotOffByOne,
}

impl Mutant {
    pub const ALL: [Self; 7] = [
        Self::AckBeforeSync,
        Self::ForgetVote,
        Self::StaleRead,
        Self::NondeterministicApply,
        Self::NoDeduplication,
        Self::ClaimWithoutCompare,
        Self::SnapshotOffByOne,
    ];
}
