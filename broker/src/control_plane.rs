//! What the data plane wants of the cluster. Both roles of a node fulfil it.

use quorate_model::command::Command;
use quorate_model::reply::Reply;
use quorate_model::view::ClusterView;
use thiserror::Error;

/// The way to what the cluster agreed on.
pub trait ControlPlane: Send + Sync + 'static {
    /// Has the commands committed and applied in their order, after all that the same
    /// caller proposed before, and then calls `done`, from any thread. `done` is called
    /// once for every call, in the order of the calls.
    fn propose(&self, commands: Vec<Command>, done: Done);

    /// Looks at what this node knows, under a lock: it must be quick.
    fn view(&self, look: &mut dyn FnMut(&ClusterView));
}

/// Takes one reply for each command.
pub type Done = Box<dyn FnOnce(Result<Vec<Reply>, Unavailable>) + Send>;

/// Nothing is known about the commands: they may have been committed or not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the cluster did not take it: {why}")]
pub struct Unavailable {
    pub why: String,
}
