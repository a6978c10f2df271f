//! One process on a machine: a core node, the people at its terminal, and the
//! end of it all when a trap springs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fmt, io};

use futures::FutureExt;
use futures::future::BoxFuture;
use openraft::AsyncRuntime;
use quinn::AsyncUdpSocket;
use quorate_core::IoMode;
use quorate_core::tier::{CoreNode, DiskError, FaultPoint, NodeIdentity, Surroundings};
use quorate_model::ids::NodeId;
use quorate_raft_store::{Engine, StoreError};

use crate::process_disk::{DiskUser, ProcessDisk};
use crate::rng::Rng;
use crate::runtime::{NodeContext, SimRuntime};
use crate::tier::clerk::Clerk;
use crate::tier::event::Observation;
use crate::tier::machine::{Machine, PORT};
use crate::tier::observer::Observer;
use crate::tier::operator::Operator;
use crate::tier::rotator::Rotator;
use crate::tier::settings;
use crate::tier::socket::SimSocket;
use crate::tier::world::World;
use crate::tier::writer::Writer;

pub struct Process {
    pub machine: Arc<Machine>,
    pub world: Arc<World>,
    context: NodeContext,
    /// It ended in the midst of a task: whatever that task still does is void.
    is_dead: AtomicBool,
}

impl Process {
    pub fn new(machine: Arc<Machine>, context: NodeContext, world: Arc<World>) -> Self {
        Self {
            machine,
            world,
            context,
            is_dead: AtomicBool::new(false),
        }
    }

    pub fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Relaxed)
    }

    /// How often a datagram that it sends arrives.
    pub fn copies(&self) -> usize {
        self.world.weather.copies(&self.context)
    }

    pub fn observe(&self, what: Observation) {
        if !self.is_dead() {
            self.world.observe(self.machine.id, what);
        }
    }

    /// Returns when the node gives up, which none may.
    pub async fn run(self: Arc<Self>, life: u64) -> turmoil::Result {
        self.observe(Observation::Started { life });
        let started = CoreNode::start(
            settings::of(&self),
            Arc::new(Hands(Arc::clone(&self))),
            Arc::clone(&self.machine.clock) as _,
            Arc::new(Observer::new(Arc::clone(&self))),
        );
        let node: CoreNode<SimRuntime> = match started.await {
            Ok(node) => node,
            Err(error) => return self.stop(&error.to_string()),
        };
        self.machine.set_node(node.clone());
        SimRuntime::spawn(Operator::new(Arc::clone(&self), node.clone()).run());
        SimRuntime::spawn(Clerk::new(Arc::clone(&self), node.clone()).run());
        SimRuntime::spawn(Rotator::new(Arc::clone(&self), node.clone()).run());
        SimRuntime::spawn(Writer::new(Arc::clone(&self), node.clone(), life).run());
        let failure = node.failed().await;
        self.stop(&failure)
    }

    /// No disk of these runs fails, so no node has a reason to stop.
    fn stop(&self, error: &str) -> turmoil::Result {
        if self.is_dead() {
            return Ok(());
        }
        self.machine.forget_node();
        self.observe(Observation::Stopped {
            error: error.to_owned(),
        });
        let detail = format!("machine {}: {error}", self.machine.id);
        self.world.fail("nodes never stop by themselves", detail);
        Ok(())
    }

    /// What is under way goes on to its next pause and leaves no trace.
    fn die(&self) {
        self.is_dead.store(true, Ordering::Relaxed);
        self.machine.gate.close();
    }

    fn pace(self: &Arc<Self>) -> IoMode {
        let process = Arc::clone(self);
        IoMode::Paced(Box::new(move || -> BoxFuture<'static, ()> {
            let longest = process.machine.sync_ms.load(Ordering::Relaxed) * 1_000;
            let lasts = process.context.draw(|rng| rng.below(longest + 1));
            SimRuntime::sleep(Duration::from_micros(lasts)).boxed()
        }))
    }
}

/// Once it has died, it changes nothing any more.
impl DiskUser for Process {
    fn change(
        &self,
        operation: &'static str,
        change: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if self.is_dead() {
            return Err(StoreError::disk(operation, "store", "the process is dead"));
        }
        change()
    }
}

/// The machine in the hands of one process.
struct Hands(Arc<Process>);

impl Surroundings for Hands {
    fn load_identity(&self) -> Result<Option<NodeIdentity>, DiskError> {
        let bytes = self.0.machine.load_identity();
        let identity = bytes.map(|bytes| NodeIdentity::decode(&bytes)).transpose();
        identity.map_err(|error| disk_error("read", error.to_string()))
    }

    fn save_identity(&self, identity: &NodeIdentity) -> Result<(), DiskError> {
        if self.0.is_dead() {
            return Err(disk_error("write", String::from("the process is dead")));
        }
        self.0.machine.save_identity(identity.encode());
        Ok(())
    }

    fn open_store(&self, node: NodeId) -> Result<Arc<dyn Engine>, StoreError> {
        let disk = self.0.machine.open_store(node);
        Ok(Arc::new(ProcessDisk::new(disk, Arc::clone(&self.0))))
    }

    fn has_store(&self, node: NodeId) -> bool {
        self.0.machine.has_store(node)
    }

    fn discard_stores_except(&self, node: Option<NodeId>) -> Result<(), DiskError> {
        if self.0.is_dead() {
            return Err(disk_error("remove", String::from("the process is dead")));
        }
        self.0.machine.discard_stores_except(node);
        Ok(())
    }

    fn bind(&self) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        SimSocket::bind(Arc::clone(&self.0), PORT)
    }

    fn bind_for_visit(&self) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        SimSocket::bind(Arc::clone(&self.0), 0)
    }

    fn io_mode(&self) -> IoMode {
        self.0.pace()
    }

    fn random(&self) -> u128 {
        let draw = || u128::from(self.0.context.draw(Rng::draw));
        draw() << 64 | draw()
    }

    fn reach(&self, point: FaultPoint) {
        let process = &self.0;
        process.observe(Observation::Reached {
            point: format!("{point:?}"),
        });
        if !process.is_dead() && process.world.springs(point, process.machine.id) {
            process.die();
        }
    }
}

fn disk_error(operation: &'static str, cause: String) -> DiskError {
    DiskError {
        operation,
        place: String::from("the identity"),
        cause,
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Process")
            .field(&self.machine)
            .finish()
    }
}
