//! Runs one tier plan: steps the simulation, applies wishes and faults, takes
//! away the processes that traps have ended, and waits for the end of it all.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::fault::{Conditions, Fault, FaultKind};
use crate::oracle::{NOTHING_PANICS, Violation};
use crate::panics;
use crate::rng::Rng;
use crate::runtime::lock;
use crate::simulation::{self, TICK};
use crate::tier::convergence;
use crate::tier::desk::Rotation;
use crate::tier::event::Observation;
use crate::tier::invariants::{BOUND, Record};
use crate::tier::machine::{HOMES, Machine, address};
use crate::tier::plan::{Goal, TierPlan, Trap, Wish};
use crate::tier::reach::TierReach;
use crate::tier::world::World;

/// How often it is looked whether everything has settled.
const WATCH: Duration = Duration::from_millis(50);

/// What came of one run.
#[derive(Debug, Clone, Default)]
pub struct TierOutcome {
    pub violation: Option<Violation>,
    /// Equal for equal plans.
    pub trace: u64,
    pub events: u64,
    pub simulated: Duration,
    pub settled: Option<Duration>,
    pub reach: TierReach,
    pub story: Vec<String>,
}

/// Runs `plan` to its end or to the first broken promise.
pub fn run(plan: &TierPlan, keeps_story: bool) -> TierOutcome {
    let world = Arc::new(World::new(plan.clone(), keeps_story));
    let mut cluster = Cluster::new(Arc::clone(&world));
    let settled = cluster.run();
    let record = Record {
        settled,
        unsettled: convergence::unsettled(&world, &cluster.machines),
        finals: convergence::finals(&world, &cluster.machines),
    };
    let mut oracle = lock(&world.oracle);
    if oracle.violation().is_none() {
        oracle.conclude(&record);
    }
    TierOutcome {
        violation: oracle.violation().cloned(),
        trace: oracle.trace(),
        events: oracle.events(),
        simulated: cluster.sim.elapsed(),
        settled,
        reach: oracle.reach.clone(),
        story: oracle.story().to_vec(),
    }
}

struct Cluster {
    world: Arc<World>,
    sim: turmoil::Sim<'static>,
    machines: Vec<Arc<Machine>>,
    conditions: Conditions,
    /// The plan's and those that traps add.
    faults: Vec<Fault>,
    wished: usize,
    rng: Rng,
}

impl Cluster {
    fn new(world: Arc<World>) -> Self {
        let plan = &world.plan;
        let mut rng = Rng::derive(plan.seed, &[102]);
        let mut sim = simulation::build(&mut rng);
        let made = plan
            .machines()
            .into_iter()
            .map(|id| Machine::new(id, plan.sync_ms));
        let machines: Vec<Arc<Machine>> = made.map(Arc::new).collect();
        for machine in &machines {
            for home in HOMES {
                let (machine, world) = (Arc::clone(machine), Arc::clone(&world));
                sim.host(address(machine.id, home), move || {
                    Arc::clone(&machine).run(home, Arc::clone(&world))
                });
            }
        }
        lock(&world.desk).goals.insert(1, Goal::Inside);
        Self {
            faults: plan.faults.clone(),
            world,
            sim,
            machines,
            conditions: Conditions::default(),
            wished: 0,
            rng,
        }
    }

    /// How long it took to settle, if it came in time.
    fn run(&mut self) -> Option<Duration> {
        let load = Duration::from_millis(self.world.plan.load_ms);
        while self.sim.elapsed() < load {
            self.apply_wishes();
            self.apply_faults();
            if !self.step() {
                return None;
            }
            self.bury();
        }
        self.change_to(Conditions::default());
        self.restart_stopped();
        self.world.end_load();
        self.tell(String::from("the faults are over"));
        while self.sim.elapsed() <= load + BOUND {
            if !self.step() {
                return None;
            }
            let now_ms = self.sim.elapsed().as_millis();
            let is_time = now_ms.is_multiple_of(WATCH.as_millis());
            if is_time && convergence::unsettled(&self.world, &self.machines).is_empty() {
                return Some(self.sim.elapsed().saturating_sub(load));
            }
        }
        None
    }

    /// One step of time; `false` once a promise is broken.
    fn step(&mut self) -> bool {
        self.world.set_time(self.sim.elapsed());
        let stepped = self.sim.step();
        if let Some(detail) = panics::of_a_task() {
            self.world.fail(NOTHING_PANICS, detail);
        }
        if let Err(error) = stepped {
            let detail = format!("a node failed: {error}");
            self.world.fail("nodes never stop by themselves", detail);
        }
        self.world.set_time(self.sim.elapsed());
        lock(&self.world.oracle).violation().is_none()
    }

    fn now_ms(&self) -> u64 {
        self.sim.elapsed().as_millis() as u64
    }

