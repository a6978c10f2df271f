//! How long a dialer waits after its failures. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);

/// Doubles from 50 ms to a cap; each pause is drawn from its upper half, so
/// that nodes which failed together do not come back together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// `draw` is uniform in 0..1.
    pub(crate) fn next(&mut self, cap: Duration, draw: f64) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        doubled.min(cap).mul_f64(0.5 + draw.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_cap_and_jitters() {
        let cap = Duration::from_secs(1);
        let mut backoff = Backoff::default();
        let longest: Vec<u128> = (0..7).map(|_| backoff.next(cap, 1.0).as_millis()).collect();
        assert_eq!(longest, [50, 100, 200, 400, 800, 1000, 1000]);
        for _ in 0..100 {
            assert_eq!(backoff.next(cap, 0.0), cap / 2);
        }
    }
}
