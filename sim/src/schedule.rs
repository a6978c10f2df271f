//! From a seed to a plan: which cluster, which load, which faults and when.
//! Pure, so that a plan can be printed, shortened and run again.

use std::collections::BTreeSet;
use std::fmt;

use crate::fault::{Fault, FaultKind};
use crate::rng::Rng;

/// No fault before this: the cluster forms first.
const FORMED_MS: u64 = 3_000;

/// Everything about a run that its seed decides beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    /// These form the cluster: nodes 1, 2, ...
    pub founders: u64,
    /// Nodes that run from the start and belong to no cluster yet.
    pub spares: u64,
    /// Faults and load end here; what follows is recovery.
    pub load_ms: u64,
    pub load: Load,
    /// A sync usually takes up to so long.
    pub sync_ms: u64,
    pub snapshots: Snapshots,
    pub faults: Vec<Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    pub clients_per_node: u64,
    /// Clients wait up to so long between two operations.
    pub think_ms: u64,
    /// Of 100 operations.
    pub read_percent: u64,
    pub claim_percent: u64,
    /// Padding of values, so that logs and snapshots get some size.
    pub value_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshots {
    pub min_log_bytes: u64,
    pub tail_entries: u64,
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::derive(seed, &[0]);
        let founders = if rng.percent(20) { 5 } else { 3 };
        let spares = u64::from(rng.percent(30));
        let load_ms = FORMED_MS + rng.between(8_000, 14_000);
        let load = Load {
            clients_per_node: if founders == 5 { 1 } else { 2 },
            think_ms: *rng.pick(&[20, 40, 80]),
            read_percent: rng.between(25, 50),
            claim_percent: rng.between(10, 30),
            value_bytes: *rng.pick(&[0, 20, 200]),
        };
        let snapshots = Snapshots {
            min_log_bytes: *rng.pick(&[4_000, 20_000, 200_000]),
            tail_entries: *rng.pick(&[0, 4, 50]),
        };
        let sync_ms = *rng.pick(&[1, 3, 8]);
        let mut planner = Planner {
            rng,
            founders,
            spares,
            load_ms,
            faults: Vec::new(),
        };
        planner.plan();
        // A stream of its own: what came before it in the plan stays as it was.
        planner.rng = Rng::derive(seed, &[3]);
        if planner.rng.percent(20) {
            planner.removal();
        }
        planner.faults.sort_by_key(|fault| fault.from_ms);
        Self {
            seed,
            founders,
            spares,
            load_ms,
            load,
            sync_ms,
            snapshots,
            faults: planner.faults,
        }
    }

    pub fn nodes(&self) -> Vec<u64> {
        (1..=self.founders + self.spares).collect()
    }

    pub fn without_fault(&self, index: usize) -> Self {
        let mut shorter = self.clone();
        shorter.faults.remove(index);
        shorter
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "seed {}: {} cores and {} spare, load for {:.3} s, {} clients a node, syncs up to {} ms, \
             snapshots from {} bytes of log, {} entries kept",
            self.seed,
            self.founders,
            self.spares,
            self.load_ms as f64 / 1000.0,
            self.load.clients_per_node,
            self.sync_ms,
            self.snapshots.min_log_bytes,
            self.snapshots.tail_entries,
        )?;
        for fault in &self.faults {
            writeln!(formatter, "  {fault}")?;
        }
        Ok(())
    }
}

struct Planner {
    rng: Rng,
    founders: u64,
    spares: u64,
    load_ms: u64,
    faults: Vec<Fault>,
}

impl Planner {
    fn plan(&mut self) {
        for _ in 0..self.rng.between(2, 5) {
            self.episode();
        }
    }

    /// One thing that goes wrong, sometimes made of several faults whose
    /// coincidence is what hurts.
    fn episode(&mut self) {
        let from = self.rng.between(FORMED_MS, self.load_ms - 2_000);
        match self.rng.below(17) {
            0 | 1 => self.crash(from),
            2 | 16 => self.lights_out(from),
            3 => self.restarts_in_a_row(from),
            4 => self.pause(from),
            5 | 6 => self.isolate(from),
            7 => self.one_way(from),
            8 | 9 => self.hub(from),
            10 => self.bad_network(from),
            11 => self.slow_disk(from),
            12 => self.broken_disk(from),
            13 => self.clock_jump(from),
            _ => self.membership(from),
        }
    }