    fn apply_wishes(&mut self) {
        let world = Arc::clone(&self.world);
        while let Some(intent) = world.plan.intents.get(self.wished) {
            if intent.at_ms > self.now_ms() {
                return;
            }
            self.wished += 1;
            self.tell(format!("{:?}", intent.what));
            let mut desk = lock(&world.desk);
            match intent.what {
                Wish::Stand { machine, goal } => {
                    desk.goals.insert(machine, goal);
                }
                Wish::Race(machines) => {
                    desk.share_token(machines);
                    desk.goals
                        .extend(machines.map(|machine| (machine, Goal::Inside)));
                }
                Wish::ForceLeave { machine, then } => {
                    desk.removals.push(self.machine(machine).name());
                    desk.goals.insert(machine, then);
                }
                Wish::Rotate => desk.rotation = Some(Rotation::Begin),
                Wish::Move { machine } => {
                    // It is down by the plan; where the plan was shortened it is not.
                    if self.conditions.down.contains(&machine) {
                        self.machine(machine).move_away();
                    }
                }
            }
        }
    }

    fn apply_faults(&mut self) {
        let (now_ms, step_ms) = (self.now_ms(), TICK.as_millis() as u64);
        let in_force: Vec<Fault> = self
            .faults
            .iter()
            .filter(|fault| fault.from_ms < now_ms + step_ms && now_ms < fault.to_ms)
            .cloned()
            .collect();
        for fault in in_force.iter().filter(|fault| now_ms <= fault.from_ms) {
            self.tell(fault.kind.to_string());
            if let FaultKind::PowerLoss(machines) = &fault.kind {
                machines.iter().for_each(|machine| self.cut_power(*machine));
            }
        }
        let kinds = in_force.iter().map(|fault| &fault.kind);
        let conditions = Conditions::of(&self.world.plan.machines(), kinds);
        self.change_to(conditions);
    }

    fn cut_power(&mut self, machine: u64) {
        self.crash(machine);
        let (kept, written) = self.machine(machine).lose_power(&mut self.rng);
        self.world
            .observe(machine, Observation::PowerLost { kept, written });
    }

    /// Takes away the processes that traps have ended, for a while.
    fn bury(&mut self) {
        for (machine, trap) in self.world.take_sprung() {
            self.tell(format!("the trap at {:?} has sprung", trap.point));
            let Trap {
                loses_power,
                down_ms,
                ..
            } = trap;
            let now_ms = self.now_ms();
            self.faults.push(Fault {
                from_ms: now_ms.saturating_sub(1),
                to_ms: (now_ms + down_ms).min(self.world.plan.load_ms),
                kind: FaultKind::Kill(vec![machine]),
            });
            if loses_power {
                self.cut_power(machine);
            } else {
                self.crash(machine);
            }
        }
    }

    /// Brings the world from the present conditions to others.
    fn change_to(&mut self, next: Conditions) {
        if next == self.conditions {
            return;
        }
        let now = std::mem::replace(&mut self.conditions, next.clone());
        self.change_network(&now, &next);
        for machine in &self.machines {
            let sync_ms = next.slow_disks.get(&machine.id);
            let sync_ms = sync_ms.unwrap_or(&self.world.plan.sync_ms);
            machine.sync_ms.store(*sync_ms, Ordering::Relaxed);
        }
        for machine in next.paused.difference(&now.paused) {
            self.machine(*machine).gate.close();
        }
        for machine in now.paused.difference(&next.paused) {
            self.machine(*machine).gate.open();
        }
        for machine in next.down.difference(&now.down) {
            self.crash(*machine);
        }
        for machine in now.down.difference(&next.down) {
            self.start(*machine);
        }
    }

    fn change_network(&mut self, now: &Conditions, next: &Conditions) {
        simulation::change_network(&self.sim, &self.world.weather, (now, next), paths);
    }

    fn crash(&mut self, id: u64) {
        let machine = self.machine(id);
        if self.sim.is_host_running(machine.address()) {
            self.world.observe(id, Observation::Crashed);
        }
        lock(&self.world.desk).members.remove(&id);
        machine.forget_node();
        self.sim.crash(machine.address());
        machine.gate.reset();
        if self.conditions.paused.contains(&id) {
            machine.gate.close();
        }
    }

    fn start(&mut self, id: u64) {
        let address = self.machine(id).address();
        if !self.sim.is_host_running(address) {
            self.sim.bounce(address);
        }
    }

    /// The end of the faults restarts whatever they took down.
    fn restart_stopped(&mut self) {
        let ids = self.world.plan.machines();
        ids.into_iter().for_each(|id| self.start(id));
    }

    fn machine(&self, id: u64) -> Arc<Machine> {
        Arc::clone(&self.machines[id as usize - 1])
    }

    fn tell(&self, what: String) {
        self.world.set_time(self.sim.elapsed());
        self.world.observe(0, Observation::Told { what });
    }
}

/// All ways from one machine to the other.
fn paths(from: u64, to: u64) -> impl Iterator<Item = (std::net::IpAddr, std::net::IpAddr)> {
    let pairs = HOMES
        .into_iter()
        .flat_map(|one| HOMES.map(|other| (one, other)));
    pairs.map(move |(one, other)| (address(from, one), address(to, other)))
}
