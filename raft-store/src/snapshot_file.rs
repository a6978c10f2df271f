use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use crate::StoreError;
use crate::snapshot_store::StoredSnapshot;

/// A snapshot as openraft passes it around: chunks in order and their digest.
///
/// A received one is in memory. One of our own stays on disk and is read chunk
/// by chunk while it is sent, so sending needs no copy of the state in memory;
/// its chunks stay on disk as long as some `SnapshotFile` refers to them.
#[derive(Clone, Default)]
pub struct SnapshotFile {
    digest: u128,
    chunks: Chunks,
}

#[derive(Clone)]
enum Chunks {
    Memory(Vec<Bytes>),
    Stored(Arc<StoredSnapshot>),
}

impl SnapshotFile {
    /// Chunks that came with a digest; [`SnapshotFile::verify`] compares them.
    pub fn received(chunks: Vec<Bytes>, digest: u128) -> Self {
        let chunks = Chunks::Memory(chunks);
        Self { digest, chunks }
    }

    /// Chunks whose digest is computed here.
    pub fn from_chunks(chunks: Vec<Bytes>) -> Self {
        let digest = digest_of(&chunks);
        Self::received(chunks, digest)
    }

    pub(crate) fn stored(snapshot: Arc<StoredSnapshot>) -> Self {
        Self {
            digest: snapshot.digest(),
            chunks: Chunks::Stored(snapshot),
        }
    }

    /// xxh3-128 over length and bytes of every chunk, in order.
    pub fn digest(&self) -> u128 {
        self.digest
    }

    pub fn chunk_count(&self) -> usize {
        match &self.chunks {
            Chunks::Memory(chunks) => chunks.len(),
            Chunks::Stored(snapshot) => snapshot.chunk_count(),
        }
    }

    /// Bytes of all chunks together.
    pub fn bytes(&self) -> u64 {
        match &self.chunks {
            Chunks::Memory(chunks) => chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            Chunks::Stored(snapshot) => snapshot.bytes(),
        }
    }

    /// One chunk, read from disk if it is there: call it where blocking for
    /// about a millisecond does no harm. Beyond the end it is an error.
    pub fn chunk(&self, index: usize) -> Result<Bytes, StoreError> {
        match &self.chunks {
            Chunks::Memory(chunks) => chunks.get(index).cloned().ok_or_else(|| {
                let count = chunks.len();
                StoreError::corrupt(
                    "snapshot",
                    format!("chunk {index} of {count} was asked for"),
                )
            }),
            Chunks::Stored(snapshot) => snapshot.chunk(index),
        }
    }

    /// All chunks.
    pub fn chunks(&self) -> Result<Vec<Bytes>, StoreError> {
        (0..self.chunk_count())
            .map(|index| self.chunk(index))
            .collect()
    }

    /// Whether the chunks are what the digest says.
    pub fn verify(&self) -> Result<bool, StoreError> {
        let mut hasher = ChunkHasher::default();
        for index in 0..self.chunk_count() {
            hasher.update(&self.chunk(index)?);
        }
        Ok(hasher.digest() == self.digest)
    }
}

impl Default for Chunks {
    fn default() -> Self {
        Self::Memory(Vec::new())
    }
}

impl fmt::Debug for SnapshotFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SnapshotFile")
            .field("chunks", &self.chunk_count())
            .field("bytes", &self.bytes())
            .field("digest", &format_args!("{:032x}", self.digest))
            .finish()
    }
}

/// The digest of a snapshot, chunk by chunk.
#[derive(Default)]
pub(crate) struct ChunkHasher(Xxh3);

impl ChunkHasher {
    /// With its length: moving a border between chunks changes the digest.
    pub(crate) fn update(&mut self, chunk: &[u8]) {
        self.0.update(&(chunk.len() as u64).to_le_bytes());
        self.0.update(chunk);
    }

    pub(crate) fn digest(&self) -> u128 {
        self.0.digest128()
    }
}

fn digest_of(chunks: &[Bytes]) -> u128 {
    let mut hasher = ChunkHasher::default();
    for chunk in chunks {
        hasher.update(chunk);
    }
    hasher.digest()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_digest_covers_bytes_borders_and_order() {
        let file = |chunks: &[&'static str]| {
            SnapshotFile::from_chunks(chunks.iter().map(|chunk| Bytes::from(*chunk)).collect())
        };
        let original = file(&["ab", "c"]);
        assert!(original.verify().unwrap());
        for other in [
            file(&["a", "bc"]),
            file(&["c", "ab"]),
            file(&["abc"]),
            file(&["ab"]),
        ] {
            assert_ne!(other.digest(), original.digest());
            let claimed = SnapshotFile::received(other.chunks().unwrap(), original.digest());
            assert!(!claimed.verify().unwrap());
        }
        assert!(original.chunk(2).is_err());
    }
}
