//! The replicated state machine: every core folds the same entries into the
//! same state.
//!
//! ```text
//! Batch -> apply: admit the request -> execute each command -> Change -> fold -> view
//!                  |                     |
//!                  v                     v
//!               rejection             reply, and rows of the core-only tables
//! ```
//!
//! `apply` is total, synchronous and deterministic. Time is data: the leader
//! wrote it into the batch.

mod admission;
mod authorities;
mod chunk;
mod consistency;
mod core_tables;
mod execute;
mod image;
mod membership;
mod plain_tables;
mod restore;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::BTreeSet;

pub use chunk::ChunkCheck;
pub use image::StateImage;
pub use restore::RestoreError;

use crate::authority::Authority;
use crate::change::Change;
use crate::client_id::ClientId;
use crate::command::{Batch, Request};
use crate::event::{Event, EventKind};
use crate::ids::{Digest, NodeId, Origin, Revision, Timestamp, TokenId};
use crate::limits::MAX_COMMANDS;
#[cfg(feature = "mutants")]
use crate::mutant::Mutant;
use crate::owner::Owner;
use crate::reply::{Applied, Replies, RequestOutcome, RequestRejection};
use crate::schema::AppliedRequest;
use crate::state::core_tables::{CoreRows, CoreTables};
use crate::state::execute::Execution;
use crate::token::Token;
use crate::view::ClusterView;

/// How long a retained message is kept after it has expired.
pub const EXPIRED_KEPT_MS: u64 = 60_000;
/// How many of them one entry removes.
const MAX_EXPIRED_REMOVED: usize = 1_000;

#[derive(Debug)]
pub struct ClusterState {
    progress: Progress,
    view: ClusterView,
    core: CoreTables,
    hash_seed: u64,
    #[cfg(feature = "mutants")]
    mutant: Option<Mutant>,
}

/// How far the log was applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    revision: Revision,
    /// Hash over all entries up to `revision`.
    chain: Digest,
    /// The latest time that any entry carried. Leaders' clocks differ; the
    /// state's time never goes back.
    time: Timestamp,
}

impl ClusterState {
    /// An empty state. The seed goes to the hash index and never shows.
    pub fn new(hash_seed: u64) -> Self {
        Self::from_parts(
            Progress::default(),
            ClusterView::new(hash_seed),
            CoreTables::from_rows(CoreRows::default()),
            hash_seed,
        )
    }

