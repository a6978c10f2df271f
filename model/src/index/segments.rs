//! Each level text of the trie once, under a small number.

use super::compact_text::CompactText;
use super::hashing::Hashing;
use super::sharded::ShardedTable;
use super::slab::Slab;

pub(super) struct Segments {
    hashing: Hashing,
    slots: Slab<Segment>,
    by_text: ShardedTable<u32>,
}

struct Segment {
    text: CompactText,
    /// Part of the text's hash: growing the table then need not touch the texts.
    hash: u32,
    /// How many edges carry this segment.
    references: u32,
}

impl Segments {
    pub(super) fn new(hashing: Hashing) -> Self {
        Self {
            hashing,
            slots: Slab::new(),
            by_text: ShardedTable::new(),
        }
    }

    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.find_bytes(text.as_bytes())
    }

    fn find_bytes(&self, text: &[u8]) -> Option<u32> {
        let hash = self.hash(text);
        let found = self
            .by_text
            .find(table_hash(hash), |&id| self.slots.get(id).is(hash, text));
        found.copied()
    }

    /// Takes one reference, interning the text when it is new.
    pub(super) fn acquire(&mut self, text: &str) -> u32 {
        if let Some(id) = self.find(text) {
            self.slots.get_mut(id).references += 1;
            return id;
        }
        let hash = self.hash(text.as_bytes());
        let id = self.slots.insert(Segment {
            text: CompactText::new(text),
            hash,
            references: 1,
        });
        let slots = &self.slots;
        self.by_text.insert_unique(table_hash(hash), id, |&other| {
            table_hash(slots.get(other).hash)
        });
        id
    }

    /// Gives one reference back, and the text with the last.
    pub(super) fn release(&mut self, id: u32) {
        let segment = self.slots.get_mut(id);
        assert!(segment.references > 0, "segment {id} released too often");
        segment.references -= 1;
        if segment.references > 0 {
            return;
        }
        let hash = table_hash(segment.hash);
        let slots = &self.slots;
        let removed = self.by_text.remove(
            hash,
            |&other| other == id,
            |&other| table_hash(slots.get(other).hash),
        );
        assert!(removed.is_some(), "segment {id} is not in the table");
        self.slots.release(id, Segment::vacant());
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Asserts the invariants; `references[id]` is how many edges carry `id`.
    pub(super) fn validate(&self, references: &[u32]) {
        assert_eq!(self.slots.len(), self.by_text.len());
        let mut used = 0;
        for (id, &count) in references.iter().enumerate() {
            let segment = self.slots.get(id as u32);
            assert_eq!(segment.references, count, "segment {id}");
            if count > 0 {
                used += 1;
                assert_eq!(self.find_bytes(segment.text.as_bytes()), Some(id as u32));
            }
        }
        assert_eq!(used, self.slots.len(), "a segment without an edge");
    }

    /// Every id is below this.
    pub(super) fn bound(&self) -> usize {
        self.slots.bound()
    }

    fn hash(&self, text: &[u8]) -> u32 {
        self.hashing.bytes(text) as u32
    }
}

impl Segment {
    fn is(&self, hash: u32, text: &[u8]) -> bool {
        self.hash == hash && self.text.as_bytes() == text
    }

    fn vacant() -> Self {
        Self {
            text: CompactText::EMPTY,
            hash: 0,
            references: 0,
        }
    }
}

/// The table takes the bucket from the low bits and a tag from the high ones.
fn table_hash(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
