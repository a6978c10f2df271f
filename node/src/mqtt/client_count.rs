//! How many clients the broker of a node has.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use quorate_broker::Metrics;

#[derive(Clone, Debug, Default)]
pub(crate) struct ClientCount(Arc<OnceLock<Arc<Metrics>>>);

impl ClientCount {
    /// From now on the broker says it.
    pub(super) fn follow(&self, metrics: &Arc<Metrics>) {
        // A process has one broker at most.
        let _ = self.0.set(Arc::clone(metrics));
    }

    /// None where there is no broker, or not yet.
    pub(crate) fn now(&self) -> Option<u64> {
        let metrics = self.0.get()?;
        Some(metrics.clients.load(Ordering::Relaxed) as u64)
    }
}
