//! Tells loss, duplicates and order from the numbers that arrive.

use std::ops::Range;

/// What one arrival says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    InOrder,
    /// After one that was published later.
    Late,
    Duplicate,
}

/// For a subscriber that gets all that one publisher sends.
#[derive(Clone, Debug, Default)]
pub struct CompleteTrack {
    next: u32,
    /// Skipped so far; ascending, none empty.
    missing: Vec<Range<u32>>,
}

/// For a subscriber that gets some of what one publisher sends.
#[derive(Clone, Debug, Default)]
pub struct SparseTrack {
    last: Option<u32>,
}

impl CompleteTrack {
    #[inline]
    pub fn on_arrival(&mut self, sequence: u32) -> Arrival {
        if sequence == self.next {
            self.next += 1;
            return Arrival::InOrder;
        }
        if sequence > self.next {
            self.missing.push(self.next..sequence);
            self.next = sequence + 1;
            return Arrival::InOrder;
        }
        match self.fill(sequence) {
            true => Arrival::Late,
            false => Arrival::Duplicate,
        }
    }

    /// Whether the number was missing.
    fn fill(&mut self, sequence: u32) -> bool {
        let at = self.missing.partition_point(|gap| gap.end <= sequence);
        let Some(gap) = self.missing.get_mut(at) else {
            return false;
        };
        if !gap.contains(&sequence) {
            return false;
        }
        let after = sequence + 1..gap.end;
        gap.end = sequence;
        if !after.is_empty() {
            self.missing.insert(at + 1, after);
        }
        if self.missing[at].is_empty() {
            self.missing.remove(at);
        }
        true
    }

    /// How many of those published never came.
    pub fn lost(&self, published: u32) -> u64 {
        let inside: u64 = self.missing.iter().map(|gap| gap.len() as u64).sum();
        inside + u64::from(published.saturating_sub(self.next))
    }
}

impl SparseTrack {
    #[inline]
    pub fn on_arrival(&mut self, sequence: u32) -> Arrival {
        match self.last {
            Some(last) if sequence == last => return Arrival::Duplicate,
            Some(last) if sequence < last => return Arrival::Late,
            _ => self.last = Some(sequence),
        }
        Arrival::InOrder
    }
}

#[cfg(test)]
mod tests {
    use super::Arrival::{Duplicate, InOrder, Late};
    use super::*;

    fn arrivals(track: &mut CompleteTrack, sequences: &[u32]) -> Vec<Arrival> {
        let arrive = |sequence: &u32| track.on_arrival(*sequence);
        sequences.iter().map(arrive).collect()
    }

    #[test]
    fn all_in_order_is_no_fault() {
        let mut track = CompleteTrack::default();
        assert_eq!(arrivals(&mut track, &[0, 1, 2]), [InOrder; 3]);
        assert_eq!(track.lost(3), 0);
    }

    #[test]
    fn gaps_and_a_missing_end_are_lost() {
        let mut track = CompleteTrack::default();
        assert_eq!(arrivals(&mut track, &[1, 4]), [InOrder; 2]);
        assert_eq!(track.lost(5), 3);
        assert_eq!(track.lost(7), 5);
        assert_eq!(CompleteTrack::default().lost(2), 2);
    }

    #[test]
    fn what_comes_late_is_out_of_order_and_not_lost() {
        let mut track = CompleteTrack::default();
        let seen = arrivals(&mut track, &[0, 5, 3, 1, 2, 4]);
        assert_eq!(seen, [InOrder, InOrder, Late, Late, Late, Late]);
        assert_eq!(track.lost(6), 0);
        assert!(track.missing.is_empty());
    }

    #[test]
    fn what_comes_twice_is_a_duplicate_however_it_came_first() {
        let mut track = CompleteTrack::default();
        let seen = arrivals(&mut track, &[0, 0, 3, 1, 1, 3]);
        let expected = [InOrder, Duplicate, InOrder, Late, Duplicate, Duplicate];
        assert_eq!(seen, expected);
        assert_eq!(track.lost(4), 1);
    }

    #[test]
    fn a_sparse_track_only_ascends() {
        let mut track = SparseTrack::default();
        let seen = [3, 9, 9, 4, 10].map(|sequence| track.on_arrival(sequence));
        assert_eq!(seen, [InOrder, InOrder, Duplicate, Late, InOrder]);
    }
}
