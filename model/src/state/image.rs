//! Snapshots: a state at one revision, in chunks of bounded size.

use crate::ban::BanSubject;
use crate::client_id::ClientId;
use crate::frame;
use crate::ids::{Digest, NodeId, Revision, TokenId};
use crate::schema::RouteKey;
use crate::state::Progress;
use crate::state::chunk::{CHUNK, Chunk};
use crate::state::core_tables::CoreRows;
use crate::table::{Schema, Table};
use crate::topic_name::TopicName;
use crate::view::ViewTables;

/// What a chunk holds at least before it is closed; one row may be larger.
const CHUNK_BYTES: usize = 96 * 1024;

/// A point-in-time copy of a state that is written out piece by piece.
#[derive(Debug)]
pub struct StateImage {
    progress: Progress,
    view: ViewTables,
    core: CoreRows,
    next: Option<Stage>,
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
    Core(CoreStage),
    End,
}

#[derive(Clone, Debug)]
enum CoreStage {
    Owners(Option<ClientId>),
    Tombstones(Option<NodeId>),
    Requests(Option<NodeId>),
    Tokens(Option<TokenId>),
    Authorities(Option<u32>),
    Events(Option<(Revision, u32)>),
}

impl StateImage {
    pub(super) fn new(progress: Progress, view: ViewTables, core: CoreRows) -> Self {
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
        let view = &self.view;
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
                S::Core(CoreStage::Owners(None)),
            ),
            S::Core(stage) => self.core_chunk_at(stage),
            S::End => {
                let digest = self.digest();
                (Some(Chunk::End { digest }), None)
            }
        }
    }

    fn core_chunk_at(&self, stage: CoreStage) -> (Option<Chunk>, Option<Stage>) {
        use CoreStage as C;
        let core = &self.core;
        match stage {
            C::Owners(last) => cut(
                &core.owners,
                last,
                Chunk::Owners,
                |last| Stage::Core(C::Owners(last)),
                Stage::Core(C::Tombstones(None)),
            ),
            C::Tombstones(last) => cut(
                &core.tombstones,
                last,
                Chunk::Tombstones,
                |last| Stage::Core(C::Tombstones(last)),
                Stage::Core(C::Requests(None)),
            ),
            C::Requests(last) => cut(
                &core.requests,
                last,
                Chunk::Requests,
                |last| Stage::Core(C::Requests(last)),
                Stage::Core(C::Tokens(None)),
            ),
            C::Tokens(last) => cut(
                &core.tokens,
                last,
                Chunk::Tokens,
                |last| Stage::Core(C::Tokens(last)),
                Stage::Core(C::Authorities(None)),
            ),
            C::Authorities(last) => cut(
                &core.authorities,
                last,
                Chunk::Authorities,
                |last| Stage::Core(C::Authorities(last)),
                Stage::Core(C::Events(None)),
            ),
            C::Events(last) => cut(
                &core.events,
                last,
                Chunk::Events,
                |last| Stage::Core(C::Events(last)),
                Stage::End,
            ),
        }
    }

    fn head(&self) -> Chunk {
        Chunk::Head {
            revision: self.progress.revision,
            chain: self.progress.chain,
            time: self.progress.time,
            cluster: self.view.cluster.clone(),
            voters: self.core.voters.iter().copied().collect(),
        }
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
