//! Why a core cannot go on.

use std::fmt;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use openraft::error::Fatal;
use quorate_raft_store::StoreHealth;
use tokio::sync::watch;

use crate::group::Group;
use crate::types::Runtime;

/// The first thing that failed beyond repair. The node has to stop with it:
/// a Raft node that guesses is worse than a dead one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoreFailure {
    /// Names the file, the operation and the cause.
    #[error("{0}")]
    Store(String),
    #[error("the Raft group failed: {0}")]
    Raft(String),
    #[error("the task `{0}` ended before the node was stopped")]
    Task(&'static str),
}

/// Owns a core's tasks: notices when one fails and joins them all at the end.
pub(crate) struct Supervisor<R: Runtime> {
    group: Arc<Group<R>>,
    health: StoreHealth,
    failure: Arc<watch::Sender<Option<CoreFailure>>>,
    tasks: Vec<(&'static str, R::JoinHandle<()>)>,
}

impl<R: Runtime> Supervisor<R> {
    pub(crate) fn new(group: Arc<Group<R>>, health: StoreHealth) -> Self {
        Self {
            group,
            health,
            failure: Arc::new(watch::Sender::new(None)),
            tasks: Vec::new(),
        }
    }

    pub(crate) fn failure(&self) -> Arc<watch::Sender<Option<CoreFailure>>> {
        Arc::clone(&self.failure)
    }

    pub(crate) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.tasks.push((name, R::spawn(task)));
    }

    /// Runs until the node stops and all its tasks have ended.
    pub(crate) async fn run(self) {
        let Self {
            group,
            health,
            failure,
            tasks,
        } = self;
        let mut stop = group.watch_stop();
        let mut running: FuturesUnordered<_> = tasks
            .into_iter()
            .map(|(name, task)| async move {
                // Whether it panicked or returned: it should be running.
                let _ = task.await;
                name
            })
            .collect();
        let first = tokio::select! {
            biased;
            () = stop.stopped() => None,
            error = health.failed() => Some(CoreFailure::Store(error.to_string())),
            fatal = raft_failure(&group) => Some(match health.error() {
                Some(error) => CoreFailure::Store(error.to_string()),
                None => CoreFailure::Raft(fatal),
            }),
            Some(name) = running.next() => Some(CoreFailure::Task(name)),
        };
        if first.is_some() && !group.is_stopping() {
            failure.send_replace(first);
        }
        stop.stopped().await;
        while running.next().await.is_some() {}
    }
}

/// Waits until the Raft task ends.
async fn raft_failure<R: Runtime>(group: &Group<R>) -> String {
    let mut metrics = group.raft.metrics();
    loop {
        match &metrics.borrow_and_update().running_state {
            Ok(()) => {}
            Err(Fatal::StorageError(error)) => return error.to_string(),
            Err(fatal @ (Fatal::Panicked | Fatal::Stopped)) => return fatal.to_string(),
        }
        if metrics.changed().await.is_err() {
            return String::from("its task panicked");
        }
    }
}

impl<R: Runtime> fmt::Debug for Supervisor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
