//! What a broker counts.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use quorate_mqtt::session::DropReason;

#[derive(Debug, Default)]
pub struct Metrics {
    pub connections: AtomicUsize,
    /// Connections that have been let in.
    pub clients: AtomicUsize,
    pub sessions: AtomicUsize,
    pub(crate) reactors: AtomicUsize,
    /// Clients that did not show who they are.
    pub unauthenticated: AtomicU64,
    pub published: AtomicU64,
    pub delivered: AtomicU64,
    pub dropped_queue_full: AtomicU64,
    pub dropped_expired: AtomicU64,
    pub dropped_too_large: AtomicU64,
    /// Messages that were handed out and could not be kept for later subscribers.
    pub not_retained: AtomicU64,
}

/// What one reactor has counted in a turn: many messages, and one look at what all
/// reactors count together.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) published: u64,
    pub(crate) delivered: u64,
}

impl Tally {
    pub(crate) fn add_to(&mut self, metrics: &Metrics) {
        let Self {
            published,
            delivered,
        } = std::mem::take(self);
        for (counter, count) in [
            (&metrics.published, published),
            (&metrics.delivered, delivered),
        ] {
            if count > 0 {
                counter.fetch_add(count, Ordering::Relaxed);
            }
        }
    }
}

impl Metrics {
    pub(crate) fn count_dropped(&self, reason: DropReason, messages: u64) {
        let counter = match reason {
            DropReason::QueueFull => &self.dropped_queue_full,
            DropReason::Expired => &self.dropped_expired,
            DropReason::TooLarge => &self.dropped_too_large,
            // A subscriber that is away does not want them.
            DropReason::Offline => return,
        };
        counter.fetch_add(messages, Ordering::Relaxed);
    }
}
