//! A simulated machine: what outlives the processes on it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use quorate_core::tier::CoreNode;
use quorate_model::ids::NodeId;
use quorate_model::node_name::NodeName;

use crate::clock::SimClock;
use crate::disk::SimDisk;
use crate::rng::Rng;
use crate::runtime::{Gate, NodeContext, SimRuntime, lock};
use crate::tier::process::Process;
use crate::tier::world::World;

/// A machine may move from the first of its addresses to the second and back.
pub const HOMES: [u8; 2] = [0, 1];
pub const PORT: u16 = 4370;

pub struct Machine {
    pub id: u64,
    pub gate: Arc<Gate>,
    pub clock: Arc<SimClock>,
    /// The longest a sync takes now.
    pub sync_ms: AtomicU64,
    home: AtomicU8,
    lives: AtomicU64,
    /// As it was last written; a write of it is whole and durable, or is not.
    identity: Mutex<Option<Vec<u8>>>,
    stores: Mutex<BTreeMap<NodeId, Arc<SimDisk>>>,
    node: Mutex<Option<CoreNode<SimRuntime>>>,
}

impl Machine {
    pub fn new(id: u64, sync_ms: u64) -> Self {
        Self {
            id,
            gate: Arc::default(),
            clock: Arc::default(),
            sync_ms: AtomicU64::new(sync_ms),
            home: AtomicU8::new(HOMES[0]),
            lives: AtomicU64::new(0),
            identity: Mutex::default(),
            stores: Mutex::default(),
            node: Mutex::default(),
        }
    }

    pub fn name(&self) -> NodeName {
        let name = format!("node{id}@192.168.0.{id}", id = self.id);
        NodeName::new(name).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn address(&self) -> IpAddr {
        address(self.id, self.home.load(Ordering::Relaxed))
    }

    /// Where the next process will be found.
    pub fn move_away(&self) {
        let home = self.home.load(Ordering::Relaxed);
        self.home.store(HOMES[1] - home, Ordering::Relaxed);
    }

    /// The running node, if the process runs.
    pub fn node(&self) -> Option<CoreNode<SimRuntime>> {
        lock(&self.node).clone()
    }

    pub fn set_node(&self, node: CoreNode<SimRuntime>) {
        lock(&self.node).replace(node);
    }

    /// The process is gone.
    pub fn forget_node(&self) {
        lock(&self.node).take();
    }

    pub fn load_identity(&self) -> Option<Vec<u8>> {
        lock(&self.identity).clone()
    }

    pub fn save_identity(&self, bytes: Vec<u8>) {
        lock(&self.identity).replace(bytes);
    }

    pub fn open_store(&self, node: NodeId) -> Arc<SimDisk> {
        let mut stores = lock(&self.stores);
        let name = || format!("the store of {node} on machine {}", self.id);
        let store = stores
            .entry(node)
            .or_insert_with(|| Arc::new(SimDisk::new(name())));
        Arc::clone(store)
    }

    pub fn has_store(&self, node: NodeId) -> bool {
        lock(&self.stores).contains_key(&node)
    }

    pub fn discard_stores_except(&self, node: Option<NodeId>) {
        lock(&self.stores).retain(|other, _| Some(*other) == node);
    }

    /// Returns how many unsynced batches survived, and of how many.
    pub fn lose_power(&self, rng: &mut Rng) -> (usize, usize) {
        let stores = lock(&self.stores);
        let lost = stores.values().map(|store| store.lose_power(rng));
        lost.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
    }

    /// One life of the process, if this machine lives here now.
    pub async fn run(self: Arc<Self>, home: u8, world: Arc<World>) -> turmoil::Result {
        if self.home.load(Ordering::Relaxed) != home {
            return Ok(());
        }
        let life = self.lives.fetch_add(1, Ordering::Relaxed) + 1;
        let rng = Rng::derive(world.plan.seed, &[1, self.id, life]);
        let context = NodeContext::new(rng, Arc::clone(&self.gate));
        let process = Arc::new(Process::new(self, context.clone(), world));
        context.scope(process.run(life)).await
    }
}

/// The host name and the address of a machine in turmoil.
pub fn address(machine: u64, home: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 168, home, machine as u8))
}

impl fmt::Debug for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Machine")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
