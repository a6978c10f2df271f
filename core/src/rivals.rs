//! A core that refuses a candidate for want of entries stands for election itself.
//!
//! openraft 0.9 refuses such a candidate and forgets it. When this core's own turn
//! comes, it stands under the term that the candidate has given to itself already,
//! and loses to it: without a leader, two or three more timeouts pass. So it goes
//! whenever the first to notice that the leader is gone has not the latest entries.
//! Whoever has them stands at once, under the term after that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openraft::ServerState;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::group::Group;
use crate::later_votes;
use crate::types::{RaftState, Runtime, Vote};

#[derive(Debug)]
pub(crate) struct Rivals {
    /// The latest candidate that has less in its log than this core.
    refused: watch::Sender<Option<Vote>>,
    /// When a leader was last heard, or this core has started.
    heard: Mutex<Instant>,
    /// This core hands its lead over: what it has more is no reason to take it back.
    yields: AtomicBool,
}

/// While it lasts, this core lets others win.
#[derive(Debug)]
pub(crate) struct Yielding(Arc<Rivals>);

impl Rivals {
    pub(crate) fn new() -> Self {
        Self {
            refused: watch::Sender::new(None),
            heard: Mutex::new(Instant::now()),
            yields: AtomicBool::new(false),
        }
    }

    pub(crate) fn yield_lead(self: &Arc<Self>) -> Yielding {
        self.yields.store(true, Ordering::SeqCst);
        Yielding(Arc::clone(self))
    }

    pub(crate) fn note_leader(&self) {
        *self.locked_heard() = Instant::now();
    }

    /// A candidate with less was refused.
    pub(crate) fn note_refused(&self, vote: Vote) {
        self.refused.send_if_modified(|latest| {
            let term = |vote: &Vote| vote.leader_id.term;
            let is_later = latest.as_ref().is_none_or(|it| term(it) <= term(&vote));
            if is_later {
                *latest = Some(vote);
            }
            is_later
        });
    }

    pub(crate) async fn run<R: Runtime>(self: Arc<Self>, group: Arc<Group<R>>) {
        let mut refused = self.refused.subscribe();
        let mut stop = group.watch_stop();
        loop {
            let rival = *refused.borrow_and_update();
            let next = async {
                if let Some(rival) = rival {
                    self.outbid(&group, rival).await;
                }
                refused.changed().await
            };
            tokio::select! {
                biased;
                () = stop.stopped() => return,
                // The sender is in `self`: this never ends by itself.
                _ = next => {}
            }
        }
    }

    async fn outbid<R: Runtime>(&self, group: &Group<R>, rival: Vote) {
        // Others may have as much as this core: they stand one after the other.
        tokio::time::sleep(group.config.heartbeat * group.config.election_slot).await;
        if self.is_settled(group, rival).await {
            return;
        }
        later_votes::tell(group, rival).await;
        // That was a sync of the disk, in which somebody may have won.
        if !self.is_settled(group, rival).await {
            // It fails when the group has ended, which others watch.
            let _ = group.raft.trigger().elect().await;
        }
    }

    /// Whether somebody leads, or has stood after the rival. Asked of the group's own
    /// task: its metrics lag behind what it has answered.
    async fn is_settled<R: Runtime>(&self, group: &Group<R>, rival: Vote) -> bool {
        let known = |state: &RaftState| (*state.vote_ref(), state.server_state);
        let Ok((vote, state)) = group.raft.with_raft_state(known).await else {
            return true;
        };
        state == ServerState::Leader
            || vote.leader_id.term > rival.leader_id.term
            || self.has_leader(group.config.election_timing().max)
            || self.yields.load(Ordering::SeqCst)
    }

    /// For so long after a word of it, a leader counts as one.
    fn has_leader(&self, lease: Duration) -> bool {
        self.locked_heard().elapsed() <= lease
    }

    fn locked_heard(&self) -> MutexGuard<'_, Instant> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Yielding {
    fn drop(&mut self) {
        self.0.yields.store(false, Ordering::SeqCst);
    }
}
