//! The port that a node plugs into.

use futures::future::BoxFuture;

use crate::api::{
    ClusterStatus, CreateTokenRequest, HistoryEvent, JoinRequest, NewToken, Problem, TokenInfo,
    Work,
};
use crate::metric::Metric;

pub type Reply<'a, T> = BoxFuture<'a, Result<T, Problem>>;

/// What the API can ask of a node. Each call bounds its own time: the server
/// waits for as long as the client does.
pub trait Control: Send + Sync + 'static {
    /// Answers without a quorum, marked stale.
    fn status(&self) -> Reply<'_, ClusterStatus>;

    /// The last `limit` events, the oldest first.
    fn history(&self, limit: u32) -> Reply<'_, Vec<HistoryEvent>>;

    /// Removes the named node, which is down, and entombs its id.
    fn force_leave(&self, name: String) -> Reply<'_, ()>;

    /// Forms a cluster of this node alone, and returns when it is formed.
    fn init(&self) -> Reply<'_, ()>;

    /// Starts joining. From its success on, [`Control::work`] tells of this
    /// join and of none before.
    fn join(&self, request: JoinRequest) -> Reply<'_, ()>;

    /// Starts leaving; the rest is as with [`Control::join`].
    fn leave(&self) -> Reply<'_, ()>;

    /// The work that runs or ended last; `None` if there was none.
    fn work(&self) -> Reply<'_, Option<Work>>;

    fn create_token(&self, request: CreateTokenRequest) -> Reply<'_, NewToken>;

    fn list_tokens(&self) -> Reply<'_, Vec<TokenInfo>>;

    fn revoke_token(&self, id: String) -> Reply<'_, ()>;

    /// Makes a new certificate authority, trusted beside the old one.
    fn rotate_authority(&self) -> Reply<'_, ()>;

    /// Drops the old authority; refused while a node's certificate needs it.
    fn finish_rotation(&self) -> Reply<'_, ()>;

    /// What readiness depends on. Answered from memory: a probe must not hang
    /// on what it probes.
    fn health(&self) -> Vec<Check>;

    /// What is counted and measured. Answered from memory, as [`Control::health`] is.
    fn metrics(&self) -> Vec<Metric>;
}

/// One line of `/readyz?verbose`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: String,
    pub ok: bool,
    pub detail: Option<String>,
}
