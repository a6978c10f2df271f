//! What is said in the log now and then, however often it happens.

use std::sync::atomic::{AtomicU64, Ordering};

use quorate_mqtt::moment::Moment;

const PAUSE_MS: u64 = 60_000;

#[derive(Debug, Default)]
pub(crate) struct Remark {
    /// In milliseconds, when it may be made again.
    not_before: AtomicU64,
}

impl Remark {
    /// Whether it is to be made now, by whoever asks: true once in a while.
    pub(crate) fn is_due(&self, now: Moment) -> bool {
        let not_before = self.not_before.load(Ordering::Relaxed);
        if now.millis() < not_before {
            return false;
        }
        let later = now.plus_millis(PAUSE_MS).millis();
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        let made = &self.not_before;
        made.compare_exchange(not_before, later, success, failure)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_made_once_in_a_while() {
        let remark = Remark::default();
        let at = |millis| remark.is_due(Moment::from_millis(millis));
        assert_eq!([at(0), at(0), at(59_999)], [true, false, false]);
        assert_eq!([at(60_000), at(60_001)], [true, false]);
    }
}