    fn add(&mut self, from_ms: u64, lasts_ms: u64, kind: FaultKind) {
        let to_ms = (from_ms + lasts_ms).min(self.load_ms);
        if from_ms < to_ms {
            self.faults.push(Fault {
                from_ms,
                to_ms,
                kind,
            });
        }
    }

    fn some_nodes(&mut self, count: u64) -> Vec<u64> {
        let mut nodes: Vec<u64> = (1..=self.founders + self.spares).collect();
        self.rng.shuffle(&mut nodes);
        nodes.truncate(count as usize);
        nodes.sort_unstable();
        nodes
    }

    fn some_node(&mut self) -> u64 {
        self.rng.between(1, self.founders + self.spares)
    }

    fn minority(&mut self) -> u64 {
        self.rng.between(1, (self.founders - 1) / 2)
    }

    fn crash(&mut self, from: u64) {
        let count = self.minority();
        let nodes = self.some_nodes(count);
        let lasts = self.rng.between(100, 5_000);
        let kind = if self.rng.percent(60) {
            FaultKind::PowerLoss(nodes)
        } else {
            FaultKind::Kill(nodes)
        };
        self.add(from, lasts, kind);
    }

    /// Everything goes down at once and comes back one by one. Slow disks
    /// before it make sure that there is something to lose.
    fn lights_out(&mut self, from: u64) {
        let power = self.rng.percent(80);
        let slow = self.rng.percent(60);
        let slow_ms = self.rng.between(20, 200);
        let out = from + if slow { 1_000 } else { 0 };
        for node in 1..=self.founders + self.spares {
            if slow {
                let max_ms = slow_ms;
                self.add(from, 1_500, FaultKind::SlowDisk { node, max_ms });
            }
            let lasts = self.rng.between(100, 2_000);
            let kind = if power {
                FaultKind::PowerLoss(vec![node])
            } else {
                FaultKind::Kill(vec![node])
            };
            self.add(out, lasts, kind);
        }
    }

    /// Power goes from one node to the next: what only one of two
    /// acknowledging nodes really had is lost now.
    fn restarts_in_a_row(&mut self, from: u64) {
        let nodes = self.some_nodes(self.founders);
        let mut at = from;
        for node in nodes {
            let lasts = self.rng.between(50, 800);
            self.add(at, lasts, FaultKind::PowerLoss(vec![node]));
            at += self.rng.between(20, 1_200);
        }
    }

    fn pause(&mut self, from: u64) {
        let count = self.minority();
        let nodes = self.some_nodes(count);
        let lasts = self.rng.between(200, 4_000);
        self.add(from, lasts, FaultKind::Pause(nodes));
    }

    fn isolate(&mut self, from: u64) {
        let count = self.rng.between(1, self.founders / 2 + 1);
        let nodes = self.some_nodes(count);
        let lasts = self.rng.between(500, 6_000);
        self.add(from, lasts, FaultKind::Isolate(nodes));
    }

    fn one_way(&mut self, from: u64) {
        let node = self.some_node();
        let outward = self.rng.percent(50);
        let pairs = (1..=self.founders + self.spares)
            .filter(|other| *other != node)
            .map(|other| {
                if outward {
                    (node, other)
                } else {
                    (other, node)
                }
            })
            .collect();
        let lasts = self.rng.between(500, 5_000);
        self.add(from, lasts, FaultKind::CutOneWay(pairs));
    }

    /// One node sees two sides that do not see each other, and is restarted
    /// again and again: whoever it voted for must stay voted for.
    fn hub(&mut self, from: u64) {
        let hub = self.rng.between(1, self.founders);
        let others: Vec<u64> = (1..=self.founders).filter(|node| *node != hub).collect();
        let mut pairs = Vec::new();
        for (index, one) in others.iter().enumerate() {
            pairs.extend(others[index + 1..].iter().map(|other| (*one, *other)));
        }
        let lasts = self.rng.between(3_000, 7_000);
        self.add(from, lasts, FaultKind::Cut(pairs));
        let mut at = from + self.rng.between(0, 1_000);
        while at < from + lasts {
            let down = self.rng.between(20, 300);
            let kind = if self.rng.percent(50) {
                FaultKind::PowerLoss(vec![hub])
            } else {
                FaultKind::Kill(vec![hub])
            };
            self.add(at, down, kind);
            at += self.rng.between(400, 2_000);
        }
    }

