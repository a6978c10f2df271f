//! What a node tells Prometheus.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use quorate_admin::Metric;
use quorate_broker::Metrics as BrokerMetrics;
use quorate_core::tier::CoreNode;
use quorate_core::{CoreMetrics, Role, TokioRuntime};
use quorate_model::ids::Revision;
use quorate_model::view::ClusterView;

/// Of what this node has: without a core or a broker, their metrics are not there.
pub(crate) fn of_node(
    node: &CoreNode<TokioRuntime>,
    broker: Option<&BrokerMetrics>,
) -> Vec<Metric> {
    let version = [(env!("CARGO_PKG_VERSION"), 1)];
    let mut metrics = vec![Metric::labelled(
        "quorate_build_info",
        "The version that runs; always 1.",
        "version",
        version,
    )];
    if let Some(core) = node.core() {
        metrics.extend(of_core(&core.metrics()));
        core.read_stale(|state| metrics.extend(of_view(state.view())));
    }
    if let Some(broker) = broker {
        metrics.extend(of_broker(broker));
    }
    metrics
}

fn of_core(core: &CoreMetrics) -> [Metric; 8] {
    let has_leader = core.leader.is_some() && !core.has_lost_majority();
    let proposals = &core.proposals;
    [
        Metric::new("quorate_raft_term", "The term of this core.", core.term),
        Metric::new(
            "quorate_raft_is_leader",
            "Whether this core leads: 0 or 1.",
            u64::from(core.role == Role::Leader),
        ),
        Metric::new(
            "quorate_raft_has_leader",
            "Whether this core knows of a leader that can decide: 0 or 1.",
            u64::from(has_leader),
        ),
        Metric::new(
            "quorate_raft_voters",
            "Cores that have a vote.",
            core.voters.len() as u64,
        ),
        Metric::new(
            "quorate_raft_log_revision",
            "The last entry that this core has written.",
            core.last_log.map_or(0, Revision::get),
        ),
        Metric::new(
            "quorate_raft_applied_revision",
            "The last entry that this core has applied.",
            core.applied.map_or(0, Revision::get),
        ),
        Metric::new(
            "quorate_raft_proposals_waiting",
            "Commands of this node that no entry has yet.",
            proposals.waiting_commands,
        ),
        Metric::new(
            "quorate_raft_proposal_retries_total",
            "Requests of this node that were sent to a leader again.",
            proposals.retries,
        ),
    ]
}

fn of_view(view: &ClusterView) -> [Metric; 3] {
    [
        Metric::new(
            "quorate_cluster_routes",
            "Filters of the cluster, once for each node that has subscribers.",
            view.route_count() as u64,
        ),
        Metric::new(
            "quorate_retained_messages",
            "Retained messages of the cluster.",
            view.retained_count() as u64,
        ),
        Metric::new(
            "quorate_retained_bytes",
            "Bytes that retained messages count for, towards mqtt.max_retained_bytes.",
            view.retained_bytes(),
        ),
    ]
}

fn of_broker(broker: &BrokerMetrics) -> [Metric; 8] {
    let now = |gauge: &AtomicUsize| gauge.load(Ordering::Relaxed) as u64;
    let total = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    [
        Metric::new(
            "quorate_connections",
            "Open connections of this node's listeners.",
            now(&broker.connections),
        ),
        Metric::new(
            "quorate_clients",
            "Connected clients of this node.",
            now(&broker.clients),
        ),
        Metric::new(
            "quorate_sessions",
            "Sessions of this node, with and without a connection.",
            now(&broker.sessions),
        ),
        Metric::new(
            "quorate_messages_published_total",
            "Messages that clients of this node have published.",
            total(&broker.published),
        ),
        Metric::new(
            "quorate_messages_delivered_total",
            "Messages that were handed to sessions of this node.",
            total(&broker.delivered),
        ),
        Metric::labelled(
            "quorate_messages_dropped_total",
            "Messages that a session of this node was to get and did not.",
            "reason",
            [
                ("queue_full", total(&broker.dropped_queue_full)),
                ("expired", total(&broker.dropped_expired)),
                ("too_large", total(&broker.dropped_too_large)),
            ],
        ),
        Metric::new(
            "quorate_messages_not_retained_total",
            "Messages that were handed out and could not be kept for later subscribers.",
            total(&broker.not_retained),
        ),
        Metric::new(
            "quorate_authentication_failures_total",
            "Clients that did not show who they are.",
            total(&broker.unauthenticated),
        ),
    ]
}
