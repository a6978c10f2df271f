//! The core of this node, as its broker sees the cluster.

use std::sync::Arc;

use quorate_broker::{ControlPlane, Done, Unavailable};
use quorate_core::TokioRuntime;
use quorate_core::tier::CoreNode;
use quorate_model::command::Command;
use quorate_model::command_size::command_bytes;
use quorate_model::reply::Reply;
use quorate_model::view::ClusterView;
use tokio::sync::mpsc;

/// Proposals of reactors that wait while one is on its way. A reactor has a few at a
/// time, and gathers the rest itself.
const WAITING_PROPOSALS: usize = 256;
/// What is proposed at once, if no single proposal is larger: less than a request of the
/// core tier takes.
const COMMANDS_AT_ONCE: usize = 16_384;
const BYTES_AT_ONCE: usize = 4 * 1024 * 1024;

pub(crate) struct CorePlane {
    node: CoreNode<TokioRuntime>,
    proposals: mpsc::Sender<(Vec<Command>, Done)>,
}

impl CorePlane {
    /// The plane, and the task that serves it until the plane is gone.
    pub(crate) fn new(node: CoreNode<TokioRuntime>) -> (Arc<Self>, impl Future<Output = ()>) {
        let (proposals, receiver) = mpsc::channel(WAITING_PROPOSALS);
        let serving = serve(node.clone(), receiver);
        (Arc::new(Self { node, proposals }), serving)
    }
}

impl ControlPlane for CorePlane {
    fn propose(&self, commands: Vec<Command>, done: Done) {
        let Err(refused) = self.proposals.try_send((commands, done)) else {
            return;
        };
        let why = match refused {
            mpsc::error::TrySendError::Full(_) => "too many proposals wait already",
            mpsc::error::TrySendError::Closed(_) => "the node stops",
        };
        let (_, done) = refused.into_inner();
        done(Err(unavailable(why)));
    }

    fn view(&self, look: &mut dyn FnMut(&ClusterView)) {
        if let Some(core) = self.node.core() {
            core.read_stale(|state| look(state.view()));
        }
    }
}

/// One proposal is on its way; what comes meanwhile becomes the next. So the order of
/// the callers is the order of the log.
async fn serve(node: CoreNode<TokioRuntime>, mut proposals: mpsc::Receiver<(Vec<Command>, Done)>) {
    let mut next = proposals.recv().await;
    while let Some((mut commands, done)) = next.take() {
        let mut callers = vec![(commands.len(), done)];
        let mut bytes = bytes_of(&commands);
        while let Ok((more, done)) = proposals.try_recv() {
            bytes += bytes_of(&more);
            if commands.len() + more.len() > COMMANDS_AT_ONCE || bytes > BYTES_AT_ONCE {
                next = Some((more, done));
                break;
            }
            callers.push((more.len(), done));
            commands.extend(more);
        }
        match propose(&node, commands).await {
            Ok(replies) => answer(callers, replies),
            Err(error) => {
                for (_, done) in callers {
                    done(Err(error.clone()));
                }
            }
        }
        if next.is_none() {
            next = proposals.recv().await;
        }
    }
}

async fn propose(
    node: &CoreNode<TokioRuntime>,
    commands: Vec<Command>,
) -> Result<Vec<Reply>, Unavailable> {
    let Some(core) = node.core() else {
        return Err(unavailable("the node is in no cluster"));
    };
    match core.propose_many(commands).await {
        Ok(committed) => Ok(committed.replies),
        Err(error) => Err(unavailable(&error.to_string())),
    }
}

fn bytes_of(commands: &[Command]) -> usize {
    commands.iter().map(command_bytes).sum()
}

fn answer(callers: Vec<(usize, Done)>, replies: Vec<Reply>) {
    let mut replies = replies.into_iter();
    for (count, done) in callers {
        done(Ok(replies.by_ref().take(count).collect()));
    }
}

fn unavailable(why: &str) -> Unavailable {
    Unavailable {
        why: why.to_owned(),
    }
}
