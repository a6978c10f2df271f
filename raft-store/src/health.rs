use tokio::sync::watch;

use crate::StoreError;

/// Remembers the first error of the store, so that the node can stop with it.
/// Clones share one memory.
#[derive(Clone, Debug)]
pub struct StoreHealth {
    first: watch::Sender<Option<StoreError>>,
}

impl StoreHealth {
    pub fn new() -> Self {
        Self {
            first: watch::Sender::new(None),
        }
    }

    /// Keeps `error` if it is the first one.
    pub fn fail(&self, error: &StoreError) {
        self.first.send_if_modified(|first| {
            let is_first = first.is_none();
            if is_first {
                *first = Some(error.clone());
            }
            is_first
        });
    }

    /// The first error, if there was one.
    pub fn error(&self) -> Option<StoreError> {
        self.first.borrow().clone()
    }

    /// Waits until the store fails; for ever if it never does.
    pub async fn failed(&self) -> StoreError {
        let mut receiver = self.first.subscribe();
        loop {
            if let Some(error) = receiver.borrow_and_update().clone() {
                return error;
            }
            if receiver.changed().await.is_err() {
                // Can't be: `self` holds a sender.
                return StoreError::Stopped;
            }
        }
    }
}

impl Default for StoreHealth {
    fn default() -> Self {
        Self::new()
    }
}
