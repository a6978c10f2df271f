//! What was said lately, so that it is not said again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

const MOST: usize = 256;
const SAID_FOR: Duration = Duration::from_secs(600);

/// Remembers when each of so many things was said; more than that begin anew.
#[derive(Debug)]
pub(crate) struct Recent<K> {
    said: BTreeMap<K, Instant>,
}

impl<K: Ord> Recent<K> {
    pub(crate) fn is_news(&mut self, remark: K) -> bool {
        let now = Instant::now();
        if let Some(at) = self.said.get(&remark)
            && now.duration_since(*at) < SAID_FOR
        {
            return false;
        }
        if self.said.len() >= MOST {
            self.said.clear();
        }
        self.said.insert(remark, now);
        true
    }
}

impl<K> Default for Recent<K> {
    fn default() -> Self {
        Self {
            said: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_said_is_no_news_for_a_while() {
        let mut recent = Recent::default();
        assert!(recent.is_news(1));
        assert!(!recent.is_news(1));
        assert!(recent.is_news(2));
        tokio::time::advance(SAID_FOR).await;
        assert!(recent.is_news(1));
        for remark in 0..10_000 {
            recent.is_news(remark);
        }
        assert!(recent.said.len() <= MOST);
    }
}
