//! Tells openraft of a later vote that an answer holds.
//!
//! openraft 0.9 ends its replication to a node whose answer holds a later vote,
//! and its core hears of that vote once it is done with what it is doing. If it
//! wants a snapshot sent to that node in between, it finds the replication gone,
//! takes this for a failed disk and ends the node. So no answer tells openraft.
//! The vote is offered to the core with an append that nobody's log can take, and
//! the replication stays until the core ends it.

use std::sync::Arc;

use openraft::CommittedLeaderId;
use openraft::raft::AppendEntriesRequest;
use quorate_model::ids::NodeId;
use tokio::sync::watch;

use crate::group::Group;
use crate::types::{LogId, Runtime, Vote};

/// openraft looks at the vote of an append first. What follows this entry is
/// refused, so nothing counts as accepted under a vote that may never lead.
fn beyond_all_logs(vote: Vote) -> LogId {
    LogId::new(
        CommittedLeaderId::new(vote.leader_id.term, 0),
        u64::MAX >> 1,
    )
}

/// Has openraft take over a vote that nobody's entries come with.
pub(crate) async fn tell<R: Runtime>(group: &Group<R>, vote: Vote) {
    let refused = AppendEntriesRequest {
        vote,
        prev_log_id: Some(beyond_all_logs(vote)),
        entries: Vec::new(),
        leader_commit: None,
    };
    // It fails when the group has ended, which others watch.
    let _ = group.raft.append_entries(refused).await;
}

/// Where answers leave the latest vote that they hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct LaterVotes(Arc<watch::Sender<Option<Vote>>>);

/// What openraft is told instead of the vote.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("node {node} knows of a later vote")]
pub(crate) struct Outvoted {
    node: NodeId,
}

impl LaterVotes {
    pub(crate) fn offer(&self, from: NodeId, vote: Vote) -> Outvoted {
        self.0.send_if_modified(|latest| {
            let is_later = latest.is_none_or(|latest| vote > latest);
            if is_later {
                *latest = Some(vote);
            }
            is_later
        });
        Outvoted { node: from }
    }

    pub(crate) async fn run<R: Runtime>(self, group: Arc<Group<R>>) {
        let mut votes = self.0.subscribe();
        let mut stop = group.watch_stop();
        loop {
            let latest = *votes.borrow_and_update();
            if let Some(vote) = latest
                && vote > group.raft.server_metrics().borrow().vote
            {
                tell(&group, vote).await;
            }
            tokio::select! {
                biased;
                () = stop.stopped() => return,
                // The sender is in `self`: this never ends by itself.
                _ = votes.changed() => {}
            }
        }
    }
}
