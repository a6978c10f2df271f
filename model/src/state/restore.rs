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
                voters,
            } => {
                self.view.cluster = cluster;
                self.core.voters = voters.into_iter().collect();
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
            Chunk::Tokens(rows) => fill(&mut self.core.tokens, rows),
            Chunk::Authorities(rows) => fill(&mut self.core.authorities, rows),
            Chunk::Events(rows) => fill(&mut self.core.events, rows),
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
        if let Some(detail) = broken_rule(&self.progress, &self.view, &self.core) {
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
    use crate::authority::{Authority, SecretKey};
    use crate::change::Change;
    use crate::client_id::ClientId;
    use crate::event::{Event, EventKind};
    use crate::ids::{Epoch, Incarnation, NodeId, Origin, Revision, Timestamp, TokenId};
    use crate::limits::{MAX_EVENTS, MAX_TOKENS};
    use crate::member::{Member, Roles};
    use crate::owner::Owner;
    use crate::samples::member;
    use crate::token::{Token, TokenRole};
    use crate::topic_filter::TopicFilter;

    fn token(role: TokenRole, user: Option<u64>) -> Token {
        Token {
            role,
            key: [0; 32],
            created: Timestamp::new(1),
            created_by: NodeId::new(1),
            expires: Timestamp::new(2),
            used_by: user.map(NodeId::new),
        }
    }

    fn set_token(state: &mut ClusterState, id: u64, token: Token) {
        state.core.rows.tokens.insert(TokenId::new(id), token);
    }

    fn set_authorities(state: &mut ClusterState, serials: &[u32]) {
        for serial in serials {
            let authority = Authority {
                certificate: Vec::new(),
                key: SecretKey::new(Vec::new()),
            };
            state.core.rows.authorities.insert(*serial, authority);
        }
    }

    fn set_event(state: &mut ClusterState, index: u32, revision: u64) {
        let event = Event {
            time: Timestamp::new(1),
            by: None,
            what: EventKind::AuthorityAdded { serial: 1 },
        };
        let key = (Revision::new(revision), index);
        state.core.rows.events.insert(key, event);
    }

    fn set_slot(state: &mut ClusterState, id: u64, roles: Roles, election_slot: Option<u32>) {
        let name = format!("core{id}@host");
        state.view.fold(&Change::MemberSet(Member {
            roles,
            election_slot,
            ..member(id, &name)
        }));
    }

    /// A digest is right for any rows; these were never applied anywhere.
    #[test]
    fn a_snapshot_whose_rows_contradict_each_other_is_refused() {
        let contradicts: [fn(&mut ClusterState); 14] = [
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
            |state| set_slot(state, 2, Roles::Core, Some(0)),
            |state| set_slot(state, 2, Roles::Both, None),
            |state| set_slot(state, 2, Roles::Replicant, Some(1)),
            |state| set_token(state, 1, token(TokenRole::Core, Some(9))),
            |state| set_token(state, 1, token(TokenRole::Replicant, Some(1))),
            |state| {
                let tokens = 0..=MAX_TOKENS as u64;
                tokens.for_each(|id| set_token(state, id, token(TokenRole::Core, None)));
            },
            |state| set_authorities(state, &[0]),
            |state| set_authorities(state, &[1, 3]),
            |state| set_authorities(state, &[1, 2, 3]),
            |state| set_event(state, 0, 1),
            |state| (0..=MAX_EVENTS as u32).for_each(|index| set_event(state, index, 0)),
        ];
        let restored = |state: &ClusterState| {
            let mut image = state.image();
            let chunks: Vec<_> = std::iter::from_fn(|| image.next_chunk()).collect();
            ClusterState::restore(1, &chunks)
        };
        for contradict in contradicts {
            let mut state = ClusterState::new(7);
            set_slot(&mut state, 1, Roles::Core, Some(0));
            set_slot(&mut state, 3, Roles::Replicant, None);
            set_token(&mut state, 3, token(TokenRole::Core, Some(1)));
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
