//! What the log says of the lead: who has it, and when nobody has.

use std::sync::Arc;
use std::time::Duration;

use quorate_model::ids::NodeId;
use tokio::time::Instant;

use crate::tier::life::Life;
use crate::tier::names::name_or_id;
use crate::types::Runtime;

const LOOK: Duration = Duration::from_millis(500);
/// An election takes less.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
struct Lead {
    last_told: Option<NodeId>,
    missing_since: Option<Instant>,
    is_missed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    Leads(NodeId),
    Nobody,
}

impl Lead {
    fn look(&mut self, leader: Option<NodeId>, now: Instant) -> Option<News> {
        let Some(leader) = leader else {
            let since = *self.missing_since.get_or_insert(now);
            let is_news = !self.is_missed && now.duration_since(since) >= PATIENCE;
            self.is_missed |= is_news;
            return is_news.then_some(News::Nobody);
        };
        self.missing_since = None;
        let is_news = std::mem::take(&mut self.is_missed) || self.last_told != Some(leader);
        self.last_told = Some(leader);
        is_news.then_some(News::Leads(leader))
    }
}

pub(crate) async fn tell<R: Runtime>(life: Arc<Life<R>>) {
    let mut lead = Lead::default();
    loop {
        let metrics = life.core.metrics();
        let leader = metrics.leader.filter(|_| !metrics.has_lost_majority());
        match lead.look(leader, Instant::now()) {
            Some(News::Leads(leader)) => {
                let named = life.core.read_stale(|state| name_or_id(state, leader));
                let (leader, term) = (named.value, metrics.term);
                tracing::info!(leader, term, "the cluster has a leader");
            }
            Some(News::Nobody) => {
                let (voters, term) = (metrics.voters.len(), metrics.term);
                tracing::warn!(
                    voters,
                    term,
                    "no core leads: nothing can be decided until a majority answers"
                );
            }
            None => {}
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_once_and_elections_are_not() {
        let (one, two) = (NodeId::new(1), NodeId::new(2));
        let (mut lead, start) = (Lead::default(), Instant::now());
        let mut look = |leader, after_ms| {
            let now = start + Duration::from_millis(after_ms);
            lead.look(leader, now)
        };
        assert_eq!(look(None, 0), None);
        assert_eq!(look(Some(one), 500), Some(News::Leads(one)));
        assert_eq!(look(Some(one), 1_000), None);
        assert_eq!(look(None, 1_500), None);
        assert_eq!(look(Some(one), 2_000), None);
        assert_eq!(look(None, 2_500), None);
        assert_eq!(look(Some(two), 3_000), Some(News::Leads(two)));
        assert_eq!(look(None, 3_500), None);
        assert_eq!(look(None, 6_500), Some(News::Nobody));
        assert_eq!(look(None, 7_000), None);
        assert_eq!(look(Some(two), 7_500), Some(News::Leads(two)));
    }
}
