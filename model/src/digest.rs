//! Hashes of rows, and of sets of rows whatever order they were written in.

use xxhash_rust::xxh3::{Xxh3Default, xxh3_128_with_seed};

use crate::ids::{Digest, Revision};

impl Digest {
    pub const EMPTY: Self = Self::new(0);

    /// The digest of a set with one more element: addition commutes, so the
    /// order of insertion leaves no trace.
    #[must_use]
    pub const fn with(self, row: Self) -> Self {
        Self::new(self.get().wrapping_add(row.get()))
    }

    #[must_use]
    pub const fn without(self, row: Self) -> Self {
        Self::new(self.get().wrapping_sub(row.get()))
    }

    /// The next link of the chain over all entries of the log.
    #[must_use]
    pub fn chained(self, revision: Revision, entry: &[u8]) -> Self {
        let mut hasher = RowHasher::new(0);
        hasher.number(self.get() as u64);
        hasher.number((self.get() >> 64) as u64);
        hasher.number(revision.get());
        hasher.bytes(entry);
        hasher.finish()
    }
}

/// Hashes the fields of one row. Every variable part is preceded by its length,
/// so that no two rows run together to the same bytes.
#[derive(Debug)]
pub(crate) struct RowHasher {
    short: [u8; 128],
    used: usize,
    /// Rows rarely outgrow `short`; the streaming state is dear to set up.
    long: Option<Box<LongHasher>>,
}

struct LongHasher(Xxh3Default);

impl std::fmt::Debug for LongHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LongHasher")
    }
}

impl RowHasher {
    pub(crate) fn new(tag: u8) -> Self {
        let mut short = [0; 128];
        short[0] = tag;
        Self {
            short,
            used: 1,
            long: None,
        }
    }

    pub(crate) fn number(&mut self, value: u64) {
        self.write(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.number(value.len() as u64);
        self.write(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(crate) fn optional(&mut self, value: Option<u64>) {
        self.number(u64::from(value.is_some()));
        self.number(value.unwrap_or(0));
    }

    pub(crate) fn finish(self) -> Digest {
        Digest::new(match self.long {
            None => xxh3_128_with_seed(&self.short[..self.used], 0),
            Some(long) => long.0.digest128(),
        })
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(long) = &mut self.long {
            long.0.update(bytes);
            return;
        }
        let end = self.used + bytes.len();
        if let Some(free) = self.short.get_mut(self.used..end) {
            free.copy_from_slice(bytes);
            self.used = end;
            return;
        }
        let mut long = Xxh3Default::new();
        long.update(&self.short[..self.used]);
        long.update(bytes);
        self.long = Some(Box::new(LongHasher(long)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(parts: &[&str]) -> Digest {
        let mut hasher = RowHasher::new(1);
        parts.iter().for_each(|part| hasher.text(part));
        hasher.finish()
    }

    #[test]
    fn field_borders_count() {
        assert_ne!(row(&["ab", "c"]), row(&["a", "bc"]));
        assert_ne!(row(&["ab"]), row(&["ab", ""]));
    }

    #[test]
    fn long_rows_hash_like_short_ones_of_the_same_bytes() {
        let long = "x".repeat(100);
        let mut whole = RowHasher::new(1);
        whole.number(100);
        whole.write(long.as_bytes());
        assert_eq!(whole.finish(), row(&[&long]));
        assert_ne!(row(&[&long, "a"]), row(&[&long, "b"]));
        // The border between the two ways of hashing must not show.
        for len in 100..140 {
            let text = "y".repeat(len);
            let mut pieces = RowHasher::new(1);
            pieces.number(len as u64);
            for byte in text.bytes() {
                pieces.write(&[byte]);
            }
            assert_eq!(pieces.finish(), row(&[&text]), "{len}");
        }
    }

    #[test]
    fn a_set_forgets_the_order() {
        let (a, b) = (row(&["a"]), row(&["b"]));
        assert_eq!(Digest::EMPTY.with(a).with(b), Digest::EMPTY.with(b).with(a));
        assert_eq!(
            Digest::EMPTY.with(a).with(b).without(a),
            Digest::EMPTY.with(b)
        );
        assert_ne!(Digest::EMPTY.with(a).with(a), Digest::EMPTY);
    }
}
