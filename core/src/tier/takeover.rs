//! A leader that leaves hands its lead over, rather than let the others notice.
//!
//! openraft 0.9 transfers no leadership. What it has is a candidacy on demand:
//! the first one makes the old leader step down, since its successor's term is
//! greater; then the leases of the others run out, and a later one wins, or that
//! of another core which has more entries. That takes about as long as the longest
//! lease, less than a silent leader would.

use std::time::Duration;

use quorate_model::ids::NodeId;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::core::Core;
use crate::metrics::Role;
use crate::types::Runtime;

const BETWEEN: Duration = Duration::from_millis(150);
const GIVE_UP: Duration = Duration::from_secs(3);

/// Serves requests to take over, one at a time, for as long as the core runs.
pub(crate) async fn run<R: Runtime>(core: Core<R>, mut asked: mpsc::Receiver<NodeId>) {
    while let Some(from) = asked.recv().await {
        take_over(&core, from).await;
    }
}

async fn take_over<R: Runtime>(core: &Core<R>, from: NodeId) {
    let until = Instant::now() + GIVE_UP;
    while Instant::now() < until {
        let metrics = core.metrics();
        let another = metrics
            .leader
            .filter(|leader| *leader != from && *leader != metrics.node);
        let is_decided = metrics.role == Role::Leader || another.is_some();
        if is_decided || core.campaign().await.is_err() {
            return;
        }
        tokio::time::sleep(BETWEEN).await;
    }
}
