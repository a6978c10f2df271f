//! One simulated machine and the process on it.
//!
//! The machine (disk, clock, gate) outlives its processes. Each start of the
//! process is a new incarnation with a generator of its own, so that what one
//! life draws does not depend on how long the last one was.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use openraft::AsyncRuntime;
use quorate_core::{CompactionConfig, Core, CoreConfig, IoMode, Role};
use quorate_model::cluster::ClusterName;
use quorate_model::command::Command;
use quorate_model::ids::{ClusterId, Incarnation, NodeId, Revision};
use quorate_model::member::{Liveness, Member, Roles};
use quorate_model::node_name::NodeName;

use crate::checkers::claims::Life;
use crate::clock::SimClock;
use crate::disk::SimDisk;
use crate::event::{Members, Observation};
use crate::history::Object;
use crate::invariants::Final;
use crate::mutation::Mutation;
use crate::network::{Network, SimLink, Weather};
use crate::observer::Observer;
use crate::oracle::Oracle;
use crate::process_disk::{ProcessDisk, Told};
use crate::rng::Rng;
use crate::runtime::{Gate, NodeContext, SimRuntime, lock};
use crate::schedule::Plan;
use crate::workload::{self, Client};

/// What the nodes of one run share.
#[derive(Debug)]
pub struct World {
    pub plan: Plan,
    pub mutation: Mutation,
    pub oracle: Mutex<Oracle>,
    pub weather: Arc<Weather>,
    /// Changes of membership for whoever leads.
    pub orders: Mutex<VecDeque<Order>>,
    /// The nodes that serve again after the last fault.
    pub recovered: Mutex<BTreeSet<u64>>,
    load_is_over: AtomicBool,
}

#[derive(Debug, Clone)]
pub enum Order {
    AddLearner(u64),
    ChangeVoters(BTreeSet<u64>),
    Remove(u64),
}

impl World {
    pub fn new(plan: Plan, mutation: Mutation, keeps_story: bool) -> Self {
        Self {
            plan,
            mutation,
            oracle: Mutex::new(Oracle::new(keeps_story)),
            weather: Arc::default(),
            orders: Mutex::default(),
            recovered: Mutex::default(),
            load_is_over: AtomicBool::new(false),
        }
    }

    pub fn is_loading(&self) -> bool {
        !self.load_is_over.load(Ordering::Relaxed)
    }

