//! The faults a schedule can hold and the conditions that follow from those in
//! force. Pure: the cluster compares two conditions and acts on the difference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A fault and when it begins and ends, in milliseconds of simulated time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub from_ms: u64,
    pub to_ms: u64,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// The process dies and is started again when the fault ends.
    Kill(Vec<u64>),
    /// Like `Kill`, and what was not synced is lost but for a random prefix.
    PowerLoss(Vec<u64>),
    /// The process stands still while time goes on.
    Pause(Vec<u64>),
    /// Nothing passes between these nodes and all others.
    Isolate(Vec<u64>),
    /// Nothing passes between these pairs, while others may reach both.
    Cut(Vec<(u64, u64)>),
    /// Nothing passes from the first to the second of each pair.
    CutOneWay(Vec<(u64, u64)>),
    /// Messages between all nodes take up to so long.
    Delay { max_ms: u64 },
    /// Datagrams get lost or come twice.
    Loss {
        loss_permille: u64,
        duplicate_permille: u64,
    },
    /// A sync takes up to so long.
    SlowDisk { node: u64, max_ms: u64 },
    /// Every sync fails; the node has to stop, and starts again afterwards.
    BrokenDisk { node: u64 },
    /// The wall clock jumps at the beginning of the fault.
    ClockJump { node: u64, by_ms: i64 },
    /// A node joins as learner at the beginning of the fault.
    AddLearner { node: u64 },
    /// These become the voters at the beginning of the fault.
    ChangeVoters { voters: BTreeSet<u64> },
    /// A learner leaves the group at the beginning of the fault.
    RemoveLearner { node: u64 },
}

/// The state of the world that a set of faults asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    pub down: BTreeSet<u64>,
    pub paused: BTreeSet<u64>,
    /// From, to.
    pub cuts: BTreeSet<(u64, u64)>,
    pub delay_ms: Option<u64>,
    pub loss_permille: u64,
    pub duplicate_permille: u64,
    pub slow_disks: BTreeMap<u64, u64>,
    pub broken_disks: BTreeSet<u64>,
}

impl Conditions {
    pub fn of<'a>(nodes: &[u64], faults: impl IntoIterator<Item = &'a FaultKind>) -> Self {
        let mut conditions = Self::default();
        for fault in faults {
            conditions.add(nodes, fault);
        }
        conditions
    }

    fn add(&mut self, nodes: &[u64], fault: &FaultKind) {
        match fault {
            FaultKind::Kill(down) | FaultKind::PowerLoss(down) => self.down.extend(down),
            FaultKind::Pause(paused) => self.paused.extend(paused),
            FaultKind::Isolate(inside) => {
                for node in inside {
                    for other in nodes.iter().filter(|other| !inside.contains(other)) {
                        self.cut_both_ways(*node, *other);
                    }
                }
            }
            FaultKind::Cut(pairs) => {
                for (one, other) in pairs {
                    self.cut_both_ways(*one, *other);
                }
            }
            FaultKind::CutOneWay(pairs) => self.cuts.extend(pairs),
            FaultKind::Delay { max_ms } => {
                self.delay_ms = Some(self.delay_ms.unwrap_or(0).max(*max_ms));
            }
            FaultKind::Loss {
                loss_permille,
                duplicate_permille,
            } => {
                self.loss_permille = self.loss_permille.max(*loss_permille);
                self.duplicate_permille = self.duplicate_permille.max(*duplicate_permille);
            }
            FaultKind::SlowDisk { node, max_ms } => {
                let slow = self.slow_disks.entry(*node).or_default();
                *slow = (*slow).max(*max_ms);
            }
            FaultKind::BrokenDisk { node } => {
                self.broken_disks.insert(*node);
            }
            FaultKind::ClockJump { .. }
            | FaultKind::AddLearner { .. }
            | FaultKind::ChangeVoters { .. }
            | FaultKind::RemoveLearner { .. } => {}
        }
    }

    fn cut_both_ways(&mut self, one: u64, other: u64) {
        self.cuts.insert((one, other));
        self.cuts.insert((other, one));
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ms: u64| ms as f64 / 1000.0;
        write!(
            formatter,
            "{:6.3} to {:6.3}  {}",
            seconds(self.from_ms),
            seconds(self.to_ms),
            self.kind
        )
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(nodes) => write!(formatter, "kill {nodes:?}"),
            Self::PowerLoss(nodes) => write!(formatter, "power loss at {nodes:?}"),
            Self::Pause(nodes) => write!(formatter, "pause {nodes:?}"),
            Self::Isolate(nodes) => write!(formatter, "isolate {nodes:?} from the rest"),
            Self::Cut(pairs) => write!(formatter, "cut between {pairs:?}"),
            Self::CutOneWay(pairs) => write!(formatter, "cut one way, from and to: {pairs:?}"),
            Self::Delay { max_ms } => write!(formatter, "delay of up to {max_ms} ms"),
            Self::Loss {
                loss_permille,
                duplicate_permille,
            } => write!(
                formatter,
                "lose {loss_permille} and double {duplicate_permille} of 1000 datagrams"
            ),
            Self::SlowDisk { node, max_ms } => {
                write!(
                    formatter,
                    "slow disk at {node}: a sync takes up to {max_ms} ms"
                )
            }
            Self::BrokenDisk { node } => write!(formatter, "broken disk at {node}: EIO"),
            Self::ClockJump { node, by_ms } => {
                write!(formatter, "wall clock of {node} jumps by {by_ms} ms")
            }
            Self::AddLearner { node } => write!(formatter, "add {node} as learner"),
            Self::ChangeVoters { voters } => write!(formatter, "make {voters:?} the voters"),
            Self::RemoveLearner { node } => write!(formatter, "remove the learner {node}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_faults_add_up() {
        let faults = [
            FaultKind::Kill(vec![1]),
            FaultKind::PowerLoss(vec![1, 2]),
            FaultKind::Isolate(vec![3]),
            FaultKind::CutOneWay(vec![(1, 2)]),
            FaultKind::Delay { max_ms: 5 },
            FaultKind::Delay { max_ms: 9 },
        ];
        let conditions = Conditions::of(&[1, 2, 3], &faults);
        assert_eq!(conditions.down, [1, 2].into());
        assert_eq!(
            conditions.cuts,
            [(3, 1), (1, 3), (3, 2), (2, 3), (1, 2)].into()
        );
        assert_eq!(conditions.delay_ms, Some(9));
        assert_eq!(Conditions::of(&[1], []), Conditions::default());
    }
}
