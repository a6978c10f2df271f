//! Large values are stored in parts. sled moves a page that grows beyond a
//! quarter of its segment to a file of its own, and a page holds up to 16
//! values (a few more before it is split): the parts are small enough that
//! this never happens, see [`PART_LIMIT`].

use crate::{Engine, StoreError, Tree, Write, keys};

/// No part is longer. 24 of them (a page of 16, one that is being added, and
/// 7 more for pages being merged) are below a quarter of sled's segment.
pub(crate) const PART_LIMIT: usize = 8 << 10;

/// No value has more parts: 64 MiB, far above entries and chunks.
const PARTS_LIMIT: u16 = ((64 << 20) / PART_LIMIT) as u16;

/// Adds the writes that store `bytes` under `prefix`. The first part is written last: a
/// crash in between leaves a value that is not there, and never half of one.
pub(crate) fn put(
    writes: &mut Vec<Write>,
    tree: Tree,
    prefix: &[u8],
    bytes: &[u8],
) -> Result<(), StoreError> {
    let count = u16::try_from(bytes.len().div_ceil(PART_LIMIT)).ok();
    let Some(count) = count.filter(|count| *count <= PARTS_LIMIT) else {
        let limit = usize::from(PARTS_LIMIT) * PART_LIMIT;
        return Err(StoreError::disk(
            "write",
            format!("{tree}/{prefix:02x?}"),
            format!("{} bytes are more than the {limit} that fit", bytes.len()),
        ));
    };
    for (number, piece) in (0..count).zip(bytes.chunks(PART_LIMIT)).rev() {
        writes.push(Write::Put {
            tree,
            key: keys::part(prefix, number),
            value: piece.to_vec(),
        });
    }
    Ok(())
}

/// Reads back what [`put`] stored; `None` if there is nothing under `prefix`.
/// Missing parts are found by the checksum of the value, not here.
pub(crate) fn get(
    engine: &dyn Engine,
    tree: Tree,
    prefix: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    // Most values have one part: ask for it alone first.
    let Some(mut bytes) = engine.get(tree, &keys::part(prefix, 0))? else {
        return Ok(None);
    };
    if bytes.len() == PART_LIMIT {
        let from = keys::part(prefix, 1);
        let to = keys::part(prefix, u16::MAX);
        for (_, piece) in engine.range(tree, &from, &to, PARTS_LIMIT.into())? {
            bytes.extend_from_slice(&piece);
        }
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::MemoryEngine;
    use crate::batches::weight;

    #[test]
    fn values_of_every_size_come_back() {
        let engine = MemoryEngine::new();
        for (index, length) in [
            0,
            1,
            PART_LIMIT - 1,
            PART_LIMIT,
            PART_LIMIT + 1,
            2 * PART_LIMIT,
            (8 << 20) + 7,
        ]
        .into_iter()
        .enumerate()
        {
            let bytes: Vec<u8> = (0..length).map(|position| (position % 251) as u8).collect();
            let prefix = keys::log(index as u64);
            let mut writes = Vec::new();
            put(&mut writes, Tree::Log, &prefix, &bytes).unwrap();
            assert!(writes.iter().all(|write| weight(write) <= PART_LIMIT));
            for write in writes {
                assert_eq!(get(&engine, Tree::Log, &prefix).unwrap(), None);
                engine.write(vec![write]).unwrap();
            }
            let found = get(&engine, Tree::Log, &prefix).unwrap();
            assert_eq!(found, (length > 0).then_some(bytes));
        }
    }

    #[test]
    fn absurd_sizes_are_refused() {
        let bytes = vec![0; usize::from(PARTS_LIMIT) * PART_LIMIT + 1];
        let mut writes = Vec::new();
        put(&mut writes, Tree::Log, b"prefix", &bytes).unwrap_err();
        assert!(writes.is_empty());
    }
}
