//! Snapshots: a state at one revision, in chunks of bounded size.
//!
//! ```text
//! Head(revision, chain, time, cluster) Members* Routes* ... Requests* End(digest)
//! ```

use rkyv::{Archive, Deserialize, Serialize};

use crate::ban::{Ban, BanSubject};
use crate::client_id::ClientId;
use crate::cluster::Cluster;
use crate::frame;
use crate::frame::{Format, FrameError};
use crate::ids::{Digest, Incarnation, NodeId, Revision, Timestamp};
use crate::member::Member;
use crate::owner::Owner;
use crate::retained::Retained;
use crate::schema::{AppliedRequest, RouteKey};
use crate::state::core_tables::{CoreTables, ReplicatedCoreTables};
use crate::state::{ClusterState, Progress};
use crate::table::{Schema, Table};
use crate::topic_name::TopicName;
use crate::view::{ClusterView, ViewTables};

/// What a chunk holds at least before it is closed; one row may be larger.
const CHUNK_BYTES: usize = 96 * 1024;
const CHUNK: Format = Format::new(*b"QSNP", 1);

/// A point-in-time copy of a state that is written out piece by piece.
#[derive(Debug)]
pub struct StateImage {
    progress: Progress,
    view: ViewTables,
    core: ReplicatedCoreTables,
    next: Option<Stage>,
}

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
}

/// Where the next chunk starts: after the given key of that table.
#[derive(Clone, Debug)]
enum Stage {
    Head,
    Members(Option<NodeId>),
    Routes(Option<RouteKey>),
    Retained(Option<TopicName>),
    Bans(Option<BanSubject>),
    Settings(Option<String>),
    Owners(Option<ClientId>),
    Tombstones(Option<NodeId>),
    Requests(Option<NodeId>),
    End,
}

#[derive(Debug, Archive, Serialize, Deserialize)]
enum Chunk {
    Head {
        revision: Revision,
        chain: Digest,
        time: Timestamp,
        cluster: Option<Cluster>,
    },
    Members(Vec<(NodeId, Member)>),
    Routes(Vec<(RouteKey, Incarnation)>),
    Retained(Vec<(TopicName, Retained)>),
    Bans(Vec<(BanSubject, Ban)>),
    Settings(Vec<(String, String)>),
    Owners(Vec<(ClientId, Owner)>),
    Tombstones(Vec<(NodeId, Revision)>),
    Requests(Vec<(NodeId, AppliedRequest)>),
    End {
        digest: Digest,
    },
}

impl StateImage {
    pub(super) fn new(progress: Progress, view: ViewTables, core: ReplicatedCoreTables) -> Self {
        Self {
            progress,
            view,
            core,
            next: Some(Stage::Head),
        }
    }

    pub fn revision(&self) -> Revision {
        self.progress.revision
    }

    pub fn digest(&self) -> Digest {
        self.view.digest().with(self.core.digest())
    }

    /// The next chunk, sealed; none after the last one.
    pub fn next_chunk(&mut self) -> Option<Vec<u8>> {
        loop {
            let stage = self.next.take()?;
            let (chunk, next) = self.chunk_at(stage);
            self.next = next;
            if let Some(chunk) = chunk {
                return Some(frame::seal(CHUNK, &chunk));
            }
        }
    }

    /// The chunk of a stage, none where its table is exhausted, and the stage
    /// that follows.
    fn chunk_at(&self, stage: Stage) -> (Option<Chunk>, Option<Stage>) {
        use Stage as S;
        let (view, core) = (&self.view, &self.core);
        match stage {
            S::Head => (Some(self.head()), Some(S::Members(None))),
            S::Members(last) => cut(
                &view.members,
                last,
                Chunk::Members,
                S::Members,
                S::Routes(None),
            ),
            S::Routes(last) => cut(
                &view.routes,
                last,
                Chunk::Routes,
                S::Routes,
                S::Retained(None),
            ),
            S::Retained(last) => cut(
                &view.retained,
                last,
                Chunk::Retained,
                S::Retained,
                S::Bans(None),
            ),
            S::Bans(last) => cut(&view.bans, last, Chunk::Bans, S::Bans, S::Settings(None)),
            S::Settings(last) => cut(
                &view.settings,
                last,
                Chunk::Settings,
                S::Settings,
                S::Owners(None),
            ),
            S::Owners(last) => cut(
                &core.owners,
                last,
                Chunk::Owners,
                S::Owners,
                S::Tombstones(None),
            ),
            S::Tombstones(last) => cut(
                &core.tombstones,
                last,
                Chunk::Tombstones,
                S::Tombstones,
                S::Requests(None),
            ),
            S::Requests(last) => cut(&core.requests, last, Chunk::Requests, S::Requests, S::End),
            S::End => {
                let digest = self.digest();
                (Some(Chunk::End { digest }), None)
            }
        }
    }

