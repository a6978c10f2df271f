//! One number for a whole run: equal seeds must give equal traces.

use std::fmt;
use std::hash::{Hash, Hasher};

use xxhash_rust::xxh3::Xxh3;

use crate::event::Event;

/// The hash over all events so far, their times included.
#[derive(Clone, Default)]
pub struct Trace {
    hasher: Xxh3,
    events: u64,
}

impl Trace {
    pub fn record(&mut self, event: &Event) {
        event.hash(&mut self.hasher);
        self.events += 1;
    }

    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    pub fn events(&self) -> u64 {
        self.events
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:016x} over {} events",
            self.hash(),
            self.events
        )
    }
}
