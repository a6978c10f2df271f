//! What the broker of a node counts.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use quorate_broker::Metrics;

#[derive(Clone, Debug, Default)]
pub(crate) struct BrokerMetrics(Arc<OnceLock<Arc<Metrics>>>);

impl BrokerMetrics {
    /// From now on the broker says it.
    pub(super) fn follow(&self, metrics: &Arc<Metrics>) {
        // A process has one broker at most.
        let _ = self.0.set(Arc::clone(metrics));
    }

    /// None where there is no broker, or not yet.
    pub(crate) fn now(&self) -> Option<&Metrics> {
        self.0.get().map(|metrics| &**metrics)
    }

    /// Clients that have been let in.
    pub(crate) fn clients(&self) -> Option<u64> {
        Some(self.now()?.clients.load(Ordering::Relaxed) as u64)
    }
}
