//! Who is told of every step of the replicated state.

use quorate_model::reply::Applied;
use quorate_model::state::ClusterState;

/// Called in revision order, under the state's write lock: it must be quick
/// and must not call back into the core.
pub trait ApplyObserver: Send + Sync + 'static {
    /// `applied` is none for an entry that is no batch (blank, membership).
    fn applied(&self, state: &ClusterState, applied: Option<&Applied>);

    /// The state was replaced by a snapshot's.
    fn restored(&self, state: &ClusterState);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl ApplyObserver for NoObserver {
    fn applied(&self, _: &ClusterState, _: Option<&Applied>) {}

    fn restored(&self, _: &ClusterState) {}
}
