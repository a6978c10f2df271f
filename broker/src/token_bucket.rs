//! How often something may happen: so many times a second, saved up for one second.

use std::num::NonZeroU64;

use quorate_mqtt::moment::Moment;

const SECOND_MS: u64 = 1000;

/// Counts thousandths of tokens, so that a millisecond is never rounded away.
#[derive(Clone, Debug)]
pub(crate) struct TokenBucket {
    /// In a second, and at most in the bucket.
    rate: NonZeroU64,
    thousandths: u64,
    /// When it was last filled up.
    at: Moment,
}

impl TokenBucket {
    pub(crate) fn full(rate: impl Into<NonZeroU64>, now: Moment) -> Self {
        let rate = rate.into();
        Self {
            rate,
            thousandths: rate.get().saturating_mul(SECOND_MS),
            at: now,
        }
    }

    pub(crate) fn available(&mut self, now: Moment) -> u64 {
        let since = self.at.millis_until(now).saturating_mul(self.rate.get());
        let most = self.rate.get().saturating_mul(SECOND_MS);
        self.thousandths = self.thousandths.saturating_add(since).min(most);
        self.at = self.at.max(now);
        self.thousandths / SECOND_MS
    }

    /// # Panics
    /// If there are not as many.
    pub(crate) fn take(&mut self, tokens: u64) {
        let thousandths = tokens.saturating_mul(SECOND_MS);
        assert!(
            thousandths <= self.thousandths,
            "{tokens} of {} thousandths",
            self.thousandths
        );
        self.thousandths -= thousandths;
    }

    /// When there will be as many, if none is taken until then.
    pub(crate) fn ready_at(&self, tokens: u64) -> Moment {
        let tokens = tokens.min(self.rate.get());
        let missing = tokens
            .saturating_mul(SECOND_MS)
            .saturating_sub(self.thousandths);
        self.at.plus_millis(missing.div_ceil(self.rate.get()))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    #[test]
    fn holds_one_second_and_fills_up() {
        let mut bucket = TokenBucket::full(NonZeroU32::new(10).unwrap(), at(500));
        assert_eq!(bucket.available(at(500)), 10);
        bucket.take(10);
        assert_eq!(bucket.available(at(599)), 0);
        assert_eq!(bucket.ready_at(1), at(600));
        assert_eq!(bucket.available(at(600)), 1);
        assert_eq!(bucket.ready_at(10), at(1500));
        assert_eq!(bucket.ready_at(1_000_000), at(1500));
        assert_eq!(bucket.available(at(100_000)), 10);
    }

    #[test]
    fn a_clock_that_stands_still_gives_nothing() {
        let mut bucket = TokenBucket::full(NonZeroU64::MIN, at(0));
        bucket.take(1);
        assert_eq!((0..100).map(|_| bucket.available(at(10))).sum::<u64>(), 0);
        assert_eq!(bucket.available(at(9)), 0);
        assert_eq!(bucket.ready_at(1), at(1000));
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_no_less(
            rate in 1_u64..100_000,
            steps in proptest::collection::vec(1_u64..500, 1..50),
        ) {
            let mut bucket = TokenBucket::full(NonZeroU64::new(rate).unwrap(), at(0));
            let mut now = 0;
            let mut taken = 0;
            for step in steps {
                now += step;
                let available = bucket.available(at(now));
                bucket.take(available);
                taken += available;
                prop_assert!(taken <= rate + rate * now / 1000);
            }
            // All but what did not fit in at the beginning, and the fraction that is left.
            prop_assert!(taken + 1 >= rate * now / 1000);
        }

        #[test]
        fn what_is_promised_is_there(rate in 1_u64..1_000_000, wanted in 1_u64..1_000_000) {
            let mut bucket = TokenBucket::full(NonZeroU64::new(rate).unwrap(), at(0));
            bucket.take(rate);
            let ready = bucket.ready_at(wanted);
            prop_assert!(bucket.available(ready) >= wanted.min(rate));
        }
    }
}
