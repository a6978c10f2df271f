//! Who owns the tasks of a transport.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use quinn::Runtime;
use tokio::sync::watch;

/// Spawns tasks that end when the group is told to stop, or is dropped, and waits
/// for all of them. Clones share one group.
#[derive(Debug, Clone)]
pub(crate) struct TaskGroup {
    runtime: Arc<dyn Runtime>,
    running: watch::Sender<usize>,
    stop: watch::Sender<bool>,
}

impl TaskGroup {
    pub(crate) fn new(runtime: Arc<dyn Runtime>) -> Self {
        Self {
            runtime,
            running: watch::Sender::new(0),
            stop: watch::Sender::new(false),
        }
    }

    /// The task is dropped at its next await once the group stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.running.send_modify(|running| *running += 1);
        let (running, mut stop) = (self.running.clone(), self.stop.subscribe());
        self.runtime.spawn(Box::pin(async move {
            let stopped = async move {
                // A closed channel means the group is gone: a stop as well.
                let _ = stop.wait_for(|is_stopping| *is_stopping).await;
            };
            // A panic in one connection's task must not hang the shutdown; the
            // panic itself has been reported by the hook.
            let task = AssertUnwindSafe(task).catch_unwind();
            tokio::select! {
                biased;
                () = stopped => {}
                _ = task => {}
            }
            running.send_modify(|running| *running -= 1);
        }));
    }

    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        let mut running = self.running.subscribe();
        let _ = running.wait_for(|running| *running == 0).await;
    }
}
