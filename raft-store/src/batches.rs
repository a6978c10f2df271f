//! Writes go to the engine in small batches, one after the other.
//!
//! sled waits for a truncation of its file under the lock that each of its seven I/O
//! threads needs at the end of a write: with that many buffers queued before the
//! truncation it would wait for ever. And it uses a segment again two segments after its
//! contents were moved, durable or not. Both bound what may be given to it at once.
//!
//! Nothing in this crate needs large batches: after a crash a prefix of all batches is
//! there, and the order of writes makes every prefix a sound store.

use crate::{Engine, StoreError, Write};

/// What the writes of a batch come to at most, by [`weight`]: eight whole parts of a value,
/// or the removal of 32.
pub(crate) const BATCH_BYTES: usize = 64 << 10;

/// A removal has sled write the page again that held the value.
const REMOVAL_BYTES: usize = 2 << 10;

/// What a write costs the engine. Keys are short and do not count.
pub(crate) fn weight(write: &Write) -> usize {
    match write {
        Write::Put { value, .. } => value.len(),
        Write::Remove { .. } => REMOVAL_BYTES,
    }
}

/// In this order; after a crash, a prefix of them is there.
pub(crate) fn write(
    engine: &dyn Engine,
    writes: impl IntoIterator<Item = Write>,
) -> Result<(), StoreError> {
    split(writes).try_for_each(|batch| engine.write(batch))
}

pub(crate) fn split(writes: impl IntoIterator<Item = Write>) -> impl Iterator<Item = Vec<Write>> {
    let mut writes = writes.into_iter().peekable();
    std::iter::from_fn(move || {
        let mut batch = vec![writes.next()?];
        let mut bytes = batch.iter().map(weight).sum::<usize>();
        while let Some(write) = writes.next_if(|next| bytes + weight(next) <= BATCH_BYTES) {
            bytes += weight(&write);
            batch.push(write);
        }
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tree;

    #[test]
    fn batches_hold_what_fits_and_keep_the_order() {
        let tree = Tree::Log;
        let put = |number: u8, bytes: usize| Write::Put {
            tree,
            key: vec![number],
            value: vec![0; bytes],
        };
        let remove = |number| Write::Remove {
            tree,
            key: vec![number],
        };
        let writes = [
            put(1, BATCH_BYTES),
            put(2, 1),
            put(3, BATCH_BYTES - 1),
            put(4, 2 * BATCH_BYTES),
            put(5, BATCH_BYTES / 2),
            remove(6),
            put(7, BATCH_BYTES / 2),
        ];
        let batches: Vec<_> = split(writes.clone()).collect();
        let lengths: Vec<_> = batches.iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 2, 1, 2, 1]);
        assert!(batches.concat() == writes);
        assert_eq!(split([]).count(), 0);
    }
}