    pub fn end_load(&self) {
        self.load_is_over.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub struct Node {
    pub id: u64,
    pub disk: Arc<SimDisk>,
    pub clock: Arc<SimClock>,
    pub gate: Arc<Gate>,
    /// The longest a sync takes now.
    pub sync_ms: AtomicU64,
    world: Arc<World>,
    incarnation: AtomicU64,
    core: Mutex<Option<Core<SimRuntime>>>,
    seen: Mutex<Seen>,
}

/// What the running core last said about itself.
#[derive(Debug, Default)]
struct Seen {
    leads: Option<u64>,
    snapshot: Option<Revision>,
}

impl Node {
    pub fn new(id: u64, world: Arc<World>) -> Self {
        Self {
            id,
            disk: Arc::new(SimDisk::new(format!("the disk of node {id}"))),
            clock: Arc::default(),
            gate: Arc::default(),
            sync_ms: AtomicU64::new(world.plan.sync_ms),
            world,
            incarnation: AtomicU64::new(0),
            core: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// The running core, if the process runs.
    pub fn core(&self) -> Option<Core<SimRuntime>> {
        lock(&self.core).clone()
    }

    /// What the running core holds in the end.
    pub fn end(&self, objects: &BTreeSet<Object>) -> Option<Final> {
        let core = self.core()?;
        let purged = core.metrics().purged.map_or(0, Revision::get);
        let values = core.read_stale(|state| {
            let looked_up = |object: &Object| (*object, workload::look_up(state, *object));
            objects.iter().map(looked_up).collect()
        });
        Some(Final {
            node: self.id,
            revision: values.revision.get(),
            values: values.value,
            log: self.disk.log_after(purged),
        })
    }

    /// The process is gone.
    pub fn forget_core(&self) {
        lock(&self.core).take();
    }

    /// One life of the process; returns when the core gives up.
    pub async fn run(self: Arc<Self>) -> turmoil::Result {
        let life = Life {
            node: self.id,
            incarnation: self.incarnation.fetch_add(1, Ordering::Relaxed) + 1,
        };
        let rng = Rng::derive(self.world.plan.seed, &[1, life.node, life.incarnation]);
        let node = self.clone();
        let context = NodeContext::new(rng, self.gate.clone()).after_each_poll(move || node.look());
        context.scope(self.clone().live(life)).await
    }

    async fn live(self: Arc<Self>, life: Life) -> turmoil::Result {
        self.observe(Observation::Started {
            incarnation: life.incarnation,
        });
        let network = Network::bind(self.world.weather.clone(), life.incarnation).await?;
        let observer = Observer::new(self.id, self.world.clone());
        let told = Arc::new(Told::new(self.id, self.world.clone()));
        self.settle_disk();
        let started = Core::start(
            self.config(life),
            Arc::new(ProcessDisk::new(self.disk.clone(), told.clone())),
            self.pace(),
            Arc::new(SimLink(network.clone())),
            self.clock.clone(),
            Arc::new(observer),
        )
        .await;
        let core = match started {
            Ok(core) => core,
            Err(error) => return self.stop(&told, &error.to_string()),
        };
        self.observe(Observation::Serves);
        self.begin_looking(core.clone());
        SimRuntime::spawn(network.run({
            let core = core.clone();
            move |from, request| {
                let core = core.clone();
                async move { core.handle(from, request).await }.boxed()
            }
        }));
        SimRuntime::spawn(self.clone().carry_out_orders(core.clone()));
        SimRuntime::spawn(self.clone().serve_clients(core.clone(), life));
        let failure = core.failed().await;
        self.stop(&told, &failure.to_string())
    }

    /// What an earlier process was told by a failed sync comes true.
    fn settle_disk(&self) {
        if self.disk.is_doubtful() {
            NodeContext::current().draw(|rng| self.disk.lose_power(rng));
        }
    }

    fn begin_looking(&self, core: Core<SimRuntime>) {
        let snapshot = core.metrics().snapshot;
        *lock(&self.seen) = Seen {
            leads: None,
            snapshot,
        };
        lock(&self.core).replace(core);
    }

    /// After every step of any of its tasks: a leader of a moment leads as well.
    fn look(&self) {
        let Some(core) = self.core() else { return };
        let metrics = core.metrics();
        let seen = Seen {
            leads: (metrics.role == Role::Leader).then_some(metrics.term),
            snapshot: metrics.snapshot,
        };
        let (leads, snapshot) = (seen.leads, seen.snapshot);
        let before = std::mem::replace(&mut *lock(&self.seen), seen);
        if let Some(term) = leads.filter(|_| leads != before.leads) {
            self.observe(Observation::Leads { term });
        }
        if let Some(revision) = snapshot.filter(|_| snapshot != before.snapshot) {
            let revision = revision.get();
            self.observe(Observation::HasSnapshot { revision });
        }
    }

    fn config(&self, life: Life) -> CoreConfig {
        let mut config = CoreConfig::new(
            NodeId::new(self.id),
            Incarnation::new(life.incarnation),
            self.id as u32 - 1,
        );
        config.propose_deadline = Duration::from_secs(3);
        config.read_deadline = Duration::from_secs(3);
        config.membership_deadline = Duration::from_secs(5);
        config.compaction = CompactionConfig {
            min_log_bytes: self.world.plan.snapshots.min_log_bytes,
            tail_entries: self.world.plan.snapshots.tail_entries,
            ..config.compaction
        };
        // Differs between nodes and lives: it must never be visible.
        config.hash_seed = NodeContext::current().draw(Rng::draw);
        self.world.mutation.plant(&mut config);
        config
    }

    fn pace(self: &Arc<Self>) -> IoMode {
        let node = self.clone();
        IoMode::Paced(Box::new(move || -> BoxFuture<'static, ()> {
            let longest = node.sync_ms.load(Ordering::Relaxed) * 1_000;
            let lasts = NodeContext::current().draw(|rng| rng.below(longest + 1));
            SimRuntime::sleep(Duration::from_micros(lasts)).boxed()
        }))
    }

    /// A core that stops is what a failed disk asks for, and a bug otherwise.
    fn stop(&self, told: &Told, error: &str) -> turmoil::Result {
        self.forget_core();
        self.observe(Observation::Stopped {
            error: error.to_owned(),
        });
        if !told.has_failed() {
            lock(&self.world.oracle).fail(
                "nodes stop for broken disks only",
                format!("node {} stopped: {error}", self.id),
            );
        }
        Ok(())
    }

    async fn serve_clients(self: Arc<Self>, core: Core<SimRuntime>, life: Life) {
        if self.id == 1 && life.incarnation == 1 {
            self.form(&core).await;
        }
        let clients = self.world.plan.load.clients_per_node;
        let client = |number| {
            let rng = NodeContext::current().draw(Rng::fork);
            let number = self.id * clients + number;
            Client::new(self.world.clone(), core.clone(), life, number, rng)
        };
        let mut probe = client(0);
        probe.announce().await;
        for number in 0..clients {
            SimRuntime::spawn(client(number).run());
        }
        while self.world.is_loading() {
            SimRuntime::sleep(Duration::from_millis(50)).await;
        }
        probe.probe().await;
        lock(&self.world.recovered).insert(self.id);
    }

    async fn form(&self, core: &Core<SimRuntime>) {
        let plan = &self.world.plan;
        let voters = (1..=plan.founders).map(NodeId::new).collect();
        if let Err(error) = core.form(voters).await {
            let detail = format!("the first forming was refused: {error}");
            return lock(&self.world.oracle).fail("the cluster forms", detail);
        }
        let form = Command::Form {
            id: ClusterId::new(u128::from(plan.seed) + 1),
            name: ClusterName::new("sim").unwrap_or_else(|error| panic!("{error}")),
            founders: plan.nodes().into_iter().map(member).collect(),
        };
        // Nothing fails this early; a second forming would be refused.
        if let Err(error) = core.propose(form).await {
            let detail = format!("the command was refused: {error}");
            lock(&self.world.oracle).fail("the cluster forms", detail);
        }
    }

    async fn carry_out_orders(self: Arc<Self>, core: Core<SimRuntime>) {
        loop {
            SimRuntime::sleep(Duration::from_millis(20)).await;
            if core.metrics().role != Role::Leader {
                continue;
            }
            let Some(order) = lock(&self.world.orders).pop_front() else {
                continue;
            };
            let before = Members::of(&core.metrics());
            let result = match &order {
                Order::AddLearner(node) => core.add_learner(NodeId::new(*node)).await,
                Order::ChangeVoters(voters) => {
                    let voters = voters.iter().copied().map(NodeId::new).collect();
                    core.change_voters(voters).await
                }
                Order::Remove(node) => core.remove(NodeId::new(*node)).await,
            };
            if result.is_ok() {
                let after = Members::of(&core.metrics());
                self.observe(Observation::MembersChanged { before, after });
            }
            let result = result.map_or_else(|error| error.to_string(), |()| "done".to_owned());
            self.observe(Observation::Fault {
                what: format!("{order:?}: {result}"),
            });
        }
    }

    fn observe(&self, what: Observation) {
        lock(&self.world.oracle).observe(self.id, what);
    }
}

/// The first life of every node is among the founders.
fn member(node: u64) -> Member {
    let name = format!("node{node}@192.168.0.{node}");
    Member {
        id: NodeId::new(node),
        name: NodeName::new(name).unwrap_or_else(|error| panic!("{error}")),
        roles: Roles::Core,
        key: [0; 32],
        addresses: Vec::new(),
        version: "sim".to_owned(),
        election_slot: Some((node - 1) as u32),
        incarnation: Incarnation::new(1),
        liveness: Liveness::Up,
        retiring: false,
    }
}
