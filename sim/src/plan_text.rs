//! A plan as text that can be kept: unlike a seed it means the same story after
//! the generator of plans has changed.
//!
//! ```text
//! # what went wrong
//! seed 372
//! founders 3
//! ...
//! fault 3500 4200 power-loss 1 3
//! ```
//!
//! A fault's numbers are its beginning and end and then what it is about; pairs
//! of nodes stand one after the other.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, bail, ensure};

use crate::fault::{Fault, FaultKind};
use crate::schedule::{Load, Plan, Snapshots};

pub fn write(plan: &Plan) -> String {
    let mut text = String::new();
    for (name, value) in settings(plan) {
        let _ = writeln!(text, "{name} {value}");
    }
    for fault in &plan.faults {
        let (name, numbers) = fault_words(&fault.kind);
        let _ = write!(text, "fault {} {} {name}", fault.from_ms, fault.to_ms);
        for number in numbers {
            let _ = write!(text, " {number}");
        }
        text.push('\n');
    }
    text
}

pub fn parse(text: &str) -> Result<Plan> {
    let mut settings = BTreeMap::new();
    let mut faults = Vec::new();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    for line in lines.filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["fault", from, to, name, ref numbers @ ..] => faults.push(
                parse_fault(from, to, name, numbers).with_context(|| format!("in `{line}`"))?,
            ),
            [name, value] => {
                let value: u64 = value.parse().with_context(|| format!("in `{line}`"))?;
                settings.insert(name, value);
            }
            _ => bail!("`{line}` is neither a setting nor a fault"),
        }
    }
    let mut take = |name| {
        settings
            .remove(name)
            .with_context(|| format!("no `{name}`"))
    };
    let plan = Plan {
        seed: take("seed")?,
        founders: take("founders")?,
        spares: take("spares")?,
        load_ms: take("load_ms")?,
        load: Load {
            clients_per_node: take("clients_per_node")?,
            think_ms: take("think_ms")?,
            read_percent: take("read_percent")?,
            claim_percent: take("claim_percent")?,
            value_bytes: take("value_bytes")? as usize,
        },
        sync_ms: take("sync_ms")?,
        snapshots: Snapshots {
            min_log_bytes: take("min_log_bytes")?,
            tail_entries: take("tail_entries")?,
        },
        faults,
    };
    ensure!(settings.is_empty(), "unknown settings {settings:?}");
    Ok(plan)
}

fn settings(plan: &Plan) -> [(&'static str, u64); 12] {
    [
        ("seed", plan.seed),
        ("founders", plan.founders),
        ("spares", plan.spares),
        ("load_ms", plan.load_ms),
        ("clients_per_node", plan.load.clients_per_node),
        ("think_ms", plan.load.think_ms),
        ("read_percent", plan.load.read_percent),
        ("claim_percent", plan.load.claim_percent),
        ("value_bytes", plan.load.value_bytes as u64),
        ("sync_ms", plan.sync_ms),
        ("min_log_bytes", plan.snapshots.min_log_bytes),
        ("tail_entries", plan.snapshots.tail_entries),
    ]
}

fn fault_words(kind: &FaultKind) -> (&'static str, Vec<i64>) {
    let all = |nodes: &[u64]| nodes.iter().map(|node| *node as i64).collect();
    let flat = |pairs: &[(u64, u64)]| {
        let nodes = pairs.iter().flat_map(|(one, other)| [*one, *other]);
        nodes.map(|node| node as i64).collect()
    };
    match kind {
        FaultKind::Kill(nodes) => ("kill", all(nodes)),
        FaultKind::PowerLoss(nodes) => ("power-loss", all(nodes)),
        FaultKind::Pause(nodes) => ("pause", all(nodes)),
        FaultKind::Isolate(nodes) => ("isolate", all(nodes)),
        FaultKind::Cut(pairs) => ("cut", flat(pairs)),
        FaultKind::CutOneWay(pairs) => ("cut-one-way", flat(pairs)),
        FaultKind::Delay { max_ms } => ("delay", all(&[*max_ms])),
        FaultKind::Loss {
            loss_permille,
            duplicate_permille,
        } => ("loss", all(&[*loss_permille, *duplicate_permille])),
        FaultKind::SlowDisk { node, max_ms } => ("slow-disk", all(&[*node, *max_ms])),
        FaultKind::BrokenDisk { node } => ("broken-disk", all(&[*node])),
        FaultKind::ClockJump { node, by_ms } => ("clock-jump", vec![*node as i64, *by_ms]),
        FaultKind::AddLearner { node } => ("add-learner", all(&[*node])),
        FaultKind::ChangeVoters { voters } => (
            "change-voters",
            voters.iter().map(|node| *node as i64).collect(),
        ),
        FaultKind::RemoveLearner { node } => ("remove-learner", all(&[*node])),
    }
}

fn parse_fault(from: &str, to: &str, name: &str, numbers: &[&str]) -> Result<Fault> {
    let numbers: Vec<i64> = numbers
        .iter()
        .map(|number| number.parse())
        .collect::<Result<_, _>>()?;
    let nodes: Vec<u64> = numbers.iter().map(|number| *number as u64).collect();
    let pairs = || nodes.chunks_exact(2).map(|pair| (pair[0], pair[1]));
    let kind = match (name, &nodes[..]) {
        ("kill", _) => FaultKind::Kill(nodes),
        ("power-loss", _) => FaultKind::PowerLoss(nodes),
        ("pause", _) => FaultKind::Pause(nodes),
        ("isolate", _) => FaultKind::Isolate(nodes),
        ("cut", _) => FaultKind::Cut(pairs().collect()),
        ("cut-one-way", _) => FaultKind::CutOneWay(pairs().collect()),
        ("delay", &[max_ms]) => FaultKind::Delay { max_ms },
        ("loss", &[loss_permille, duplicate_permille]) => FaultKind::Loss {
            loss_permille,
            duplicate_permille,
        },
        ("slow-disk", &[node, max_ms]) => FaultKind::SlowDisk { node, max_ms },
        ("broken-disk", &[node]) => FaultKind::BrokenDisk { node },
        ("clock-jump", &[node, _]) => FaultKind::ClockJump {
            node,
            by_ms: numbers[1],
        },
        ("add-learner", &[node]) => FaultKind::AddLearner { node },
        ("change-voters", _) => FaultKind::ChangeVoters {
            voters: nodes.into_iter().collect(),
        },
        ("remove-learner", &[node]) => FaultKind::RemoveLearner { node },
        _ => bail!("there is no fault `{name}` with {} numbers", nodes.len()),
    };
    Ok(Fault {
        from_ms: from.parse()?,
        to_ms: to.parse()?,
        kind,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_plan_is_the_same_after_being_written_and_parsed() {
        for seed in 0..300 {
            let plan = Plan::new(seed);
            assert_eq!(parse(&write(&plan)).unwrap(), plan);
        }
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        let good = write(&Plan::new(1));
        for bad in ["fault 1 2 flood 3", "fault 1 x kill 3", "seed", "depth 3"] {
            assert!(parse(&format!("{good}{bad}\n")).is_err(), "{bad}");
        }
        assert!(parse("seed 1\n").is_err());
    }
}
