//! The pieces of a snapshot and their order.
//!
//! ```text
//! Head(revision, chain, time, cluster, voters) Members* Routes* ... Events* End(digest)
//! ```

use rkyv::{Archive, Deserialize, Serialize};

use crate::authority::Authority;
use crate::ban::{Ban, BanSubject};
use crate::client_id::ClientId;
use crate::cluster::Cluster;
use crate::event::Event;
use crate::frame::{self, Format, FrameError};
use crate::ids::{Digest, Incarnation, NodeId, Revision, Timestamp, TokenId};
use crate::member::Member;
use crate::owner::Owner;
use crate::retained::Retained;
use crate::schema::{AppliedRequest, RouteKey};
use crate::state::restore::RestoreError;
use crate::token::Token;
use crate::topic_name::TopicName;

pub(super) const CHUNK: Format = Format::new(*b"QSNP", 1);

#[derive(Debug, Archive, Serialize, Deserialize)]
pub(super) enum Chunk {
    Head {
        revision: Revision,
        chain: Digest,
        time: Timestamp,
        cluster: Option<Cluster>,
        voters: Vec<NodeId>,
    },
    Members(Vec<(NodeId, Member)>),
    Routes(Vec<(RouteKey, Incarnation)>),
    Retained(Vec<(TopicName, Retained)>),
    Bans(Vec<(BanSubject, Ban)>),
    Settings(Vec<(String, String)>),
    Owners(Vec<(ClientId, Owner)>),
    Tombstones(Vec<(NodeId, Revision)>),
    Requests(Vec<(NodeId, AppliedRequest)>),
    Tokens(Vec<(TokenId, Token)>),
    Authorities(Vec<(u32, Authority)>),
    Events(Vec<((Revision, u32), Event)>),
    End {
        digest: Digest,
    },
}

/// Checks the chunks of a snapshot one by one, as they arrive, without keeping
/// them. What passes is readable and complete; whether its rows agree with its
/// digest and each other is seen when it is restored.
#[derive(Debug, Default)]
pub struct ChunkCheck {
    order: ChunkOrder,
    revision: Revision,
}

/// One head, then rows, then one end.
#[derive(Debug, Default)]
pub(super) struct ChunkOrder {
    taken: usize,
    has_ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Head,
    Rows,
    End,
}

impl ChunkCheck {
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let kind = if self.order.taken == 0 {
            self.read_head(bytes)
        } else {
            frame::view::<Chunk, _>(CHUNK, bytes, ArchivedChunk::kind)
        };
        self.order
            .take(kind.map_err(|source| self.order.unreadable(source))?)
    }

    fn read_head(&mut self, bytes: &[u8]) -> Result<Kind, FrameError> {
        let chunk = frame::open::<Chunk>(CHUNK, bytes)?;
        if let Chunk::Head { revision, .. } = chunk {
            self.revision = revision;
        }
        Ok(chunk.kind())
    }

    /// The revision of the state, if nothing of it is missing.
    pub fn finish(&self) -> Result<Revision, RestoreError> {
        self.order.finish().map(|()| self.revision)
    }
}

impl ChunkOrder {
    pub(super) fn take(&mut self, kind: Kind) -> Result<(), RestoreError> {
        let expected = match (self.taken, self.has_ended, kind) {
            (0, _, Kind::Head) | (1.., false, Kind::Rows | Kind::End) => None,
            (0, _, _) => Some("the head"),
            (_, true, _) => Some("nothing"),
            _ => Some("a table"),
        };
        if let Some(expected) = expected {
            let index = self.taken;
            return Err(RestoreError::OutOfOrder { index, expected });
        }
        self.taken += 1;
        self.has_ended = kind == Kind::End;
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), RestoreError> {
        self.has_ended.then_some(()).ok_or(RestoreError::Incomplete)
    }

    pub(super) fn unreadable(&self, source: FrameError) -> RestoreError {
        let index = self.taken;
        RestoreError::Chunk { index, source }
    }
}

impl ArchivedChunk {
    fn kind(&self) -> Kind {
        match self {
            Self::Head { .. } => Kind::Head,
            Self::End { .. } => Kind::End,
            _ => Kind::Rows,
        }
    }
}

impl Chunk {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Head { .. } => Kind::Head,
            Self::End { .. } => Kind::End,
            _ => Kind::Rows,
        }
    }
}
