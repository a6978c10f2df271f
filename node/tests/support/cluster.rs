//! Several nodes that are one cluster.

use std::path::Path;

use quorate_admin::api::{ClusterStatus, NodeState, NodeStatus};

use super::node::Node;
use super::wait::until;
use super::writer::Targets;

pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    /// Whom the writer may ask.
    pub(crate) targets: Targets,
}

impl Cluster {
    /// One forms it, the others join by hand.
    pub(crate) fn form(home: &Path, size: usize) -> Self {
        let mut cluster = Self {
            nodes: vec![Node::alone(home, "core1")],
            targets: Targets::default(),
        };
        cluster.aim();
        for number in 2..=size {
            cluster.add(Node::alone(home, &format!("core{number}")));
        }
        cluster
    }

    /// Makes a running node join through the first one.
    #[track_caller]
    pub(crate) fn add(&mut self, node: Node) {
        let token = self.nodes[0].core_token();
        let ended = node.join(&self.nodes[0].core_address(), &token);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
        self.nodes.push(node);
        self.aim();
        self.wait_whole();
    }

    /// Takes a node that has left, or is to be gone, out of this list.
    pub(crate) fn remove(&mut self, at: usize) -> Node {
        let node = self.nodes.remove(at);
        self.aim();
        node
    }

    fn aim(&self) {
        let clients = self.nodes.iter().map(Node::client);
        self.targets.set(clients.collect());
    }

    /// Waits until all nodes are up, vote, and agree on who leads.
    #[track_caller]
    pub(crate) fn wait_whole(&mut self) -> ClusterStatus {
        for node in &mut self.nodes {
            node.wait_settled();
        }
        until("the cluster is whole", || {
            let first = self.nodes[0].status()?;
            for node in &self.nodes {
                let status = node.status()?;
                if !is_whole(&status, self.nodes.len()) || status.leader != first.leader {
                    return Err(format!("{} sees {status:?}", node.name));
                }
            }
            Ok(first)
        })
    }

    /// Where in the list of nodes the leader is.
    #[track_caller]
    pub(crate) fn leader(&mut self) -> usize {
        let status = self.wait_whole();
        self.position(status.leader.as_deref().unwrap_or_default())
    }

    #[track_caller]
    pub(crate) fn follower(&mut self) -> usize {
        let leader = self.leader();
        (leader + 1) % self.nodes.len()
    }

    /// All but one.
    pub(crate) fn others(&self, but: usize) -> Vec<&Node> {
        let nodes = self.nodes.iter().enumerate();
        nodes
            .filter(|(at, _)| *at != but)
            .map(|(_, node)| node)
            .collect()
    }

    #[track_caller]
    fn position(&self, name: &str) -> usize {
        let found = self.nodes.iter().position(|node| node.name == name);
        found.unwrap_or_else(|| panic!("no node is called {name:?}"))
    }
}

fn is_whole(status: &ClusterStatus, size: usize) -> bool {
    let takes_part =
        |node: &NodeStatus| matches!(node.state, NodeState::Leader | NodeState::Follower);
    let quorum = status.quorum;
    !status.stale
        && status.nodes.len() == size
        && status.nodes.iter().all(takes_part)
        && (quorum.alive, quorum.voters) == (size as u32, size as u32)
}
