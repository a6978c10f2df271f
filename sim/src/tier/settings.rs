//! What a simulated node is configured to be.

use std::sync::Arc;
use std::time::Duration;

use quorate_core::tier::NodeSettings;
use quorate_core::{CompactionConfig, CoreConfig};
use quorate_model::cluster::ClusterName;
use quorate_model::member::Roles;
use quorate_transport::TransportConfig;

use crate::rng::Rng;
use crate::runtime::NodeContext;
use crate::tier::environment::environment;
use crate::tier::machine::PORT;
use crate::tier::process::Process;

pub fn of(process: &Process) -> NodeSettings {
    let machine = &process.machine;
    let name = format!("sim{}", machine.id);
    let snapshots = process.world.plan.snapshots;
    NodeSettings {
        name: machine.name(),
        roles: Roles::Core,
        cluster_name: ClusterName::new(name).unwrap_or_else(|error| panic!("{error}")),
        advertise: vec![format!("{}:{PORT}", machine.address())],
        version: String::from("sim"),
        cookie: None,
        pki: None,
        forms_alone: true,
        transport: TransportConfig {
            discovers_mtu: false,
            ..TransportConfig::default()
        },
        environment: environment(),
        clients: Arc::new(|| None),
        tune: Box::new(move |config| CoreConfig {
            propose_deadline: Duration::from_secs(3),
            compaction: CompactionConfig {
                min_log_bytes: snapshots.min_log_bytes,
                tail_entries: snapshots.tail_entries,
                ..config.compaction
            },
            hash_seed: NodeContext::current().draw(Rng::draw),
            ..config
        }),
    }
}
