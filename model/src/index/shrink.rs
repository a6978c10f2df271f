//! Giving memory back after many removals.

use hashbrown::HashTable;

/// Below this many places a table is left alone.
const SMALL: usize = 64;

/// Shrinks a table that is mostly empty, to twice what it holds: the next
/// change of size is then far away in both directions.
pub(super) fn shrink<T>(table: &mut HashTable<T>, hash: impl Fn(&T) -> u64) {
    if table.is_empty() {
        *table = HashTable::new();
    } else if table.capacity() > SMALL && table.len() < table.capacity() / 8 {
        table.shrink_to(table.len() * 2, hash);
    }
}