    fn head(&self) -> Chunk {
        Chunk::Head {
            revision: self.progress.revision,
            chain: self.progress.chain,
            time: self.progress.time,
            cluster: self.view.cluster.clone(),
        }
    }
}

impl ClusterState {
    /// The state that an image was made of. Nothing is returned unless every
    /// chunk is there, in order, and the digest of all rows is the image's.
    pub fn restore(
        hash_seed: u64,
        chunks: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<Self, RestoreError> {
        let mut restoring = Restoring::default();
        for (index, bytes) in chunks.into_iter().enumerate() {
            let chunk = frame::open(CHUNK, bytes.as_ref())
                .map_err(|source| RestoreError::Chunk { index, source })?;
            restoring.take(index, chunk)?;
        }
        restoring.finish(hash_seed)
    }
}

/// A restore in progress.
#[derive(Default)]
struct Restoring {
    progress: Option<Progress>,
    view: ViewTables,
    core: ReplicatedCoreTables,
    digest: Option<Digest>,
}

impl Restoring {
    fn take(&mut self, index: usize, chunk: Chunk) -> Result<(), RestoreError> {
        let out_of_order = |expected| RestoreError::OutOfOrder { index, expected };
        if self.digest.is_some() {
            return Err(out_of_order("the end"));
        }
        if let Chunk::Head {
            revision,
            chain,
            time,
            cluster,
        } = chunk
        {
            if self.progress.is_some() {
                return Err(out_of_order("a table"));
            }
            self.view.cluster = cluster;
            self.progress = Some(Progress {
                revision,
                chain,
                time,
            });
            return Ok(());
        }
        if self.progress.is_none() {
            return Err(out_of_order("the head"));
        }
        self.take_rows(chunk);
        Ok(())
    }

    fn take_rows(&mut self, chunk: Chunk) {
        match chunk {
            Chunk::Members(rows) => fill(&mut self.view.members, rows),
            Chunk::Routes(rows) => fill(&mut self.view.routes, rows),
            Chunk::Retained(rows) => fill(&mut self.view.retained, rows),
            Chunk::Bans(rows) => fill(&mut self.view.bans, rows),
            Chunk::Settings(rows) => fill(&mut self.view.settings, rows),
            Chunk::Owners(rows) => fill(&mut self.core.owners, rows),
            Chunk::Tombstones(rows) => fill(&mut self.core.tombstones, rows),
            Chunk::Requests(rows) => fill(&mut self.core.requests, rows),
            Chunk::End { digest } => self.digest = Some(digest),
            Chunk::Head { .. } => unreachable!("the head was taken before"),
        }
    }

    fn finish(self, hash_seed: u64) -> Result<ClusterState, RestoreError> {
        let (Some(progress), Some(found)) = (self.progress, self.digest) else {
            return Err(RestoreError::Incomplete);
        };
        let computed = self.view.digest().with(self.core.digest());
        if found != computed {
            return Err(RestoreError::DigestMismatch { found, computed });
        }
        Ok(ClusterState::from_parts(
            progress,
            ClusterView::from_tables(self.view, hash_seed),
            CoreTables::from_replicated(self.core),
            hash_seed,
        ))
    }
}

type Rows<S> = Vec<(<S as Schema>::Key, <S as Schema>::Value)>;

fn cut<S: Schema>(
    table: &Table<S>,
    last: Option<S::Key>,
    chunk: fn(Rows<S>) -> Chunk,
    again: fn(Option<S::Key>) -> Stage,
    following: Stage,
) -> (Option<Chunk>, Option<Stage>) {
    let rows = table.rows_after(last.as_ref(), CHUNK_BYTES);
    match rows.last() {
        None => (None, Some(following)),
        Some((key, _)) => {
            let next = again(Some(key.clone()));
            (Some(chunk(rows)), Some(next))
        }
    }
}

fn fill<S: Schema>(table: &mut Table<S>, rows: Rows<S>) {
    for (key, value) in rows {
        table.insert(key, value);
    }
}
