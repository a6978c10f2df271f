//! What is held of packets that have not come to their end.
//!
//! Each packet has its limit, but there may be very many that send one. So together they
//! have a limit, those of all reactors, and beyond it goes who holds most on the reactor
//! that sees it. Those who are not in yet have one of their own, since nobody knows who
//! they are: a client that sends a CONNECT and waits holds little, and never for long.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Of those who are not in: enough for a hundred thousand clients that come back at once
/// and are cut off in the middle of a CONNECT.
pub(crate) const GUESTS_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// The place of a connection.
type Place = u32;

#[derive(Debug)]
pub(crate) struct Unfinished {
    limit: usize,
    /// What is held on all reactors.
    total: Arc<AtomicUsize>,
    /// And on this one.
    bytes: usize,
    by_bytes: BTreeSet<(usize, Place)>,
    bytes_of: HashMap<Place, usize>,
}

impl Unfinished {
    pub(crate) fn new(limit: usize, total: Arc<AtomicUsize>) -> Self {
        Self {
            limit,
            total,
            bytes: 0,
            by_bytes: BTreeSet::new(),
            bytes_of: HashMap::new(),
        }
    }

    /// Sets what is held for a connection; nothing for one that is gone.
    pub(crate) fn set(&mut self, place: Place, bytes: usize) {
        let before = match bytes {
            0 if self.bytes == 0 => return,
            0 => self.bytes_of.remove(&place),
            bytes => self.bytes_of.insert(place, bytes),
        };
        if let Some(before) = before {
            self.by_bytes.remove(&(before, place));
            self.bytes -= before;
            self.total.fetch_sub(before, Ordering::Relaxed);
        }
        if bytes > 0 {
            self.by_bytes.insert((bytes, place));
            self.bytes += bytes;
            self.total.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Who has to go, if there is too much.
    pub(crate) fn largest_above_limit(&self) -> Option<Place> {
        let (_, place) = self.by_bytes.last()?;
        (self.total.load(Ordering::Relaxed) > self.limit).then_some(*place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_goes_when_there_is_too_much() {
        let total = Arc::new(AtomicUsize::new(0));
        let with_limit = || Unfinished::new(100, Arc::clone(&total));
        let (mut guests, mut others) = (with_limit(), with_limit());
        guests.set(1, 60);
        guests.set(2, 40);
        assert_eq!(guests.largest_above_limit(), None);
        guests.set(3, 1);
        assert_eq!(guests.largest_above_limit(), Some(1));
        guests.set(2, 70);
        assert_eq!(guests.largest_above_limit(), Some(2));
        guests.set(2, 0);
        assert_eq!(guests.largest_above_limit(), None);
        others.set(1, 50);
        assert_eq!(others.largest_above_limit(), Some(1));
        assert_eq!(guests.largest_above_limit(), Some(1));
        others.set(1, 0);
        assert_eq!(guests.largest_above_limit(), None);
        guests.set(7, 0);
        guests.set(1, 0);
        guests.set(3, 0);
        assert_eq!(
            (guests.bytes, guests.by_bytes.len(), guests.bytes_of.len()),
            (0, 0, 0)
        );
    }
}
