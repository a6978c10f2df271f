//! From a seed to a plan: which machines, who comes and goes and when, and what
//! fails meanwhile. Pure.

use std::collections::BTreeSet;
use std::fmt;

use quorate_core::tier::FaultPoint;

use crate::fault::{Fault, FaultKind};
use crate::rng::Rng;
use crate::schedule::Snapshots;

/// Every machine has formed its own cluster by then.
const FORMED_MS: u64 = 1_500;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierPlan {
    pub seed: u64,
    pub machines: u64,
    /// Intents, faults and writes end here; what follows is recovery.
    pub load_ms: u64,
    pub sync_ms: u64,
    pub snapshots: Snapshots,
    pub intents: Vec<Intent>,
    pub traps: Vec<Trap>,
    pub faults: Vec<Fault>,
}

/// What people want from some time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    pub at_ms: u64,
    pub what: Wish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Stand {
        machine: u64,
        goal: Goal,
    },
    /// Two candidates with one token.
    Race([u64; 2]),
    /// Somebody removes the machine, which is down.
    ForceLeave {
        machine: u64,
        then: Goal,
    },
    /// The machine, which is down, comes back at another address.
    Move {
        machine: u64,
    },
    /// The cluster gets another certificate authority.
    Rotate,
}

/// Whether a machine is to be in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    Inside,
    /// After it has left it forms a cluster of its own, or none.
    Outside {
        reforms: bool,
    },
}

/// Ends a process at a step of a protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    pub point: FaultPoint,
    /// So many pass before one is caught.
    pub passes: u64,
    pub loses_power: bool,
    pub down_ms: u64,
}

impl TierPlan {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::derive(seed, &[100]);
        let machines = *rng.pick(&[3, 3, 4, 4, 5]);
        let load_ms = rng.between(15_000, 25_000);
        let sync_ms = *rng.pick(&[1, 3, 8]);
        let snapshots = Snapshots {
            min_log_bytes: *rng.pick(&[4_000, 20_000, 200_000]),
            tail_entries: *rng.pick(&[0, 4, 50]),
        };
        let mut planner = Planner {
            rng,
            machines,
            load_ms,
            inside: BTreeSet::from([1]),
            intents: Vec::new(),
            faults: Vec::new(),
        };
        planner.plan_intents();
        planner.plan_faults();
        let rotates = seed % 5 == 2;
        if rotates {
            planner.plan_rotation();
        }
        let mut traps = planner.traps(&FaultPoint::OF_MEMBERSHIP);
        if rotates {
            traps.extend(planner.traps(&FaultPoint::OF_AUTHORITIES));
        }
        planner.faults.sort_by_key(|fault| fault.from_ms);
        Self {
            seed,
            machines,
            load_ms,
            sync_ms,
            snapshots,
            intents: planner.intents,
            traps,
            faults: planner.faults,
        }
    }

    pub fn machines(&self) -> Vec<u64> {
        (1..=self.machines).collect()
    }

    /// The plan with one thing less that goes wrong, or is wished.
    pub fn without(&self, index: usize) -> Option<Self> {
        let mut shorter = self.clone();
        let (traps, faults) = (self.traps.len(), self.faults.len());
        if index < traps {
            shorter.traps.remove(index);
        } else if index < traps + faults {
            shorter.faults.remove(index - traps);
        } else if index < traps + faults + self.intents.len() {
            shorter.intents.remove(index - traps - faults);
        } else {
            return None;
        }
        Some(shorter)
    }
}

struct Planner {
    rng: Rng,
    machines: u64,
    load_ms: u64,
    /// Who is to be in the cluster, as far as it is planned.
    inside: BTreeSet<u64>,
    intents: Vec<Intent>,
    faults: Vec<Fault>,
}

impl Planner {
    fn plan_intents(&mut self) {
        let mut at = FORMED_MS + self.rng.below(500);
        // A node that was removed while it was down learns it from those that it
        // knows; nobody tells it where they have moved to.
        let (mut has_moved, mut has_removed) = (false, false);
        while at + 3_000 < self.load_ms {
            let inside: Vec<u64> = self.inside.iter().copied().collect();
            let outside: Vec<u64> = (1..=self.machines)
                .filter(|it| !self.inside.contains(it))
                .collect();
            let grows = inside.len() < 3 || self.rng.percent(40);
            if !outside.is_empty() && grows {
                self.join(at, &outside);
            } else {
                let machine = *self.rng.pick(&inside);
                match self.rng.below(4) {
                    0 if !has_moved && !has_removed => {
                        has_moved = true;
                        self.change_address(at, machine);
                    }
                    1 if !has_moved && inside.len() > 2 => {
                        has_removed = true;
                        self.force_leave(at, machine);
                    }
                    _ => self.leave(at, machine),
                }
            }
            at += self.rng.between(300, 5_000);
        }
    }

    fn wish(&mut self, at_ms: u64, what: Wish) {
        self.intents.push(Intent { at_ms, what });
        self.intents.sort_by_key(|intent| intent.at_ms);
    }

