//! Runs one plan: steps the simulation, brings the world into the state that
//! the faults in force ask for, and watches the nodes from outside.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_core::{CoreMetrics, Role};

use crate::event::Observation;
use crate::fault::{Conditions, FaultKind};
use crate::invariants::{BOUND, Final};
use crate::mutation::Mutation;
use crate::network::address;
use crate::node::{Node, Order, World};
use crate::oracle::{NOTHING_PANICS, Violation};
use crate::panics;
use crate::reach::Reach;
use crate::rng::Rng;
use crate::runtime::lock;
use crate::schedule::Plan;
use crate::simulation::{self, TICK};

/// How often the nodes are looked at from outside.
const WATCH: Duration = Duration::from_millis(10);

/// What came of one run.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub violation: Option<Violation>,
    /// Equal for equal plans.
    pub trace: u64,
    pub events: u64,
    pub operations: usize,
    pub answered: usize,
    pub entries: u64,
    pub simulated: Duration,
    pub recovery: Option<Duration>,
    pub reach: Reach,
    pub story: Vec<String>,
}

/// Runs `plan` to its end or to the first broken promise.
pub fn run(plan: &Plan, mutation: Mutation, keeps_story: bool) -> Outcome {
    let world = Arc::new(World::new(plan.clone(), mutation, keeps_story));
    let mut cluster = Cluster::new(world.clone());
    let recovery = cluster.run();
    let finals = cluster.finals();
    if recovery.is_none() {
        for (_, metrics) in cluster.metrics() {
            cluster.tell(format!("{metrics:?}"));
        }
    }
    let mut oracle = lock(&world.oracle);
    if oracle.violation().is_none() {
        oracle.conclude(&finals, recovery);
    }
    let operations = oracle.history.operations();
    Outcome {
        violation: oracle.violation().cloned(),
        trace: oracle.trace.hash(),
        events: oracle.trace.events(),
        operations: operations.len(),
        answered: operations
            .iter()
            .filter(|operation| operation.answered().is_some())
            .count(),
        entries: oracle.journal.last().unwrap_or(0),
        simulated: cluster.sim.elapsed(),
        recovery,
        reach: oracle.reach.reach(),
        story: oracle.story().to_vec(),
    }
}

struct Cluster {
    world: Arc<World>,
    sim: turmoil::Sim<'static>,
    nodes: Vec<Arc<Node>>,
    conditions: Conditions,
    rng: Rng,
}

impl Cluster {
    fn new(world: Arc<World>) -> Self {
        let plan = &world.plan;
        let mut rng = Rng::derive(plan.seed, &[2]);
        let mut sim = simulation::build(&mut rng);
        let nodes: Vec<Arc<Node>> = plan
            .nodes()
            .into_iter()
            .map(|id| Arc::new(Node::new(id, world.clone())))
            .collect();
        for node in &nodes {
            let node = node.clone();
            sim.host(address(node.id), move || node.clone().run());
        }
        Self {
            world,
            sim,
            nodes,
            conditions: Conditions::default(),
            rng,
        }
    }

    /// How long recovery took, if it came in time.
    fn run(&mut self) -> Option<Duration> {
        let load = Duration::from_millis(self.world.plan.load_ms);
        while self.sim.elapsed() < load {
            self.apply_faults();
            if !self.step() {
                return None;
            }
        }
        self.change_to(Conditions::default());
        self.restart_stopped();
        self.world.end_load();
        while self.sim.elapsed() <= load + BOUND {
            if !self.step() {
                return None;
            }
            if self.is_time_to_watch() && self.has_recovered() {
                return Some(self.sim.elapsed().saturating_sub(load));
            }
        }
        None
    }

    /// One step of time; `false` once a promise is broken.
    fn step(&mut self) -> bool {
        lock(&self.world.oracle).set_time(self.sim.elapsed());
        let stepped = self.sim.step();
        if let Some(detail) = panics::of_a_task() {
            lock(&self.world.oracle).fail(NOTHING_PANICS, detail);
        }
        if let Err(error) = stepped {
            let detail = format!("a node failed: {error}");
            lock(&self.world.oracle).fail("nodes stop for broken disks only", detail);
        }
        lock(&self.world.oracle).violation().is_none()
    }

    fn is_time_to_watch(&self) -> bool {
        self.sim
            .elapsed()
            .as_millis()
            .is_multiple_of(WATCH.as_millis())
    }

    fn metrics(&self) -> impl Iterator<Item = (u64, CoreMetrics)> {
        self.nodes
            .iter()
            .filter_map(|node| Some((node.id, node.core()?.metrics())))
    }

    fn finals(&self) -> Vec<Final> {
        let objects = lock(&self.world.oracle).history.objects();
        let nodes = self.nodes.iter();
        nodes.filter_map(|node| node.end(&objects)).collect()
    }

    fn apply_faults(&mut self) {
        let now_ms = self.sim.elapsed().as_millis() as u64;
        let step_ms = TICK.as_millis() as u64;
        let world = self.world.clone();
        let faults = &world.plan.faults;
        for fault in faults {
            if now_ms <= fault.from_ms && fault.from_ms < now_ms + step_ms {
                self.begin(&fault.kind);
            }
        }
        let in_force = faults
            .iter()
            .filter(|fault| fault.from_ms < now_ms + step_ms && now_ms < fault.to_ms)
            .map(|fault| &fault.kind);
        let conditions = Conditions::of(&world.plan.nodes(), in_force);
        self.change_to(conditions);
    }

