//! What is held for connections that are not in yet.
//!
//! Nobody knows who they are, and there may be very many. So together they have a limit,
//! and beyond it goes who holds most: a client that sends a CONNECT and waits holds
//! little, and never for long.

use std::collections::{BTreeSet, HashMap};

/// The place of a connection.
type Place = u32;

#[derive(Debug)]
pub(crate) struct Guests {
    limit: usize,
    bytes: usize,
    by_bytes: BTreeSet<(usize, Place)>,
    bytes_of: HashMap<Place, usize>,
}

impl Guests {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            bytes: 0,
            by_bytes: BTreeSet::new(),
            bytes_of: HashMap::new(),
        }
    }

    /// Sets what is held for a connection; nothing is said of one that is in, or gone.
    pub(crate) fn set(&mut self, place: Place, bytes: usize) {
        let before = match bytes {
            0 if self.bytes == 0 => return,
            0 => self.bytes_of.remove(&place),
            bytes => self.bytes_of.insert(place, bytes),
        };
        if let Some(before) = before {
            self.by_bytes.remove(&(before, place));
            self.bytes -= before;
        }
        if bytes > 0 {
            self.by_bytes.insert((bytes, place));
            self.bytes += bytes;
        }
    }

    /// Who has to go, if there is too much.
    pub(crate) fn largest_above_limit(&self) -> Option<Place> {
        let (_, place) = self.by_bytes.last()?;
        (self.bytes > self.limit).then_some(*place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_goes_when_there_is_too_much() {
        let mut guests = Guests::new(100);
        guests.set(1, 60);
        guests.set(2, 40);
        assert_eq!(guests.largest_above_limit(), None);
        guests.set(3, 1);
        assert_eq!(guests.largest_above_limit(), Some(1));
        guests.set(2, 70);
        assert_eq!(guests.largest_above_limit(), Some(2));
        guests.set(2, 0);
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