    fn bad_network(&mut self, from: u64) {
        let lasts = self.rng.between(1_000, 8_000);
        if self.rng.percent(60) {
            let kind = FaultKind::Loss {
                loss_permille: self.rng.between(20, 300),
                duplicate_permille: self.rng.between(0, 300),
            };
            self.add(from, lasts, kind);
        }
        if self.rng.percent(60) {
            let max_ms = self.rng.between(20, 600);
            self.add(from, lasts, FaultKind::Delay { max_ms });
        }
    }

    fn slow_disk(&mut self, from: u64) {
        let node = self.some_node();
        let max_ms = self.rng.between(30, 800);
        let lasts = self.rng.between(1_000, 6_000);
        self.add(from, lasts, FaultKind::SlowDisk { node, max_ms });
    }

    fn broken_disk(&mut self, from: u64) {
        let node = self.some_node();
        let lasts = self.rng.between(500, 4_000);
        self.add(from, lasts, FaultKind::BrokenDisk { node });
    }

    fn clock_jump(&mut self, from: u64) {
        let node = self.some_node();
        let hours = self.rng.between(0, 48) as i64 - 24;
        let by_ms = hours * 3_600_000 + self.rng.between(0, 10_000) as i64 - 5_000;
        self.add(from, 1, FaultKind::ClockJump { node, by_ms });
    }

    /// A node leaves the group, and mostly comes back while the load goes on.
    fn removal(&mut self) {
        let all = self.founders + self.spares;
        let node = self.some_node();
        let from = self.rng.between(FORMED_MS, self.load_ms - 4_000);
        let voters = (1..=self.founders).filter(|other| *other != node).collect();
        if node > self.founders {
            self.add(from, 1, FaultKind::AddLearner { node });
        } else {
            self.add(from, 1, FaultKind::ChangeVoters { voters });
        }
        let removed = from + self.rng.between(100, 1_500);
        self.add(removed, 1, FaultKind::RemoveLearner { node });
        if self.rng.percent(70) {
            let back = removed + self.rng.between(200, 2_000);
            self.add(back, 1, FaultKind::AddLearner { node });
            let voters = (1..=all).collect();
            self.add(back + 300, 1, FaultKind::ChangeVoters { voters });
        }
    }

    /// A change of voters while something else fails.
    fn membership(&mut self, from: u64) {
        let all = self.founders + self.spares;
        if self.spares > 0 {
            let node = self.founders + 1;
            self.add(from, 1, FaultKind::AddLearner { node });
        }
        let count = self.rng.between(self.founders - 1, all);
        let voters: BTreeSet<u64> = self.some_nodes(count).into_iter().collect();
        let later = from + self.rng.between(100, 1_500);
        self.add(later, 1, FaultKind::ChangeVoters { voters });
        match self.rng.below(3) {
            0 => self.crash(later + 50),
            1 => self.isolate(later + 50),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_plan_and_every_fault_ends_with_the_load() {
        for seed in 0..500 {
            let plan = Plan::new(seed);
            assert_eq!(plan, Plan::new(seed));
            for fault in &plan.faults {
                assert!(FORMED_MS <= fault.from_ms, "{fault}");
                assert!(
                    fault.from_ms < fault.to_ms && fault.to_ms <= plan.load_ms,
                    "{fault}"
                );
            }
        }
    }

    #[test]
    fn every_kind_of_fault_comes_up() {
        let kinds: BTreeSet<String> = (0..300)
            .flat_map(|seed| Plan::new(seed).faults)
            .map(|fault| format!("{:?}", std::mem::discriminant(&fault.kind)))
            .collect();
        assert_eq!(kinds.len(), 14);
    }
}
