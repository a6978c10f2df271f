//! What goes on in a node from one life to the next.

use std::sync::{Arc, MutexGuard, PoisonError};

use futures::FutureExt;
use tokio::sync::oneshot;

use crate::tier::node::Inner;
use crate::types::Runtime;

impl<R: Runtime> Inner<R> {
    /// A task that ends by itself once the node stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = R::spawn(task);
        let mut tasks = self.tasks();
        // Whoever asks for change after change must not make this longer and longer.
        tasks.retain_mut(|task| task.now_or_never().is_none());
        tasks.push(task);
    }

    /// Goes on when whoever asked for it hangs up: half of a change helps nobody.
    /// None when the node stops first.
    pub(crate) async fn to_its_end<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (sender, done) = oneshot::channel();
        let inner = Arc::clone(self);
        self.spawn(async move {
            tokio::select! {
                biased;
                () = inner.stopping() => {}
                outcome = work => {
                    // Nobody may be waiting any more.
                    let _ = sender.send(outcome);
                }
            }
        });
        done.await.ok()
    }

    /// Waits until the node stops.
    pub(crate) async fn stopping(&self) {
        let mut stopping = self.is_stopping.subscribe();
        // A closed channel means that the node is gone.
        let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
    }

    pub(crate) fn tasks(&self) -> MutexGuard<'_, Vec<R::JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
