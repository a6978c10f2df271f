//! Three cores, and callers who keep them busy. A failure ends the bench.
//!
//! A module of the benches that need it, not of the library: the library is also that
//! of the load generator, which must not build a control plane first.

// No bench uses all of it.
#![allow(clippy::unwrap_used, dead_code)]

use std::path::Path;
use std::sync::Arc;

use futures::future::join_all;
use quorate_core::{
    Core, CoreConfig, IoMode, Link, MemoryNetwork, NoObserver, SystemClock, TokioRuntime,
};
use quorate_model::cluster::ClusterName;
use quorate_model::command::Command;
use quorate_model::ids::{ClusterId, Incarnation, NodeId};
use quorate_model::member::{Liveness, Member, Roles};
use quorate_model::node_name::NodeName;
use quorate_model::reply::Reply;
use quorate_model::topic_filter::TopicFilter;
use quorate_raft_store::SledEngine;

pub(crate) type BenchCore = Core<TokioRuntime>;

pub(crate) const NODES: [u64; 3] = [1, 2, 3];
/// Filters that a caller goes round in.
const FILTERS: usize = 16;

pub(crate) fn node_name(id: u64) -> NodeName {
    NodeName::new(format!("core{id}@127.0.0.1")).unwrap()
}

fn member(id: u64) -> Member {
    Member {
        id: NodeId::new(id),
        name: node_name(id),
        roles: Roles::Core,
        key: [0; 32],
        addresses: vec![format!("127.0.0.1:{}", 4370 + id)],
        version: "0.1.0".to_owned(),
        election_slot: Some(u32::try_from(id - 1).unwrap()),
        incarnation: Incarnation::new(1),
        liveness: Liveness::Up,
        retiring: false,
    }
}

/// On sled, with real syncs.
pub(crate) async fn start_core(id: u64, folder: &Path, link: Arc<dyn Link>) -> BenchCore {
    let engine = SledEngine::open(folder).unwrap();
    let slot = u32::try_from(id - 1).unwrap();
    let core = Core::start(
        CoreConfig::new(NodeId::new(id), Incarnation::new(1), slot),
        Arc::new(engine),
        IoMode::Thread,
        link,
        Arc::new(SystemClock),
        Arc::new(NoObserver),
    );
    core.await.unwrap()
}

/// Has the others take part, who are started and reachable.
pub(crate) async fn form(first: &BenchCore) {
    let all = NODES.map(NodeId::new).into_iter().collect();
    first.form(all).await.unwrap();
    let form = Command::Form {
        id: ClusterId::new(1),
        name: ClusterName::new("bench").unwrap(),
        founders: NODES.map(member).to_vec(),
    };
    first.propose(form).await.unwrap();
}

/// All in this process, over links in memory.
pub(crate) async fn start_cores(folder: &Path) -> Vec<BenchCore> {
    let network = MemoryNetwork::default();
    let mut cores = Vec::new();
    for id in NODES {
        let link = network.link(NodeId::new(id));
        let core = start_core(id, &folder.join(id.to_string()), link).await;
        core.attach_to(&network);
        cores.push(core);
    }
    form(&cores[0]).await;
    cores
}

/// Subscribes and unsubscribes in turn, so that every operation changes the
/// state and the state stays of one size.
pub(crate) fn operation(caller: usize, number: usize) -> Command {
    let place = number / 2 % FILTERS;
    let filter = format!("site/{caller:04}/line/{place:02}/machine/temperature");
    let filter = TopicFilter::new(filter).unwrap();
    if number.is_multiple_of(2) {
        Command::AddRoute { filter }
    } else {
        Command::RemoveRoute { filter }
    }
}

async fn call(core: BenchCore, caller: usize, operations: usize) {
    for number in 0..operations {
        let committed = core.propose(operation(caller, number)).await.unwrap();
        assert_eq!(committed.reply, Reply::Done);
    }
}

/// `operations` by that many callers, spread over the cores.
pub(crate) async fn run_callers(cores: &[BenchCore], callers: usize, operations: usize) {
    let shares = (0..).zip(cores);
    join_all(shares.map(|(place, core)| run_share(core, place, callers, operations))).await;
}

/// What of it falls to the core at one place of three.
pub(crate) async fn run_share(core: &BenchCore, place: usize, callers: usize, operations: usize) {
    let tasks: Vec<_> = (place..callers)
        .step_by(NODES.len())
        .map(|caller| {
            let share = operations / callers + usize::from(caller < operations % callers);
            tokio::spawn(call(core.clone(), caller, share))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