    /// What a fault does once, at its beginning.
    fn begin(&mut self, fault: &FaultKind) {
        self.tell(fault.to_string());
        match fault {
            FaultKind::PowerLoss(nodes) => {
                for node in nodes {
                    self.crash(*node);
                    let machine = self.node(*node);
                    let (kept, written) = machine.disk.lose_power(&mut self.rng);
                    self.observe(*node, Observation::PowerLost { kept, written });
                }
            }
            FaultKind::ClockJump { node, by_ms } => self.node(*node).clock.jump(*by_ms),
            FaultKind::AddLearner { node } => self.order(Order::AddLearner(*node)),
            FaultKind::ChangeVoters { voters } => {
                self.order(Order::ChangeVoters(voters.clone()));
            }
            FaultKind::RemoveLearner { node } => self.order(Order::Remove(*node)),
            _ => {}
        }
    }

    fn order(&self, order: Order) {
        lock(&self.world.orders).push_back(order);
    }

    /// Brings the world from the present conditions to others.
    fn change_to(&mut self, next: Conditions) {
        if next == self.conditions {
            return;
        }
        let now = std::mem::replace(&mut self.conditions, next.clone());
        self.change_network(&now, &next);
        self.change_disks(&now, &next);
        for node in next.paused.difference(&now.paused) {
            self.node(*node).gate.close();
            self.observe(*node, Observation::Paused);
        }
        for node in now.paused.difference(&next.paused) {
            self.node(*node).gate.open();
            self.observe(*node, Observation::Resumed);
        }
        for node in next.down.difference(&now.down) {
            self.crash(*node);
        }
        for node in now.down.difference(&next.down) {
            self.start(*node);
        }
    }

    fn change_network(&mut self, now: &Conditions, next: &Conditions) {
        let way = |from, to| [(address(from), address(to))];
        simulation::change_network(&self.sim, &self.world.weather, (now, next), way);
    }

    fn change_disks(&mut self, now: &Conditions, next: &Conditions) {
        for node in &self.nodes {
            let sync_ms = next.slow_disks.get(&node.id);
            let sync_ms = sync_ms.unwrap_or(&self.world.plan.sync_ms);
            node.sync_ms.store(*sync_ms, Ordering::Relaxed);
        }
        for node in next.broken_disks.difference(&now.broken_disks) {
            self.node(*node).disk.set_failing(true);
        }
        for node in now.broken_disks.difference(&next.broken_disks) {
            self.node(*node).disk.set_failing(false);
            // What the process saw of the disk is not forgiven: it starts anew.
            if !next.down.contains(node) {
                self.crash(*node);
                self.start(*node);
            }
        }
    }

    fn crash(&mut self, node: u64) {
        let machine = self.node(node);
        if self.sim.is_host_running(address(node)) {
            self.observe(node, Observation::Crashed);
        }
        machine.forget_core();
        self.sim.crash(address(node));
        machine.gate.reset();
        if self.conditions.paused.contains(&node) {
            machine.gate.close();
        }
    }

    fn start(&mut self, node: u64) {
        self.sim.bounce(address(node));
    }

    /// The end of a fault restarts what it took down; a process may also have
    /// stopped a moment before its disk was mended.
    fn restart_stopped(&mut self) {
        for node in self.nodes.clone() {
            if !self.sim.is_host_running(address(node.id)) {
                self.start(node.id);
            }
        }
    }

    fn has_recovered(&mut self) -> bool {
        let everyone: BTreeSet<u64> = self.nodes.iter().map(|node| node.id).collect();
        let metrics: Vec<CoreMetrics> = self.metrics().map(|(_, metrics)| metrics).collect();
        let Some(leader) = metrics.iter().find(|metrics| metrics.role == Role::Leader) else {
            return false;
        };
        let voters: BTreeSet<u64> = leader.voters.iter().map(|node| node.get()).collect();
        if voters != everyone {
            self.gather_voters(leader, &everyone);
            return false;
        }
        metrics.len() == everyone.len()
            && *lock(&self.world.recovered) == everyone
            && metrics.iter().all(|metrics| {
                metrics.applied == leader.last_log && metrics.last_log == leader.last_log
            })
    }

    /// In the end every node has to be a voter, whatever was changed before.
    fn gather_voters(&self, leader: &CoreMetrics, everyone: &BTreeSet<u64>) {
        let mut orders = lock(&self.world.orders);
        if !orders.is_empty() {
            return;
        }
        let is_member = |node: &u64| {
            let members = leader.voters.iter().chain(&leader.learners);
            members.into_iter().any(|member| member.get() == *node)
        };
        let strangers = everyone.iter().filter(|node| !is_member(node));
        orders.extend(strangers.map(|node| Order::AddLearner(*node)));
        orders.push_back(Order::ChangeVoters(everyone.clone()));
    }

    fn node(&self, id: u64) -> Arc<Node> {
        self.nodes[id as usize - 1].clone()
    }

    fn tell(&self, what: String) {
        self.observe(0, Observation::Fault { what });
    }

    fn observe(&self, node: u64, what: Observation) {
        let mut oracle = lock(&self.world.oracle);
        oracle.set_time(self.sim.elapsed());
        oracle.observe(node, what);
    }
}
