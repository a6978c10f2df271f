/// When messages are due at a fixed rate. Each has the time that it was meant for,
/// also if it is sent late: a delay counted from there holds what the sender waited
/// (no coordinated omission).
#[derive(Clone, Debug)]
pub struct Schedule {
    start_ns: u64,
    rate_per_s: u32,
    next: u64,
}

impl Schedule {
    pub const fn new(start_ns: u64, rate_per_s: u32) -> Self {
        Self {
            start_ns,
            rate_per_s,
            next: 0,
        }
    }

    /// The number of the next message and its intended time, if that has come.
    pub fn pop_due(&mut self, now_ns: u64) -> Option<(u64, u64)> {
        let intended_ns = self.next_ns();
        if intended_ns > now_ns {
            return None;
        }
        let number = self.next;
        self.next += 1;
        Some((number, intended_ns))
    }

    /// Computed from the start each time, so that rounding does not add up.
    fn next_ns(&self) -> u64 {
        let passed = u128::from(self.next) * 1_000_000_000 / u128::from(self.rate_per_s.max(1));
        self.start_ns + passed as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(schedule: &mut Schedule, now_ns: u64) -> Vec<(u64, u64)> {
        std::iter::from_fn(|| schedule.pop_due(now_ns)).collect()
    }

    #[test]
    fn each_comes_at_its_time() {
        let mut schedule = Schedule::new(1_000, 1_000_000);
        assert!(due(&mut schedule, 999).is_empty());
        assert_eq!(due(&mut schedule, 1_000), [(0, 1_000)]);
        assert!(due(&mut schedule, 1_999).is_empty());
        assert_eq!(due(&mut schedule, 2_000), [(1, 2_000)]);
    }

    #[test]
    fn a_late_sender_gets_the_intended_times() {
        let mut schedule = Schedule::new(0, 1_000_000);
        let expected = [(0, 0), (1, 1_000), (2, 2_000), (3, 3_000)];
        assert_eq!(due(&mut schedule, 3_500), expected);
    }

    #[test]
    fn rounding_does_not_add_up() {
        let mut schedule = Schedule::new(0, 3);
        let last = due(&mut schedule, 10_000_000_000).last().copied();
        assert_eq!(last, Some((30, 10_000_000_000)));
    }
}
