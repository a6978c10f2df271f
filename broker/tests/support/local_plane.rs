//! A cluster of one node in memory: what is proposed is applied at once.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use quorate_broker::{ControlPlane, Done, Unavailable};
use quorate_model::cluster::ClusterName;
use quorate_model::command::{Batch, Command, Request};
use quorate_model::ids::{ClusterId, Incarnation, NodeId, Origin, Sequence, Timestamp};
use quorate_model::member::{Liveness, Member, Roles};
use quorate_model::node_name::NodeName;
use quorate_model::reply::Reply;
use quorate_model::state::ClusterState;
use quorate_model::view::ClusterView;
use quorate_model::wire;

use super::PATIENCE;

type Undecided = (Vec<Command>, Done);

pub(crate) struct LocalPlane {
    state: Mutex<(ClusterState, u64)>,
    /// Whether it decides nothing at the moment.
    is_cut_off: AtomicBool,
    /// What it has not decided, while it holds decisions back.
    held_back: Mutex<Option<VecDeque<Undecided>>>,
}

impl LocalPlane {
    pub(crate) fn new() -> Self {
        let plane = Self {
            state: Mutex::new((ClusterState::new(7), 0)),
            is_cut_off: AtomicBool::new(false),
            held_back: Mutex::default(),
        };
        let form = Command::Form {
            id: ClusterId::new(1),
            name: ClusterName::new("test").unwrap(),
            founders: vec![founder()],
        };
        assert_eq!(plane.apply(vec![form]), [Reply::Done]);
        plane
    }

    /// As a node that has lost its cluster, or has found it again.
    pub(crate) fn cut_off(&self, is_cut_off: bool) {
        self.is_cut_off.store(is_cut_off, Ordering::SeqCst);
    }

    /// From now on decides only what it is told to.
    pub(crate) fn hold_back(&self) {
        *self.held_back.lock().unwrap() = Some(VecDeque::new());
    }

    /// How many proposals wait.
    pub(crate) fn undecided(&self) -> usize {
        self.held_back
            .lock()
            .unwrap()
            .as_ref()
            .map_or(0, VecDeque::len)
    }

    pub(crate) fn wait_for_undecided(&self, count: usize) {
        let start = Instant::now();
        while self.undecided() < count {
            assert!(start.elapsed() < PATIENCE, "there are {}", self.undecided());
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn route_count(&self) -> usize {
        self.state.lock().unwrap().0.view().route_count()
    }

    /// Decides the oldest proposal.
    pub(crate) fn decide_one(&self) {
        let (commands, done) = self.oldest();
        done(Ok(self.apply(commands)));
    }

    /// Decides the oldest proposal; nobody sees what follows from it, and whoever looks
    /// waits, for as long as what is returned is there.
    pub(crate) fn decide_one_unseen(&self) -> impl Drop + '_ {
        let (commands, done) = self.oldest();
        let replies = self.apply(commands);
        let unseen = self.state.lock().unwrap();
        done(Ok(replies));
        unseen
    }

    /// Says of the oldest proposal that nobody knows what became of it.
    pub(crate) fn lose_one(&self) {
        let (_, done) = self.oldest();
        let why = "the test has lost it".to_owned();
        done(Err(Unavailable { why }));
    }

    fn oldest(&self) -> Undecided {
        let oldest = self.held_back.lock().unwrap().as_mut().unwrap().pop_front();
        oldest.expect("nothing waits")
    }

    fn apply(&self, commands: Vec<Command>) -> Vec<Reply> {
        let mut state = self.state.lock().unwrap();
        let (state, sequence) = &mut *state;
        *sequence += 1;
        let batch = Batch {
            time: Timestamp::new(1_000),
            requests: vec![Request {
                origin: Origin {
                    node: NodeId::new(1),
                    incarnation: Incarnation::new(1),
                },
                sequence: Sequence::new(*sequence),
                commands,
            }],
        };
        let entry = wire::encode_batch(&batch);
        let revision = state.revision().next();
        let applied = state.apply(revision, &batch, &entry);
        let outcome = applied.outcomes.into_iter().next().unwrap();
        outcome.unwrap().replies
    }
}

fn founder() -> Member {
    Member {
        id: NodeId::new(1),
        name: NodeName::new("node@127.0.0.1").unwrap(),
        roles: Roles::Both,
        key: [1; 32],
        addresses: vec!["127.0.0.1:4370".to_owned()],
        version: "0.1.0".to_owned(),
        election_slot: Some(0),
        incarnation: Incarnation::new(1),
        liveness: Liveness::Up,
        retiring: false,
    }
}

impl ControlPlane for LocalPlane {
    fn propose(&self, commands: Vec<Command>, done: Done) {
        if self.is_cut_off.load(Ordering::SeqCst) {
            let why = "the test has cut it off".to_owned();
            return done(Err(Unavailable { why }));
        }
        if let Some(held_back) = self.held_back.lock().unwrap().as_mut() {
            return held_back.push_back((commands, done));
        }
        done(Ok(self.apply(commands)));
    }

    fn view(&self, look: &mut dyn FnMut(&ClusterView)) {
        look(self.state.lock().unwrap().0.view());
    }
}
