//! Whether every node has come to what is wanted of it, and nothing is half
//! done: seen from outside, when the faults are over.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_core::tier::{CoreNode, Membership, Phase, Stage};
use quorate_core::{Core, Role};
use quorate_model::ids::{ClusterId, NodeId};

use crate::runtime::{SimRuntime, lock};
use crate::tier::event::Seat;
use crate::tier::invariants::Final;
use crate::tier::machine::Machine;
use crate::tier::plan::Goal;
use crate::tier::world::World;

/// What is not as it should be yet; nothing once all has settled.
pub fn unsettled(world: &World, machines: &[Arc<Machine>]) -> Vec<String> {
    let desk = lock(&world.desk);
    let Some(target) = desk.target else {
        return vec![String::from("the first machine has formed no cluster")];
    };
    let wanted = |machine: &&Arc<Machine>| desk.goal(machine.id) == Goal::Inside;
    let inside: Vec<&Arc<Machine>> = machines.iter().filter(wanted).collect();
    let ids: BTreeSet<NodeId> = inside.iter().filter_map(|it| id_in(it, target)).collect();
    let mut problems = Vec::new();
    for machine in machines {
        let problem = match (machine.node(), desk.goal(machine.id)) {
            (None, _) => Err(String::from("does not run")),
            (Some(node), Goal::Inside) => check_inside(&node, target, &ids),
            (Some(node), Goal::Outside { .. }) => check_outside(&node, target),
        };
        let named = |problem| format!("machine {} {problem}", machine.id);
        problems.extend(problem.err().map(named));
    }
    if let Some(next) = desk.rotation {
        problems.push(format!("the change of the authority waits for {next:?}"));
    }
    if problems.is_empty() {
        problems.extend(disagreement(&inside));
    }
    problems
}

/// How each member of the target cluster ends.
pub fn finals(world: &World, machines: &[Arc<Machine>]) -> Vec<Final> {
    let desk = lock(&world.desk);
    let target = desk.target;
    let members = machines.iter().filter_map(|machine| {
        let node = machine.node()?;
        let cluster = node.identity().membership()?.cluster;
        let core = node.core().filter(|_| Some(cluster) == target)?;
        Some(core.read_stale(|state| Final {
            machine: machine.id,
            cluster,
            revision: state.revision().get(),
            digest: state.digest().get(),
            held: {
                let is_held = |key: &&String| state.view().setting(key) == Some(key);
                desk.written.iter().filter(is_held).cloned().collect()
            },
        }))
    });
    members.map(|end| end.value).collect()
}

fn id_in(machine: &Machine, cluster: ClusterId) -> Option<NodeId> {
    let identity = machine.node()?.identity();
    let membership = identity.membership()?;
    (membership.cluster == cluster).then_some(membership.node)
}

fn check_inside(
    node: &CoreNode<SimRuntime>,
    target: ClusterId,
    ids: &BTreeSet<NodeId>,
) -> Result<(), String> {
    let (membership, core) = settled_member(node)?;
    if membership.cluster != target {
        return Err(String::from("is not in the cluster"));
    }
    check_group(&core, membership.node, ids)?;
    check_trust(&membership, &core)?;
    if node.is_up() {
        Ok(())
    } else {
        Err(String::from("has not been announced"))
    }
}

fn check_outside(node: &CoreNode<SimRuntime>, target: ClusterId) -> Result<(), String> {
    if node.phase() == Phase::Removed {
        return Ok(());
    }
    let (membership, core) = settled_member(node)?;
    if membership.cluster == target {
        return Err(String::from("is still in the cluster"));
    }
    check_group(&core, membership.node, &BTreeSet::from([membership.node]))
}

fn settled_member(node: &CoreNode<SimRuntime>) -> Result<(Membership, Core<SimRuntime>), String> {
    let identity = node.identity();
    let phase = node.phase();
    match (identity.membership(), node.core()) {
        (Some(membership), Some(core))
            if phase == Phase::Member
                && membership.stage == Stage::Member
                && identity.joining.is_none() =>
        {
            Ok((membership.clone(), core))
        }
        _ => Err(format!("is {phase:?}")),
    }
}

/// The voters, the members and those who are wanted are the same, and nothing
/// is under way.
fn check_group(
    core: &Core<SimRuntime>,
    node: NodeId,
    ids: &BTreeSet<NodeId>,
) -> Result<(), String> {
    let metrics = core.metrics();
    if metrics.voters != *ids || metrics.is_joint || !metrics.learners.is_empty() {
        return Err(format!(
            "sees the voters {:?} (joint: {}) and the learners {:?}, wanted are {ids:?}",
            metrics.voters, metrics.is_joint, metrics.learners
        ));
    }
    let seats: Vec<Seat> = core
        .read_stale(|state| state.view().members().map(Seat::of).collect())
        .value;
    let seated: BTreeSet<NodeId> = seats.iter().map(|seat| seat.id).collect();
    let is_odd = |seat: &&Seat| seat.retiring || !seat.is_up;
    if let Some(odd) = seats.iter().find(is_odd) {
        return Err(format!("sees {odd:?}"));
    }
    if seated != *ids {
        return Err(format!("sees the members {seats:?}, wanted are {ids:?}"));
    }
    if metrics.leader.is_none() || metrics.applied != metrics.last_log {
        return Err(format!("{node} has not caught up with a leader"));
    }
    Ok(())
}

/// It trusts the authorities that the cluster has, and the newest made its certificate.
fn check_trust(membership: &Membership, core: &Core<SimRuntime>) -> Result<(), String> {
    let known = core.read_stale(|state| {
        let authorities = state.authorities();
        let known = authorities.map(|(serial, known)| (serial, known.certificate.clone()));
        known.collect::<Vec<_>>()
    });
    let credentials = &membership.credentials;
    let mut trusted = credentials.authorities.clone();
    let signer = trusted.first().map(|(serial, _)| *serial);
    trusted.sort_unstable();
    let newest = known.value.last().map(|(serial, _)| *serial);
    if trusted == known.value && signer == newest {
        Ok(())
    } else {
        let known: Vec<u32> = known.value.iter().map(|(serial, _)| *serial).collect();
        Err(format!(
            "has a certificate of authority {signer:?}, and the cluster has {known:?}"
        ))
    }
}

/// All members hold the same.
fn disagreement(inside: &[&Arc<Machine>]) -> Option<String> {
    let cores = inside.iter().filter_map(|machine| machine.node()?.core());
    let metrics: Vec<_> = cores.map(|core| core.metrics()).collect();
    let leaders = metrics.iter().filter(|it| it.role == Role::Leader).count();
    let revisions: BTreeSet<_> = metrics.iter().map(|it| it.applied).collect();
    (leaders != 1 || revisions.len() != 1)
        .then(|| format!("there are {leaders} leaders and the revisions {revisions:?}"))
}
