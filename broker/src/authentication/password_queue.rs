//! Passwords that wait to be checked.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use quorate_mqtt::moment::Moment;

use super::password::Password;

/// At 4096 iterations about a second's work; with the longest passwords less than a
/// megabyte.
pub(super) const CAPACITY: usize = 256;

pub(crate) struct PasswordJob {
    pub(crate) name: Box<str>,
    pub(crate) password: Password,
    /// From then on nobody waits for the answer.
    pub(crate) until: Moment,
    pub(crate) answer: Answer,
}

/// Takes the user whose password it is; none for a wrong password or user name.
pub(crate) type Answer = Box<dyn FnOnce(Option<Arc<str>>) + Send>;

/// Between the reactors and the helper thread. Whoever finds it full tells its client
/// to come back later: nobody waits for room.
#[derive(Default)]
pub(crate) struct PasswordQueue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<PasswordJob>,
    is_closed: bool,
}

/// There is no room for the job.
pub(crate) struct Full;

impl PasswordQueue {
    pub(crate) fn put(&self, job: PasswordJob) -> Result<(), Full> {
        let mut state = self.lock();
        if state.is_closed || state.jobs.len() >= CAPACITY {
            return Err(Full);
        }
        state.jobs.push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for a job; None when there will be none any more.
    pub(super) fn take(&self) -> Option<PasswordJob> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Drops what waits.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.jobs.clear();
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> PasswordJob {
        PasswordJob {
            name: "user".into(),
            password: Password::new(b"secret"),
            until: Moment::NEVER,
            answer: Box::new(|_| {}),
        }
    }

    #[test]
    fn it_is_bounded_and_closes() {
        let queue = PasswordQueue::default();
        for _ in 0..CAPACITY {
            assert!(queue.put(job()).is_ok());
        }
        assert!(queue.put(job()).is_err());
        assert!(queue.take().is_some());
        assert!(queue.put(job()).is_ok());
        queue.close();
        assert!(queue.take().is_none());
        assert!(queue.put(job()).is_err());
    }
}
