//! What openraft and the core run on inside the simulation.
//!
//! Every task of a node carries its node's context: a seeded generator and a
//! gate. A closed gate is a stopped process (SIGSTOP): none of the node's tasks
//! is polled while the simulated time goes on, and all wake when it opens.
//!
//! ```text
//! node::run -> NodeContext::scope(future)
//!                 future -> SimRuntime::spawn(child) -> the same context
//! ```

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use openraft::{AsyncRuntime, OptionalSend, TokioInstant, TokioRuntime};

use crate::panics;
use crate::rng::Rng;

thread_local! {
    /// The node whose task is being polled on this thread. Set for the length
    /// of one poll, so that two simulations on two threads never mix.
    static CURRENT: RefCell<Option<NodeContext>> = const { RefCell::new(None) };
}

/// What all tasks of one life of a node share.
#[derive(Clone)]
pub struct NodeContext {
    rng: Arc<Mutex<Rng>>,
    gate: Arc<Gate>,
    after_poll: Arc<dyn Fn() + Send + Sync>,
}

impl NodeContext {
    pub fn new(rng: Rng, gate: Arc<Gate>) -> Self {
        Self {
            rng: Arc::new(Mutex::new(rng)),
            gate,
            after_poll: Arc::new(|| ()),
        }
    }

    /// Calls `look` whenever one of the node's tasks did something.
    pub fn after_each_poll(self, look: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            after_poll: Arc::new(look),
            ..self
        }
    }

    /// Runs `future`, and all it spawns, as this node.
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped {
            context: self.clone(),
            future: Box::pin(future),
        }
    }

    /// The context of the task that is running.
    pub fn current() -> Self {
        let current = CURRENT.with_borrow(Clone::clone);
        assert!(current.is_some(), "not inside a simulated node");
        current.unwrap_or_else(|| unreachable!())
    }

    /// Draws from the node's generator.
    pub fn draw<T>(&self, from: impl FnOnce(&mut Rng) -> T) -> T {
        from(&mut lock(&self.rng))
    }
}

impl fmt::Debug for NodeContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NodeContext")
    }
}

/// Open while the node runs, closed while it is paused.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<GateState>,
}

#[derive(Debug, Default)]
struct GateState {
    closed: bool,
    waiting: Vec<Waker>,
}

impl Gate {
    pub fn close(&self) {
        lock(&self.state).closed = true;
    }

    pub fn open(&self) {
        let waiting = {
            let mut state = lock(&self.state);
            state.closed = false;
            std::mem::take(&mut state.waiting)
        };
        for waker in waiting {
            waker.wake();
        }
    }

    /// Forgets the tasks of a life that ended while the gate was closed.
    pub fn reset(&self) {
        *lock(&self.state) = GateState::default();
    }

    fn is_closed_for(&self, waker: &Waker) -> bool {
        let mut state = lock(&self.state);
        if state.closed {
            state.waiting.push(waker.clone());
        }
        state.closed
    }
}

/// A future that is polled only while its node's gate is open, with the node's
/// context set.
pub struct Scoped<F> {
    context: NodeContext,
    future: Pin<Box<F>>,
}

impl<F> fmt::Debug for Scoped<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Scoped")
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        if self.context.gate.is_closed_for(task.waker()) {
            return Poll::Pending;
        }
        let _entered = Entered::new(&self.context);
        let polled = panics::poll(|| self.future.as_mut().poll(task));
        (self.context.after_poll)();
        polled
    }
}

/// Restores the former context also when a poll panics.
struct Entered {
    former: Option<NodeContext>,
}

impl Entered {
    fn new(context: &NodeContext) -> Self {
        Self {
            former: CURRENT.replace(Some(context.clone())),
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.former.take());
    }
}

/// The node's generator, seen through the trait that openraft draws from.
#[derive(Debug)]
pub struct NodeRng {
    context: NodeContext,
}

impl rand08::RngCore for NodeRng {
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.context.draw(Rng::draw)
    }

    fn fill_bytes(&mut self, destination: &mut [u8]) {
        for chunk in destination.chunks_mut(8) {
            let bytes = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), rand08::Error> {
        self.fill_bytes(destination);
        Ok(())
    }
}

/// tokio inside turmoil, with the node's context handed on to what is spawned.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct SimRuntime;

impl AsyncRuntime for SimRuntime {
    type JoinError = <TokioRuntime as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <TokioRuntime as AsyncRuntime>::Sleep;
    type Instant = TokioInstant;
    type TimeoutError = <TokioRuntime as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> =
        <TokioRuntime as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = NodeRng;
    type OneshotSender<T: OptionalSend> = <TokioRuntime as AsyncRuntime>::OneshotSender<T>;
    type OneshotReceiver<T: OptionalSend> = <TokioRuntime as AsyncRuntime>::OneshotReceiver<T>;
    type OneshotReceiverError = <TokioRuntime as AsyncRuntime>::OneshotReceiverError;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        TokioRuntime::spawn(NodeContext::current().scope(future))
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        TokioRuntime::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        TokioRuntime::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        TokioRuntime::is_panic(join_error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        NodeRng {
            context: NodeContext::current(),
        }
    }

    fn oneshot<T>() -> (Self::OneshotSender<T>, Self::OneshotReceiver<T>)
    where
        T: OptionalSend,
    {
        TokioRuntime::oneshot()
    }
}

impl quorate_core::Runtime for SimRuntime {}

/// A panic inside a simulated node fails the run by itself; a lock it held must
/// not hide that behind a second panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Counts on a spawned task, one a millisecond.
    async fn count(counter: Arc<AtomicU64>) {
        let child = SimRuntime::spawn(async move {
            loop {
                SimRuntime::sleep(Duration::from_millis(1)).await;
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        child.await.unwrap();
    }

    #[test]
    fn a_closed_gate_stops_all_tasks_and_they_go_on_when_it_opens() {
        let (gate, counter) = (Arc::<Gate>::default(), Arc::<AtomicU64>::default());
        let context = NodeContext::new(Rng::new(1), gate.clone());
        let mut sim = turmoil::Builder::new().rng_seed(1).build();
        let counted = counter.clone();
        sim.host("node", move || {
            let future = context.scope(count(counted.clone()));
            async {
                future.await;
                Ok(())
            }
        });
        let mut steps = |count: usize| {
            for _ in 0..count {
                sim.step().unwrap();
            }
            counter.load(Ordering::Relaxed)
        };
        let before = steps(100);
        assert!(before > 50);
        gate.close();
        assert_eq!(steps(100), before);
        gate.open();
        let after = steps(100);
        assert!(
            (before + 50..=before + 101).contains(&after),
            "{before} to {after}"
        );
    }

    #[test]
    fn openraft_draws_from_the_seed_of_the_node() {
        let draws = |seed| {
            let context = NodeContext::new(Rng::new(seed), Arc::default());
            futures::executor::block_on(context.scope(async {
                (0..4)
                    .map(|_| rand08::RngCore::next_u64(&mut SimRuntime::thread_rng()))
                    .collect::<Vec<_>>()
            }))
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
    }
}