    fn from_parts(progress: Progress, view: ClusterView, core: CoreTables, hash_seed: u64) -> Self {
        Self {
            progress,
            view,
            core,
            hash_seed,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    /// The seed that the state was made with, for a state that replaces it.
    pub fn hash_seed(&self) -> u64 {
        self.hash_seed
    }

    #[cfg(feature = "mutants")]
    #[must_use]
    pub fn with_mutant(mut self, mutant: Option<Mutant>) -> Self {
        self.mutant = mutant;
        self
    }

    #[cfg(feature = "mutants")]
    pub fn mutant(&self) -> Option<Mutant> {
        self.mutant
    }

    /// Applies the entry at `revision`. `entry` is its encoded form, which
    /// enters the chain hash.
    pub fn apply(&mut self, revision: Revision, batch: &Batch, entry: &[u8]) -> Applied {
        self.advance(revision, entry);
        self.progress.time = self.progress.time.max(batch.time);
        let mut applied = Applied {
            revision,
            outcomes: Vec::with_capacity(batch.requests.len()),
            changes: Vec::new(),
        };
        self.remove_expired(&mut applied.changes);
        for request in &batch.requests {
            let outcome = self.apply_request(request, &mut applied);
            applied.outcomes.push(outcome);
        }
        applied
    }

    /// Retained messages that have expired, so that they take no room from others. Not
    /// all at once, and not at once: to a node whose clock is behind the leader's they are
    /// still good.
    fn remove_expired(&mut self, changes: &mut Vec<Change>) {
        let moment = self.progress.time.minus_millis(EXPIRED_KEPT_MS);
        let expired = self.view.retained_expired_before(moment);
        let expired: Vec<_> = expired.take(MAX_EXPIRED_REMOVED).cloned().collect();
        for topic in expired {
            let change = Change::RetainedCleared { topic };
            self.view.fold(&change);
            changes.push(change);
        }
    }

    /// Passes over an entry that holds no batch.
    pub fn skip(&mut self, revision: Revision) {
        self.advance(revision, &[]);
    }

    /// Passes over an entry that holds a membership of the Raft group, and logs
    /// it if other nodes vote from now on. The group's first membership is entry
    /// 0, which every state begins at.
    pub fn note_voters(&mut self, revision: Revision, voters: BTreeSet<NodeId>) {
        if revision > Revision::default() {
            self.advance(revision, &[]);
        }
        assert_eq!(self.progress.revision, revision, "entry 0 comes first");
        // The log begins when the cluster is formed.
        if self.core.rows.voters != voters && self.view.cluster().is_some() {
            let voters = voters.iter().copied().collect();
            let event = Event {
                time: self.progress.time,
                by: None,
                what: EventKind::VotersChanged { voters },
            };
            self.core.record(revision, event);
        }
        self.core.rows.voters = voters;
    }

    fn advance(&mut self, revision: Revision, entry: &[u8]) {
        let before = self.progress.revision;
        assert!(
            revision > before,
            "entry {revision} cannot follow entry {before}"
        );
        self.progress.revision = revision;
        self.progress.chain = self.progress.chain.chained(revision, entry);
    }

    fn apply_request(&mut self, request: &Request, applied: &mut Applied) -> RequestOutcome {
        let revision = applied.revision;
        let origin = request.origin;
        if request.commands.len() > MAX_COMMANDS {
            return Err(RequestRejection::TooManyCommands {
                commands: request.commands.len() as u64,
                limit: MAX_COMMANDS as u64,
            });
        }
        // A retry is answered as it was the first time, even if the life that
        // sent it has ended since.
        if let Some(replies) = self.earlier_replies(request) {
            return Ok(replies.clone());
        }
        self.admit(request)?;
        self.check_sequence(request)?;
        let mut execution = Execution {
            view: &mut self.view,
            core: &mut self.core,
            changes: &mut applied.changes,
            origin,
            revision,
            time: self.progress.time,
            #[cfg(feature = "mutants")]
            mutant: self.mutant,
            #[cfg(feature = "mutants")]
            hash_seed: self.hash_seed,
        };
        let replies = Replies {
            revision,
            replies: request
                .commands
                .iter()
                .map(|command| execution.execute(command))
                .collect(),
        };
        self.remember(request, &replies);
        Ok(replies)
    }

    /// The answer that a request got when it was first applied.
    fn earlier_replies(&self, request: &Request) -> Option<&Replies> {
        let last = self.last_request(request)?;
        (last.sequence == request.sequence).then_some(&last.replies)
    }

    fn check_sequence(&self, request: &Request) -> Result<(), RequestRejection> {
        let found = request.sequence;
        match self.last_request(request) {
            Some(applied) if found <= applied.sequence => {
                let last = applied.sequence;
                Err(RequestRejection::StaleSequence { found, last })
            }
            _ => Ok(()),
        }
    }

    /// The last request of the same life of the same node.
    fn last_request(&self, request: &Request) -> Option<&AppliedRequest> {
        #[cfg(feature = "mutants")]
        if self.mutant == Some(Mutant::NoDeduplication) {
            return None;
        }
        let last = self.core.rows.requests.get(&request.origin.node)?;
        (last.incarnation == request.origin.incarnation).then_some(last)
    }

    /// Keeps the replies for a retry. Not for a node that just left, since its
    /// tombstone answers for it, and not for a life that failed to begin: the
    /// row of the present one must stay.
    fn remember(&mut self, request: &Request, replies: &Replies) {
        let Origin { node, incarnation } = request.origin;
        let member = self.view.member(node);
        if member.is_some_and(|member| member.incarnation == incarnation) {
            let applied = AppliedRequest {
                incarnation,
                sequence: request.sequence,
                replies: replies.clone(),
            };
            self.core.rows.requests.insert(node, applied);
        }
    }

    pub fn revision(&self) -> Revision {
        self.progress.revision
    }

    pub fn chain(&self) -> Digest {
        self.progress.chain
    }

    pub fn time(&self) -> Timestamp {
        self.progress.time
    }

    /// Equal on all cores at one revision.
    pub fn digest(&self) -> Digest {
        self.view.digest().with(self.core.rows.digest())
    }

    pub fn view(&self) -> &ClusterView {
        &self.view
    }

    pub fn owner(&self, client: &ClientId) -> Option<&Owner> {
        self.core.owner(client)
    }

    pub fn owner_count(&self) -> usize {
        self.core.rows.owners.len()
    }

    /// The nodes that were removed and cannot return.
    pub fn tombstones(&self) -> impl Iterator<Item = NodeId> {
        self.core.rows.tombstones.iter().map(|(node, _)| *node)
    }

    pub fn is_entombed(&self, node: NodeId) -> bool {
        self.core.rows.tombstones.contains(&node)
    }

    pub fn token(&self, id: TokenId) -> Option<&Token> {
        self.core.rows.tokens.get(&id)
    }

    /// In order of their ids; those that expired stay until another is created.
    pub fn tokens(&self) -> impl Iterator<Item = (TokenId, &Token)> {
        self.core.rows.tokens.iter().map(|(id, token)| (*id, token))
    }

    /// By ascending serials: the last one signs, all are trusted.
    pub fn authorities(&self) -> impl Iterator<Item = (u32, &Authority)> {
        let rows = self.core.rows.authorities.iter();
        rows.map(|(serial, authority)| (*serial, authority))
    }

    /// The membership log, oldest first.
    pub fn events(&self) -> impl Iterator<Item = (Revision, &Event)> {
        let rows = self.core.rows.events.iter();
        rows.map(|((revision, _), event)| (*revision, event))
    }

    /// A copy of this moment, in constant time.
    pub fn image(&self) -> StateImage {
        StateImage::new(
            self.progress,
            self.view.tables.clone(),
            self.core.rows.clone(),
        )
    }

    /// Asserts the whole invariant of the state. Walks all of it.
    pub fn validate(&self) {
        self.view.validate();
        self.core.validate();
        let broken = consistency::broken_rule(&self.progress, &self.view.tables, &self.core.rows);
        assert_eq!(broken, None);
    }
}
