use std::time::Instant;

/// Nanoseconds since the generator started; what stamps carry.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    pub fn now_ns(&self) -> u64 {
        // A run of 584 years would be cut off.
        self.start.elapsed().as_nanos() as u64
    }
}
