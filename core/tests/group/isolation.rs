//! What a core says when it has no majority, is full, or is asked nonsense.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use quorate_core::{MemoryNetwork, ProposeError, ReadError};
use quorate_model::ids::NodeId;
use quorate_raft_store::MemoryEngine;
use tokio::runtime::Runtime;

use crate::support::*;

const SHORT: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_nothing_is_promised() {
    let network = MemoryNetwork::default();
    let mut cores = Vec::new();
    for id in 1..=3 {
        cores.push(start(config(id, 1), Arc::new(MemoryEngine::new()), &network).await);
    }
    form(&cores[0], &[1, 2, 3]).await;
    cores[0].propose(setting("k", "before")).await.unwrap();
    let isolated = leader(&cores).unwrap();
    let others: Vec<_> = cores
        .iter()
        .filter(|core| core.node() != isolated.node())
        .cloned()
        .collect();
    network.cut_off(isolated.node(), true);

    let waiting = isolated.propose_within(setting("k", "lost?"), SHORT);
    assert_eq!(waiting.await, Err(ProposeError::Timeout));
    // The first one is still in flight, so this one never left the queue.
    let queued = isolated.propose_within(setting("k", "queued"), SHORT);
    assert_eq!(queued.await, Err(ProposeError::NotSent));
    let read = isolated.read_within(SHORT, |state| state.revision()).await;
    assert_eq!(read.unwrap_err(), ReadError::Timeout);

    // The majority goes on, and the isolated one reads stale and says so.
    in_time("the others go on", others[0].propose(setting("k", "after")))
        .await
        .unwrap();
    assert_eq!(
        read_setting(&others[1], "k").await.as_deref(),
        Some("after")
    );
    until("the isolated leader notices", || {
        isolated.read_stale(|_| ()).is_cut_off.then_some(())
    })
    .await;
    let stale = isolated.read_stale(|state| state.view().setting("k").map(str::to_owned));
    assert_eq!(stale.value.as_deref(), Some("before"));

    // Healed, it follows. What timed out may have been applied by then, but
    // what was not sent may not.
    network.cut_off(isolated.node(), false);
    in_time("healed", isolated.propose(setting("healed", "yes")))
        .await
        .unwrap();
    let value = read_setting(&isolated, "k").await;
    assert!(
        matches!(value.as_deref(), Some("after" | "lost?")),
        "{value:?}"
    );
    let expected = digest(&others[0]).await;
    assert_eq!(digest(&isolated).await, expected);
    let leader = isolated.metrics().leader;
    let stale = isolated.read_stale(|_| ());
    assert_eq!((stale.leader, stale.is_cut_off), (leader, false));
    for core in cores {
        stop(core, &network).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_hold() {
    let network = MemoryNetwork::default();
    let mut small = config(1, 1);
    small.limits.proposal_commands = 4;
    small.limits.request_commands = 2;
    small.limits.request_bytes = 4096;
    let core = start(small, Arc::new(MemoryEngine::new()), &network).await;
    let too_large = core
        .propose(setting("k", &"x".repeat(5000)))
        .await
        .unwrap_err();
    assert!(
        matches!(too_large, ProposeError::TooLarge { limit: 4096, .. }),
        "{too_large:?}"
    );
    let too_many = core
        .propose_many(vec![setting("k", "v"); 3])
        .await
        .unwrap_err();
    assert_eq!(
        too_many,
        ProposeError::TooMany {
            commands: 3,
            limit: 2
        }
    );

    // No group is formed, so proposals pile up: one in flight, four waiting.
    let propose = || {
        let core = core.clone();
        tokio::spawn(async move { core.propose(setting("k", "v")).await })
    };
    let mut waiting = vec![propose()];
    until("one is in flight", || {
        (core.metrics().proposals.commands == 1).then_some(())
    })
    .await;
    waiting.extend((0..4).map(|_| propose()));
    until("four wait", || {
        (core.metrics().proposals.waiting_commands == 4).then_some(())
    })
    .await;
    assert_eq!(
        core.propose(setting("k", "v")).await,
        Err(ProposeError::Overloaded)
    );
    core.shutdown().await;
    for waiting in waiting {
        let outcome = waiting.await.unwrap();
        let is_expected = matches!(outcome, Err(ProposeError::Stopped | ProposeError::NotSent));
        assert!(is_expected, "{outcome:?}");
    }
    assert_eq!(
        core.propose(setting("k", "v")).await,
        Err(ProposeError::Stopped)
    );
    assert_eq!(core.read(|_| ()).await, Err(ReadError::Stopped));
}

/// One core for all cases of the property test.
fn shared() -> &'static (Runtime, TestCore) {
    static SHARED: OnceLock<(Runtime, TestCore)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let core = runtime.block_on(async {
            let network = MemoryNetwork::default();
            let core = start(config(1, 1), Arc::new(MemoryEngine::new()), &network).await;
            form(&core, &[1]).await;
            core
        });
        (runtime, core)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_answered_and_changes_nothing(
        from in 0..4_u64,
        sealed in any::<bool>(),
        garbage in proptest::collection::vec(any::<u8>(), 0..512),
    ) {
        let (runtime, core) = shared();
        let request = if sealed {
            let format = quorate_model::frame::Format::new(*b"QPRQ", 1);
            quorate_model::frame::seal_raw(format, &garbage)
        } else {
            garbage
        };
        let before = core.read_stale(|state| state.revision()).value;
        let answer = runtime.block_on(core.handle(NodeId::new(from), Bytes::from(request)));
        prop_assert_eq!(&answer[..4], b"QPRS");
        prop_assert_eq!(core.read_stale(|state| state.revision()).value, before);
        let alive = runtime.block_on(core.read(|state| state.revision()));
        prop_assert!(alive.is_ok());
    }
}
