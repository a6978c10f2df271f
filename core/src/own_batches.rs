//! The batches of this node that are on their way through the log.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use quorate_model::command::Batch;

/// Decoding an entry makes all its texts anew. Who has encoded it has them already, and
/// what subscribed on the same node holds them too.
#[derive(Debug)]
pub(crate) struct OwnBatches {
    /// In the order in which they were written.
    waiting: Mutex<VecDeque<(Bytes, Batch)>>,
    /// No more than that can be on their way.
    limit: usize,
}

impl OwnBatches {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            limit,
        }
    }

    /// `encoded` is what [`take`](Self::take) will be asked with.
    pub(crate) fn put(&self, encoded: Bytes, batch: Batch) {
        let mut waiting = self.lock();
        if waiting.len() >= self.limit {
            waiting.pop_front();
        }
        waiting.push_back((encoded, batch));
    }

    /// The batch that these bytes were made from, if that was here. Those before it are
    /// forgotten: they did not get through.
    pub(crate) fn take(&self, encoded: &[u8]) -> Option<Batch> {
        let mut waiting = self.lock();
        let at = waiting.iter().position(|(bytes, _)| bytes == encoded)?;
        waiting.drain(..=at).next_back().map(|(_, batch)| batch)
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Bytes, Batch)>> {
        // Nothing panics half-way while it is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use quorate_model::ids::Timestamp;

    use super::*;

    fn batch(time: u64) -> Batch {
        Batch {
            time: Timestamp::new(time),
            requests: Vec::new(),
        }
    }

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn each_is_found_once_and_forgets_those_before() {
        let own = OwnBatches::new(3);
        for (text, time) in [("a", 1), ("b", 2), ("c", 3)] {
            own.put(bytes(text), batch(time));
        }
        assert_eq!(own.take(b"x"), None);
        assert_eq!(own.take(b"b"), Some(batch(2)));
        assert_eq!(own.take(b"b"), None);
        assert_eq!(own.take(b"a"), None);
        assert_eq!(own.take(b"c"), Some(batch(3)));
    }

    #[test]
    fn it_keeps_no_more_than_can_be_on_their_way() {
        let own = OwnBatches::new(2);
        for (text, time) in [("a", 1), ("b", 2), ("c", 3)] {
            own.put(bytes(text), batch(time));
        }
        assert_eq!(own.take(b"a"), None);
        own.clear();
        assert_eq!(own.take(b"c"), None);
    }
}
