//! Many readers, one question.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

use crate::group::StopSignal;
use crate::wire::message::Refusal;

/// How many entries a state must have applied to serve a read.
pub(crate) type ReadIndex = u64;
type Waiting = oneshot::Sender<Result<ReadIndex, Refusal>>;

/// Gathers readers into rounds. A round answers those that came before it
/// began, never one that came during it: that is what makes reads linearizable.
#[derive(Debug, Clone)]
pub(crate) struct ReadRounds {
    waiting: mpsc::Sender<Waiting>,
}

/// Runs the rounds.
#[derive(Debug)]
pub(crate) struct RoundRunner {
    waiting: mpsc::Receiver<Waiting>,
}

impl ReadRounds {
    pub(crate) fn new(limit: usize) -> (Self, RoundRunner) {
        let (sender, receiver) = mpsc::channel(limit);
        (Self { waiting: sender }, RoundRunner { waiting: receiver })
    }

    /// Joins the next round.
    pub(crate) async fn join(&self) -> Result<ReadIndex, Refusal> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.try_send(sender).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Refusal::Stopped,
        })?;
        receiver.await.unwrap_or(Err(Refusal::Stopped))
    }
}

impl RoundRunner {
    /// Runs until the node stops; `ask` is one round.
    pub(crate) async fn run<F, Fut>(mut self, mut stop: StopSignal, mut ask: F)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<ReadIndex, Refusal>>,
    {
        loop {
            let first = tokio::select! {
                biased;
                () = stop.stopped() => return,
                first = self.waiting.recv() => first,
            };
            let Some(first) = first else { return };
            let mut readers = vec![first];
            while let Ok(reader) = self.waiting.try_recv() {
                readers.push(reader);
            }
            let answer = tokio::select! {
                biased;
                () = stop.stopped() => return,
                answer = ask() => answer,
            };
            for reader in readers {
                // Whoever dropped its end doesn't want to know.
                let _ = reader.send(answer.clone());
            }
        }
    }
}
