//! A cluster state that routes are fed into.

use quorate_model::cluster::{ClusterName, ClusterNameError};
use quorate_model::command::{Batch, Command, Request};
use quorate_model::ids::{ClusterId, Incarnation, NodeId, Origin, Sequence, Timestamp};
use quorate_model::member::{Liveness, Member, Roles};
use quorate_model::node_name::{NodeName, NodeNameError};
use quorate_model::state::ClusterState;
use quorate_model::topic_filter::TopicFilter;
use quorate_model::wire;

const NODE: NodeId = NodeId::new(1);
const LIFE: Incarnation = Incarnation::new(1);

#[derive(Debug)]
pub struct RouteFeed {
    state: ClusterState,
    sequence: u64,
    fed: usize,
}

/// The command that forms a cluster of the given cores, all in their first life.
pub fn forming(nodes: &[u64]) -> Result<Command, FormingError> {
    let founders = nodes.iter().map(|id| founder(*id));
    Ok(Command::Form {
        id: ClusterId::new(1),
        name: ClusterName::new("bench")?,
        founders: founders.collect::<Result<_, _>>()?,
    })
}

#[derive(Debug, thiserror::Error)]
pub enum FormingError {
    #[error(transparent)]
    Cluster(#[from] ClusterNameError),
    #[error(transparent)]
    Node(#[from] NodeNameError),
}

fn founder(id: u64) -> Result<Member, NodeNameError> {
    Ok(Member {
        id: NodeId::new(id),
        name: NodeName::new(format!("core{id}@localhost"))?,
        roles: Roles::Core,
        key: [0; 32],
        addresses: Vec::new(),
        version: "0.1.0".to_owned(),
        election_slot: u32::try_from(id - 1).ok(),
        incarnation: LIFE,
        liveness: Liveness::Up,
        retiring: false,
    })
}

/// A different route for every number; one in four has wildcards.
pub fn route(number: usize) -> Option<Command> {
    let (plant, line) = (number % 97, number / 97);
    let text = match number % 4 {
        0 => format!("plant/{plant}/+/{line}"),
        _ => format!("plant/{plant}/line/{line}/{number}"),
    };
    let filter = TopicFilter::new(text).ok()?;
    Some(Command::AddRoute { filter })
}

impl RouteFeed {
    pub fn formed() -> Self {
        let mut feed = Self {
            state: ClusterState::new(1),
            sequence: 0,
            fed: 0,
        };
        let form = feed.batch_of(forming(&[1]).into_iter().collect());
        feed.apply(form);
        feed
    }

    pub fn state(&self) -> &ClusterState {
        &self.state
    }

    pub fn apply_routes(&mut self, count: usize) {
        let batch = self.next_batch(count);
        self.apply(batch);
    }

    /// The next routes as an entry, not yet applied.
    pub fn next_batch(&mut self, count: usize) -> (Batch, Vec<u8>) {
        let commands = (self.fed..self.fed + count).filter_map(route).collect();
        self.fed += count;
        self.batch_of(commands)
    }

    pub fn apply(&mut self, (batch, entry): (Batch, Vec<u8>)) {
        let revision = self.state.revision().next();
        let applied = self.state.apply(revision, &batch, &entry);
        assert!(applied.outcomes.iter().all(Result::is_ok));
    }

    fn batch_of(&mut self, commands: Vec<Command>) -> (Batch, Vec<u8>) {
        self.sequence += 1;
        let batch = Batch {
            time: Timestamp::new(1_790_000_000_000 + self.sequence),
            requests: vec![Request {
                origin: Origin {
                    node: NODE,
                    incarnation: LIFE,
                },
                sequence: Sequence::new(self.sequence),
                commands,
            }],
        };
        let entry = wire::encode_batch(&batch);
        (batch, entry)
    }
}
