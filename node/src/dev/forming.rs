//! Out of nodes that run, one cluster.
//!
//! ```text
//! the first that is in a cluster: core1, unless it has left
//!   `- each other, one after another: in the same cluster? else it joins,
//!      with a token made on the first
//! ```

use std::time::{Duration, Instant};

use quorate_admin::ClientError;
use quorate_admin::api::{
    ClusterStatus, Code, CreateTokenRequest, Finished, JoinRequest, Phase, Problem, TokenRole, Work,
};
use tokio::time::sleep;

use super::process::NodeProcess;
use super::report::{failed_at_start, read_log, show_last_lines};
use crate::cli::{Failure, Output};

const PERIOD: Duration = Duration::from_millis(100);
/// For a node that hangs, not for one that is slow.
const PATIENCE: Duration = Duration::from_secs(60);
/// A token of this cluster is for the join that follows it.
const TOKEN_TTL_S: u64 = 600;

/// Returns when all nodes are members of one cluster: the one that the first
/// of them is in.
pub(super) async fn form(nodes: &mut [NodeProcess], output: &Output) -> Result<(), Failure> {
    let mut clusters = Vec::new();
    for at in 0..nodes.len() {
        let status = settled(nodes, at, output).await?;
        let is_member = status.this_node.phase == Phase::Member;
        clusters.push(status.cluster_id.filter(|_| is_member));
    }
    let Some(host) = clusters.iter().position(Option::is_some) else {
        let error = "no node is in a cluster that the others could join";
        return Err(Problem::new(Code::Unavailable, error)
            .with_hint("if they have all left it, start over in another --dir")
            .into());
    };
    for at in 0..nodes.len() {
        if clusters[at] != clusters[host] {
            join(nodes, at, host, output).await?;
        }
    }
    Ok(())
}

/// The status of a node that knows what it is: in no cluster, or in one that
/// has a leader.
async fn settled(
    nodes: &mut [NodeProcess],
    at: usize,
    output: &Output,
) -> Result<ClusterStatus, Failure> {
    let client = nodes[at].client.clone();
    let end = Instant::now() + PATIENCE;
    loop {
        check_alive(nodes, output)?;
        let last = match client.status().await {
            Ok(status) if is_settled(&status) => return Ok(status),
            Ok(status) => status.this_node.detail,
            Err(error) => Some(error.to_string()),
        };
        if Instant::now() > end {
            return Err(too_slow(
                &nodes[at],
                "is not ready",
                last.as_deref(),
                output,
            ));
        }
        sleep(PERIOD).await;
    }
}

fn is_settled(status: &ClusterStatus) -> bool {
    match status.this_node.phase {
        Phase::Idle | Phase::Removed => true,
        // A cluster that is being formed has no members yet, and takes none.
        Phase::Member => status.leader.is_some() && !status.stale && !status.nodes.is_empty(),
        Phase::Joining | Phase::Leaving => false,
    }
}

async fn join(
    nodes: &mut [NodeProcess],
    at: usize,
    host: usize,
    output: &Output,
) -> Result<(), Failure> {
    let request = CreateTokenRequest {
        role: TokenRole::Core,
        ttl_s: TOKEN_TTL_S,
    };
    let token = nodes[host].client.create_token(request).await?;
    let request = JoinRequest {
        core: nodes[host].core.core_address(),
        token: Some(token.token),
        wipe: false,
    };
    let client = nodes[at].client.clone();
    client
        .join(&request)
        .await
        .map_err(|error| cannot_join(&nodes[at], error.into()))?;
    let end = Instant::now() + PATIENCE;
    loop {
        check_alive(nodes, output)?;
        let step = match client.work().await {
            Ok(Some(Work {
                finished: Some(finished),
                ..
            })) => return joined(&nodes[at], finished),
            Ok(work) => work.map(|work| work.step),
            Err(ClientError::Problem(problem)) => return Err(cannot_join(&nodes[at], problem)),
            // A node that is busy misses a beat.
            Err(error) => Some(error.to_string()),
        };
        if Instant::now() > end {
            return Err(too_slow(
                &nodes[at],
                "has not joined",
                step.as_deref(),
                output,
            ));
        }
        sleep(PERIOD).await;
    }
}

fn joined(node: &NodeProcess, finished: Finished) -> Result<(), Failure> {
    if finished.ok {
        return Ok(());
    }
    let untold = Problem::new(Code::Internal, finished.message);
    Err(cannot_join(node, finished.error.unwrap_or(untold)))
}

fn cannot_join(node: &NodeProcess, mut problem: Problem) -> Failure {
    let name = node.core.node_name();
    problem.error = format!("{name} can't join: {}", problem.error);
    problem.into()
}

fn too_slow(node: &NodeProcess, what: &str, last: Option<&str>, output: &Output) -> Failure {
    show_last_lines(node, output);
    let name = node.core.node_name();
    let last = last.map(|last| format!(": {last}")).unwrap_or_default();
    let error = format!("{name} {what} after {} s{last}", PATIENCE.as_secs());
    Problem::new(Code::TryAgain, error).into()
}

/// While a cluster comes up, it needs every node. What they log meanwhile is
/// about others that are not there yet; it is shown only where that is why.
fn check_alive(nodes: &mut [NodeProcess], output: &Output) -> Result<(), Failure> {
    for node in nodes {
        read_log(node)?;
        if let Some(status) = node.ends_now()? {
            return Err(failed_at_start(node, status, output));
        }
    }
    Ok(())
}
