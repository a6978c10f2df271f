//! From the chunks of a snapshot to a state.

use crate::frame;
use crate::frame::FrameError;
use crate::ids::Digest;
use crate::state::chunk::{CHUNK, Chunk, ChunkOrder};
use crate::state::consistency::broken_rule;
use crate::state::core_tables::{CoreRows, CoreTables};
use crate::state::{ClusterState, Progress};
use crate::table::{Schema, Table};
use crate::view::{ClusterView, ViewTables};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    #[error("chunk {index} of the snapshot: {source}")]
    Chunk { index: usize, source: FrameError },
    #[error("chunk {index} of the snapshot does not belong there: {expected} was expected")]
    OutOfOrder {
        index: usize,
        expected: &'static str,
    },
    #[error("the snapshot ends before its last chunk")]
    Incomplete,
    #[error("the snapshot's digest is {found}, its rows give {computed}; it is corrupt")]
    DigestMismatch { found: Digest, computed: Digest },
    #[error("the snapshot contradicts itself: {detail}")]
    Contradiction { detail: String },
}

impl ClusterState {
    /// The state that an image was made of. Nothing is returned unless every
    /// chunk is there, in order, the digest of all rows is the image's, and the
    /// rows agree with each other.
    pub fn restore(
        hash_seed: u64,
        chunks: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<Self, RestoreError> {
        let mut restoring = Restoring::default();
        for bytes in chunks {
            let chunk = frame::open(CHUNK, bytes.as_ref());
            let chunk = chunk.map_err(|source| restoring.order.unreadable(source))?;
            restoring.take(chunk)?;
        }
        restoring.finish(hash_seed)
    }
}

/// A restore in progress.
#[derive(Default)]
struct Restoring {
    order: ChunkOrder,
    progress: Progress,
    view: ViewTables,
    core: CoreRows,
    digest: Digest,
}

impl Restoring {
    fn take(&mut self, chunk: Chunk) -> Result<(), RestoreError> {
        self.order.take(chunk.kind())?;
        match chunk {
            Chunk::Head {
                revision,
                chain,
                time,
                cluster,
            } => {
                self.view.cluster = cluster;
                self.progress = Progress {
                    revision,
                    chain,
                    time,
                };
            }
            Chunk::Members(rows) => fill(&mut self.view.members, rows),
            Chunk::Routes(rows) => fill(&mut self.view.routes, rows),
            Chunk::Retained(rows) => fill(&mut self.view.retained, rows),
            Chunk::Bans(rows) => fill(&mut self.view.bans, rows),
            Chunk::Settings(rows) => fill(&mut self.view.settings, rows),
            Chunk::Owners(rows) => fill(&mut self.core.owners, rows),
            Chunk::Tombstones(rows) => fill(&mut self.core.tombstones, rows),
            Chunk::Requests(rows) => fill(&mut self.core.requests, rows),
            Chunk::End { digest } => self.digest = digest,
        }
        Ok(())
    }

    fn finish(self, hash_seed: u64) -> Result<ClusterState, RestoreError> {
        self.order.finish()?;
        let found = self.digest;
        let computed = self.view.digest().with(self.core.digest());
        if found != computed {
            return Err(RestoreError::DigestMismatch { found, computed });
        }
        if let Some(detail) = broken_rule(&self.view, &self.core) {
            return Err(RestoreError::Contradiction { detail });
        }
        Ok(ClusterState::from_parts(
            self.progress,
            ClusterView::from_tables(self.view, hash_seed),
            CoreTables::from_rows(self.core),
            hash_seed,
        ))
    }
}

fn fill<S: Schema>(table: &mut Table<S>, rows: Vec<(S::Key, S::Value)>) {
    for (key, value) in rows {
        table.insert(key, value);
    }
}
