//! `quorate cluster status`.

use quorate_admin::AdminClient;
use quorate_admin::api::{ClusterStatus, NodeState, NodeStatus, Phase};

use super::args::StatusArgs;
use super::palette::{Palette, Tone};
use super::table::{Align, Cell, Table};
use super::text::one_line;
use super::{Failure, Output, watch};

const SHORT_ID_LENGTH: usize = 4;

pub(super) async fn run(
    client: AdminClient,
    args: StatusArgs,
    output: &Output,
) -> Result<(), Failure> {
    if args.watch {
        return watch::run(&client, args.json, output).await;
    }
    let status = client.status().await?;
    if args.json {
        output.json(&status)?;
    } else {
        output.text(&render(&status, output.palette))?;
    }
    if let Some(missing) = what_is_missing(&status) {
        output.warning(&missing);
    }
    Ok(())
}

pub(super) fn render(status: &ClusterStatus, palette: Palette) -> String {
    let mut text = String::new();
    if !status.nodes.is_empty() {
        text.push_str(&header(status, palette));
        text.push_str(&table(&status.nodes).render(palette));
    }
    if let Some(words) = about_this_node(status) {
        text.push_str(&words);
    }
    text
}

/// Why the status is stale, if it is.
pub(super) fn what_is_missing(status: &ClusterStatus) -> Option<String> {
    // A node in no cluster says so in other words.
    if !status.stale || status.cluster_id.is_none() {
        return None;
    }
    let quorum = status.quorum;
    let down = status.nodes.iter().filter(|node| is_down_core(node));
    let down: Vec<_> = down.map(|node| one_line(&node.name)).collect();
    let who = if down.is_empty() {
        String::new()
    } else {
        format!("; down: {}", down.join(", "))
    };
    Some(format!(
        "no quorum answers, so this is what the node saw last: {} of {} cores answer, and {} must{who}",
        quorum.alive, quorum.voters, quorum.needed
    ))
}

fn is_down_core(node: &NodeStatus) -> bool {
    node.state == NodeState::Down && node.roles.iter().any(|role| role == "core")
}

/// `quorate (6f1c…)`
pub(super) fn name_and_id(status: &ClusterStatus) -> String {
    let name = one_line(&status.cluster_name);
    match &status.cluster_id {
        Some(id) if id.chars().count() > SHORT_ID_LENGTH => {
            let short: String = id.chars().take(SHORT_ID_LENGTH).collect();
            format!("{name} ({}…)", one_line(&short))
        }
        Some(id) => format!("{name} ({})", one_line(id)),
        None => name,
    }
}

fn header(status: &ClusterStatus, palette: Palette) -> String {
    let quorum = status.quorum;
    let tone = match quorum.alive {
        alive if alive < quorum.needed => Tone::Bad,
        alive if alive < quorum.voters => Tone::Warning,
        _ => Tone::Good,
    };
    let label = |label| palette.paint(Tone::Strong, label);
    let mut parts = vec![
        format!("{} {}", label("CLUSTER"), name_and_id(status)),
        format!(
            "{} {}",
            label("QUORUM"),
            palette.paint(tone, &format!("{}/{}", quorum.alive, quorum.voters))
        ),
        format!(
            "{} {}",
            label("LEADER"),
            status.leader.as_deref().map_or("-".to_owned(), one_line)
        ),
    ];
    if status.stale {
        parts.push(palette.paint(Tone::Warning, "STALE"));
    }
    parts.join("   ") + "\n"
}

fn table(nodes: &[NodeStatus]) -> Table {
    let mut table = Table::new(&[
        ("NODE", Align::Left),
        ("ROLES", Align::Left),
        ("STATE", Align::Left),
        ("REVISION", Align::Right),
        ("LAG", Align::Right),
        ("CLIENTS", Align::Right),
        ("VERSION", Align::Left),
    ]);
    for node in nodes {
        let (state, tone) = state(node.state);
        table.row(vec![
            Cell::new(&node.name),
            Cell::new(node.roles.join(",")),
            Cell::toned(state, tone),
            Cell::of(node.revision),
            Cell::of(node.lag),
            Cell::of(node.clients),
            Cell::new(&node.version),
        ]);
    }
    table
}

fn state(state: NodeState) -> (&'static str, Tone) {
    match state {
        NodeState::Leader => ("leader", Tone::Good),
        NodeState::Follower => ("follower", Tone::Plain),
        NodeState::Learner => ("learner", Tone::Warning),
        NodeState::Candidate => ("candidate", Tone::Warning),
        NodeState::Ready => ("ready", Tone::Plain),
        NodeState::CatchingUp => ("catching up", Tone::Warning),
        NodeState::Fenced => ("fenced", Tone::Bad),
        NodeState::Down => ("down", Tone::Bad),
    }
}

/// In words, where the table can't tell it, and what to type next.
fn about_this_node(status: &ClusterStatus) -> Option<String> {
    let node = &status.this_node;
    let name = one_line(&node.name);
    let detail = match &node.detail {
        Some(detail) => format!(": {}", one_line(detail)),
        None => String::new(),
    };
    match node.phase {
        Phase::Member if detail.is_empty() => None,
        Phase::Member => Some(format!("{name}{detail}\n")),
        Phase::Joining => Some(format!("{name} is joining a cluster{detail}\n")),
        Phase::Leaving => Some(format!("{name} is leaving this cluster{detail}\n")),
        Phase::Idle => Some(format!(
            "{name} is in no cluster{detail}\n  \
             quorate node join --core NAME@HOST   joins one\n  \
             quorate node init                    forms a new one\n"
        )),
        Phase::Removed => Some(format!(
            "{name} is in no cluster any more{detail}\n  \
             quorate node join --core NAME@HOST   joins one, as a new node\n  \
             quorate node init                    forms a new one\n"
        )),
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