    fn join(&mut self, at: u64, outside: &[u64]) {
        if let [one, other, ..] = *outside
            && self.rng.percent(40)
        {
            self.inside.extend([one, other]);
            return self.wish(at, Wish::Race([one, other]));
        }
        let machine = *self.rng.pick(outside);
        self.inside.insert(machine);
        let goal = Goal::Inside;
        self.wish(at, Wish::Stand { machine, goal });
    }

    fn leave(&mut self, at: u64, machine: u64) {
        if self.inside.len() < 2 {
            return;
        }
        self.inside.remove(&machine);
        let reforms = self.rng.percent(30);
        let goal = Goal::Outside { reforms };
        self.wish(at, Wish::Stand { machine, goal });
    }

    fn force_leave(&mut self, at: u64, machine: u64) {
        let then = if self.rng.percent(50) {
            Goal::Inside
        } else {
            self.inside.remove(&machine);
            Goal::Outside { reforms: false }
        };
        let down = self.rng.between(2_000, 6_000);
        self.fail(at, down, FaultKind::Kill(vec![machine]));
        self.wish(at + 1_000, Wish::ForceLeave { machine, then });
    }

    fn change_address(&mut self, at: u64, machine: u64) {
        let down = self.rng.between(100, 3_000);
        self.fail(at, down, FaultKind::Kill(vec![machine]));
        self.wish(at + 50, Wish::Move { machine });
    }

    fn plan_faults(&mut self) {
        for _ in 0..self.rng.between(0, 4) {
            let from = self.rng.between(FORMED_MS, self.load_ms - 2_000);
            let lasts = self.rng.between(200, 5_000);
            let machine = self.rng.between(1, self.machines);
            let kind = match self.rng.below(9) {
                0 | 1 => FaultKind::PowerLoss(vec![machine]),
                2 => FaultKind::Kill(vec![machine]),
                3 => FaultKind::Pause(vec![machine]),
                4 | 5 => FaultKind::Isolate(vec![machine]),
                6 => FaultKind::Loss {
                    loss_permille: self.rng.between(20, 200),
                    duplicate_permille: self.rng.between(0, 200),
                },
                7 => FaultKind::Delay {
                    max_ms: self.rng.between(20, 200),
                },
                _ => FaultKind::SlowDisk {
                    node: machine,
                    max_ms: self.rng.between(30, 400),
                },
            };
            self.fail(from, lasts, kind);
        }
    }

    /// Then nobody leaves: who is removed, and away until the old authority is gone,
    /// finds nobody any more that it would believe.
    fn plan_rotation(&mut self) {
        self.intents.retain(|intent| match intent.what {
            Wish::Stand { goal, .. } => goal == Goal::Inside,
            Wish::ForceLeave { .. } => false,
            Wish::Race(_) | Wish::Move { .. } | Wish::Rotate => true,
        });
        let at = self.rng.between(FORMED_MS + 500, self.load_ms - 3_000);
        self.wish(at, Wish::Rotate);
    }

    fn fail(&mut self, from_ms: u64, lasts_ms: u64, kind: FaultKind) {
        self.faults.push(Fault {
            from_ms,
            to_ms: (from_ms + lasts_ms).min(self.load_ms),
            kind,
        });
    }

    fn traps(&mut self, points: &[FaultPoint]) -> Vec<Trap> {
        let count = self.rng.below(4);
        let trap = |rng: &mut Rng| Trap {
            point: *rng.pick(points),
            passes: rng.below(3),
            loses_power: rng.percent(50),
            down_ms: rng.between(50, 4_000),
        };
        (0..count).map(|_| trap(&mut self.rng)).collect()
    }
}

impl fmt::Display for TierPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "tier seed {}: {} machines, load for {:.3} s, syncs up to {} ms, snapshots from {} \
             bytes of log, {} entries kept",
            self.seed,
            self.machines,
            self.load_ms as f64 / 1000.0,
            self.sync_ms,
            self.snapshots.min_log_bytes,
            self.snapshots.tail_entries,
        )?;
        for intent in &self.intents {
            writeln!(
                formatter,
                "  {:6.3}  {:?}",
                intent.at_ms as f64 / 1000.0,
                intent.what
            )?;
        }
        for fault in &self.faults {
            writeln!(formatter, "  {fault}")?;
        }
        self.traps
            .iter()
            .try_for_each(|trap| writeln!(formatter, "  {trap:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_plan_and_somebody_always_stays() {
        for seed in 0..300 {
            let plan = TierPlan::new(seed);
            assert_eq!(plan, TierPlan::new(seed));
            assert!(plan.intents.len() > 1, "{plan}");
            let mut inside = BTreeSet::from([1]);
            for intent in &plan.intents {
                match intent.what {
                    Wish::Stand { machine, goal }
                    | Wish::ForceLeave {
                        machine,
                        then: goal,
                    } => {
                        match goal {
                            Goal::Inside => inside.insert(machine),
                            Goal::Outside { .. } => inside.remove(&machine),
                        };
                    }
                    Wish::Race(machines) => inside.extend(machines),
                    Wish::Move { .. } | Wish::Rotate => {}
                }
                assert!(!inside.is_empty(), "{plan}");
            }
            for fault in &plan.faults {
                assert!(
                    fault.from_ms < fault.to_ms && fault.to_ms <= plan.load_ms,
                    "{plan}"
                );
            }
        }
    }
}
