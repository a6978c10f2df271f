//! A short way to a cluster and to what its nodes ask for.

use crate::candidate::{Admission, Candidate};
use crate::client_id::ClientId;
use crate::cluster::ClusterName;
use crate::command::{Batch, Command, Request};
use crate::ids::{ClusterId, Epoch, Incarnation, NodeId, Origin, Revision, Sequence, Timestamp};
use crate::reply::{Applied, Reply, RequestOutcome};
use crate::retained::{Message, QoS, RetainedBound};
use crate::samples::member;
use crate::state::ClusterState;
use crate::topic_filter::TopicFilter;
use crate::topic_name::TopicName;
use crate::wire;

/// A formed cluster of the cores 1 and 2, and short ways to act on it.
pub(super) struct Cluster {
    pub(super) state: ClusterState,
    pub(super) time: u64,
    pub(super) sequence: u64,
}

impl Cluster {
    pub(super) fn formed() -> Self {
        let mut cluster = Self {
            state: ClusterState::new(7),
            time: 1_000,
            sequence: 0,
        };
        cluster.begin_index();
        let form = Command::Form {
            id: ClusterId::new(99),
            name: ClusterName::new("test").unwrap(),
            founders: vec![member(1, "core1@h"), member(2, "core2@h")],
        };
        assert_eq!(cluster.one(1, 1, form), Reply::Done);
        cluster
    }

    /// Has the index made while it is empty, so that it follows each change.
    fn begin_index(&self) {
        let topic = TopicName::new("t").unwrap();
        self.state.view().for_each_target(&topic, |_| {});
    }

    pub(super) fn apply(&mut self, requests: Vec<Request>) -> Applied {
        let time = Timestamp::new(self.time);
        let batch = Batch { time, requests };
        let entry = wire::encode_batch(&batch);
        let revision = self.state.revision().next();
        let applied = self.state.apply(revision, &batch, &entry);
        self.state.validate();
        applied
    }

    pub(super) fn request(&mut self, node: u64, life: u64, commands: Vec<Command>) -> Request {
        self.sequence += 1;
        Request {
            origin: origin(node, life),
            sequence: Sequence::new(self.sequence),
            commands,
        }
    }

    pub(super) fn outcome(
        &mut self,
        node: u64,
        life: u64,
        commands: Vec<Command>,
    ) -> RequestOutcome {
        let request = self.request(node, life, commands);
        self.apply(vec![request]).outcomes.remove(0)
    }

    pub(super) fn one(&mut self, node: u64, life: u64, command: Command) -> Reply {
        let mut replies = self.outcome(node, life, vec![command]).unwrap().replies;
        assert_eq!(replies.len(), 1);
        replies.remove(0)
    }

    /// What a restore makes of the state's image.
    pub(super) fn restored(&self) -> ClusterState {
        let mut image = self.state.image();
        let chunks: Vec<_> = std::iter::from_fn(|| image.next_chunk()).collect();
        let restored = ClusterState::restore(3, &chunks).unwrap();
        restored.validate();
        assert_eq!(restored.digest(), self.state.digest());
        restored
    }

    /// The membership log in words, after the event of the forming.
    pub(super) fn log(&self) -> Vec<String> {
        let events = self.state.events().skip(1);
        let words = events.map(|(_, event)| match &event.by {
            Some(by) => format!("{}: {}", by.name(), event.what),
            None => event.what.to_string(),
        });
        words.collect()
    }

    pub(super) fn owner_of(&self, name: &str) -> Option<(u64, u64)> {
        self.state
            .owner(&client(name))
            .map(|owner| (owner.node.get(), owner.epoch.revision().get()))
    }
}

pub(super) fn origin(node: u64, life: u64) -> Origin {
    Origin {
        node: NodeId::new(node),
        incarnation: Incarnation::new(life),
    }
}

pub(super) fn client(id: &str) -> ClientId {
    ClientId::new(id).unwrap()
}

pub(super) fn filter(text: &str) -> TopicFilter {
    TopicFilter::new(text).unwrap()
}

pub(super) fn route(text: &str) -> Command {
    Command::AddRoute {
        filter: filter(text),
    }
}

pub(super) fn claim(name: &str, expected: Option<u64>) -> Command {
    Command::Claim {
        client: client(name),
        expected: expected.map(|revision| Epoch::new(Revision::new(revision))),
    }
}

pub(super) fn up(life: u64) -> Command {
    Command::MemberUp {
        incarnation: Incarnation::new(life),
        addresses: vec!["[::1]:4370".into()],
        version: "0.2.0".into(),
    }
}

pub(super) fn down(node: u64, life: u64) -> Command {
    Command::MemberDown {
        node: NodeId::new(node),
        incarnation: Incarnation::new(life),
    }
}

pub(super) fn retain(topic: &str, bytes: usize) -> Command {
    Command::Retain {
        topic: TopicName::new(topic).unwrap(),
        message: Message {
            qos: QoS::AtLeastOnce,
            payload: vec![b'x'; bytes],
            properties: Vec::new(),
            expires: None,
        },
        within: RetainedBound::NONE,
    }
}

/// By the cookie, which the state has no say in.
pub(super) fn join(candidate: Candidate) -> Command {
    Command::AddMember {
        candidate,
        admission: Admission::Cookie,
    }
}
