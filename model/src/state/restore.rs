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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::client_id::ClientId;
    use crate::ids::{Epoch, Incarnation, NodeId, Origin, Revision};
    use crate::owner::Owner;
    use crate::samples::member;
    use crate::topic_filter::TopicFilter;

    /// A digest is right for any rows; these were never applied anywhere.
    #[test]
    fn a_snapshot_whose_rows_contradict_each_other_is_refused() {
        let contradicts: [fn(&mut ClusterState); 3] = [
            |state| {
                let tombstones = &mut state.core.rows.tombstones;
                tombstones.insert(NodeId::new(1), Revision::new(1));
            },
            |state| {
                let owner = Owner {
                    node: NodeId::new(9),
                    incarnation: Incarnation::new(1),
                    epoch: Epoch::new(Revision::new(1)),
                };
                state.core.set_owner(&ClientId::new("c").unwrap(), owner);
            },
            |state| {
                let origin = Origin {
                    node: NodeId::new(1),
                    incarnation: Incarnation::new(7),
                };
                let filter = TopicFilter::new("a").unwrap();
                state.view.fold(&Change::RouteAdded { origin, filter });
            },
        ];
        let restored = |state: &ClusterState| {
            let mut image = state.image();
            let chunks: Vec<_> = std::iter::from_fn(|| image.next_chunk()).collect();
            ClusterState::restore(1, &chunks)
        };
        for contradict in contradicts {
            let mut state = ClusterState::new(7);
            state.view.fold(&Change::MemberSet(member(1, "core1@host")));
            assert!(restored(&state).is_ok());
            contradict(&mut state);
            let refused = restored(&state).unwrap_err();
            assert!(
                matches!(refused, RestoreError::Contradiction { .. }),
                "{refused}"
            );
        }
    }
}
