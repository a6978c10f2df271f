//! A panic anywhere in a run is a broken promise like others.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::task::Poll;

thread_local! {
    static IN_RUN: Cell<bool> = const { Cell::new(false) };
    /// The first one of the run.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs all of it, or says how it panicked.
pub(crate) fn catching<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    keep_those_of_runs();
    IN_RUN.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    IN_RUN.set(false);
    let panicked = PANIC.take();
    result.map_err(|_| panicked.unwrap_or_default())
}

/// Polls a task of a run; one that panics never gets ready. Left to itself, tokio would end
/// its runtime in the middle of that poll, and abort the process where a task that it drops
/// wakes another.
pub(crate) fn poll<T>(poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
    if !IN_RUN.get() {
        return poll();
    }
    panic::catch_unwind(AssertUnwindSafe(poll)).unwrap_or(Poll::Pending)
}

/// How a task of this run has panicked.
pub(crate) fn of_a_task() -> Option<String> {
    PANIC.with_borrow(Clone::clone)
}

fn keep_those_of_runs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IN_RUN.get() {
                return usual(info);
            }
            PANIC.with_borrow_mut(|first| {
                first.get_or_insert_with(|| info.to_string());
            });
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Left to itself, tokio would end the node's runtime here, and the run with it.
    #[test]
    fn a_task_that_panics_is_told_and_the_rest_goes_on() {
        let told = catching(|| {
            let mut sim = turmoil::Builder::new().build();
            sim.client("node", async {
                let broken = std::future::poll_fn(|_| poll(|| -> Poll<()> { panic!("planted") }));
                tokio::spawn(broken);
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(())
            });
            let ended = sim.run().is_ok();
            (ended, of_a_task())
        });
        let told =
            told.map(|(ended, told)| (ended, told.is_some_and(|told| told.contains("planted"))));
        assert_eq!(told, Ok((true, true)));
        assert_eq!(catching(of_a_task), Ok(None));
    }
}
