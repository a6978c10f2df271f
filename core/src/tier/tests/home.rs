//! What a node of these tests leaves behind when it stops, and the node itself.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::time::Duration;

use openraft::TokioRuntime;
use quinn::{AsyncUdpSocket, Runtime};
use quorate_model::cluster::ClusterName;
use quorate_model::ids::{NodeId, Timestamp};
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;
use quorate_model::token::TokenRole;
use quorate_raft_store::{Engine, MemoryEngine, StoreError};
use quorate_transport::{CookieKey, Environment, JoinToken, TransportConfig};
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;
use tokio::time::Instant;

use crate::clock::{SystemClock, WallClock};
use crate::core::IoMode;
use crate::observer::NoObserver;
use crate::tier::{
    CoreNode, DiskError, FaultPoint, JoinOrder, NodeError, NodeIdentity, NodeSettings, Phase,
    Stage, Standing, Surroundings, Work, WorkError,
};

pub(super) type Node = CoreNode<TokioRuntime>;

pub(super) const PATIENCE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A disk in memory and a port.
pub(super) struct Home {
    name: NodeName,
    roles: Roles,
    /// In its configuration.
    cluster: Mutex<ClusterName>,
    cookie: Mutex<Option<CookieKey>>,
    address: Mutex<SocketAddr>,
    disk: Mutex<Disk>,
    hook: Mutex<Option<Hook>>,
    calendar: Arc<Calendar>,
}

/// The machine's clock, some days ahead.
#[derive(Debug, Default)]
struct Calendar {
    days: AtomicU64,
}

impl WallClock for Calendar {
    fn now(&self) -> Timestamp {
        let ahead = self.days.load(Ordering::Relaxed) * 24 * 3_600 * 1_000;
        Timestamp::new(SystemClock.now().get() + ahead)
    }
}

impl TimeProvider for Calendar {
    fn current_time(&self) -> Option<UnixTime> {
        let now = Duration::from_millis(self.now().get());
        Some(UnixTime::since_unix_epoch(now))
    }
}

type Hook = Arc<dyn Fn(FaultPoint) + Send + Sync>;

#[derive(Default)]
struct Disk {
    identity: Option<NodeIdentity>,
    /// The write that was refused.
    refused: Option<NodeIdentity>,
    refuses_switch: bool,
    stores: BTreeMap<NodeId, Arc<MemoryEngine>>,
}

pub(super) fn free_address() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap()
}

impl Home {
    pub(super) fn new(name: &str) -> Arc<Self> {
        Self::of(name, Roles::Core)
    }

    pub(super) fn of(name: &str, roles: Roles) -> Arc<Self> {
        Arc::new(Self {
            roles,
            name: NodeName::new(format!("{name}@127.0.0.1")).unwrap(),
            cluster: Mutex::new(ClusterName::new(name).unwrap()),
            cookie: Mutex::default(),
            address: Mutex::new(free_address()),
            disk: Mutex::default(),
            hook: Mutex::default(),
            calendar: Arc::default(),
        })
    }

    pub(super) fn address(&self) -> String {
        self.address.lock().unwrap().to_string()
    }

    pub(super) fn pass_days(&self, days: u64) {
        self.calendar.days.fetch_add(days, Ordering::Relaxed);
    }

    pub(super) fn name(&self) -> NodeName {
        self.name.clone()
    }

    /// Where the next life is found.
    pub(super) fn move_away(&self) {
        *self.address.lock().unwrap() = free_address();
    }

    /// The next life is found where the other was.
    pub(super) fn move_to(&self, other: &Self) {
        *self.address.lock().unwrap() = *other.address.lock().unwrap();
    }

    /// The same for all whose cluster has the same name.
    pub(super) fn share_cookie(&self) {
        let cookie = CookieKey::derive(
            "a cookie for many nodes",
            self.cluster.lock().unwrap().as_str(),
        );
        *self.cookie.lock().unwrap() = Some(cookie);
    }

    /// The disk does not take the identity of a node that was just admitted.
    pub(super) fn refuse_switch(&self, refuses: bool) {
        self.disk().refuses_switch = refuses;
    }

    /// As if the write that was refused had been the last thing that happened.
    pub(super) fn keep_refused(&self) {
        let mut disk = self.disk();
        disk.identity = Some(disk.refused.take().expect("a write was refused"));
    }

    pub(super) fn lose_stores(&self) {
        self.disk().stores.clear();
    }

    pub(super) fn stored(&self) -> NodeIdentity {
        self.disk().identity.clone().expect("a node has lived here")
    }

    /// Holds a step up: the first end tells that it is reached, the other lets go of it.
    pub(super) fn hold_up(&self, at: FaultPoint) -> (mpsc::Receiver<()>, mpsc::SyncSender<()>) {
        let (reached, was_reached) = mpsc::sync_channel(1);
        let (go_on, may_go_on) = mpsc::sync_channel(1);
        let may_go_on = Mutex::new(may_go_on);
        self.hook(move |point| {
            if point == at && reached.try_send(()).is_ok() {
                may_go_on.lock().unwrap().recv().unwrap();
            }
        });
        (was_reached, go_on)
    }

    fn hook(&self, hook: impl Fn(FaultPoint) + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Some(Arc::new(hook));
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    pub(super) fn configure_cluster(&self, name: &str) {
        *self.cluster.lock().unwrap() = ClusterName::new(name).unwrap();
    }

    pub(super) async fn start(self: &Arc<Self>) -> Node {
        loop {
            match self.try_start().await {
                // QUIC lets go of it a moment after the node has stopped.
                Err(NodeError::Socket(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
                started => return started.unwrap(),
            }
        }
    }

    pub(super) async fn try_start(self: &Arc<Self>) -> Result<Node, NodeError> {
        let settings = NodeSettings {
            name: self.name.clone(),
            roles: self.roles,
            cluster_name: self.cluster.lock().unwrap().clone(),
            advertise: vec![self.address()],
            version: String::from("test"),
            cookie: self.cookie.lock().unwrap().clone(),
            pki: None,
            forms_alone: self.roles.is_core(),
            transport: TransportConfig::default(),
            environment: Environment {
                time: self.calendar.clone(),
                ..Environment::system(7)
            },
            clients: Arc::new(|| None),
            tune: Box::new(|config| config),
        };
        let hands = Arc::new(Hands(Arc::clone(self)));
        let (clock, observer) = (self.calendar.clone(), Arc::new(NoObserver));
        CoreNode::start(settings, hands, clock, observer).await
    }
}

struct Hands(Arc<Home>);

impl Surroundings for Hands {
    fn load_identity(&self) -> Result<Option<NodeIdentity>, DiskError> {
        Ok(self.0.disk().identity.clone())
    }

    fn save_identity(&self, identity: &NodeIdentity) -> Result<(), DiskError> {
        let mut disk = self.0.disk();
        let stage = identity.membership().map(|it| &it.stage);
        if disk.refuses_switch && stage == Some(&Stage::Joining) {
            disk.refused = Some(identity.clone());
            return Err(DiskError {
                operation: "write",
                place: String::from("the identity"),
                cause: String::from("the disk is full"),
            });
        }
        disk.identity = Some(identity.clone());
        Ok(())
    }

    fn open_store(&self, node: NodeId) -> Result<Arc<dyn Engine>, StoreError> {
        let mut disk = self.0.disk();
        Ok(disk.stores.entry(node).or_default().clone())
    }

    fn has_store(&self, node: NodeId) -> bool {
        self.0.disk().stores.contains_key(&node)
    }

    fn discard_stores_except(&self, node: Option<NodeId>) -> Result<(), DiskError> {
        self.0.disk().stores.retain(|it, _| Some(*it) == node);
        Ok(())
    }

    fn bind(&self) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        socket(*self.0.address.lock().unwrap())
    }

    fn bind_for_visit(&self) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        socket((Ipv4Addr::LOCALHOST, 0).into())
    }

    fn io_mode(&self) -> IoMode {
        IoMode::Thread
    }

    fn random(&self) -> u128 {
        // Made of random bytes.
        let token = JoinToken::make(
            TokenRole::Core,
            quorate_transport::AuthorityHash::new([0; 32]),
        );
        u128::from(token.unwrap().id.get())
    }

    fn reach(&self, point: FaultPoint) {
        let hook = self.0.hook.lock().unwrap().clone();
        if let Some(hook) = hook {
            hook(point);
        }
    }
}

pub(super) fn socket(address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    quinn::TokioRuntime.wrap_udp_socket(UdpSocket::bind(address)?)
}

pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A node that has formed a cluster of its own.
pub(super) async fn founded(home: &Arc<Home>) -> Node {
    let node = home.start().await;
    until("it has formed", || {
        node.phase() == Phase::Member && node.is_up()
    })
    .await;
    node
}

pub(super) async fn token_of(node: &Node) -> JoinToken {
    node.create_token(TokenRole::Core, HOUR).await.unwrap().0
}

pub(super) fn order(core: &Home, token: JoinToken) -> JoinOrder {
    JoinOrder {
        core: core.address(),
        token: Some(token),
        may_wipe: false,
    }
}

/// How the work that runs ends.
pub(super) async fn outcome(node: &Node) -> Result<String, WorkError> {
    let mut work = node.watch_work();
    let is_over = |work: &Option<Work>| work.as_ref().is_some_and(|it| it.outcome.is_some());
    let ended = tokio::time::timeout(PATIENCE, work.wait_for(is_over)).await;
    let ended = ended.expect("the work ends").unwrap().clone();
    ended.unwrap().outcome.unwrap()
}

pub(super) async fn joined(home: &Arc<Home>, core: &Home, member: &Node) -> Node {
    let node = founded(home).await;
    let token = token_of(member).await;
    node.join(order(core, token)).await.unwrap();
    outcome(&node).await.unwrap();
    node
}

/// Has a node admitted that does not learn of it: its disk fails before it could say
/// who it is now. Returns with what it asked.
pub(super) async fn admitted_in_vain(home: &Arc<Home>, core: &Home, member: &Node) -> JoinToken {
    home.refuse_switch(true);
    let node = founded(home).await;
    let token = token_of(member).await;
    let mut order = order(core, token.clone());
    if home.cookie.lock().unwrap().is_some() {
        order.token = None;
    }
    node.join(order).await.unwrap();
    let failure = node.failed().await;
    assert!(failure.contains("the disk is full"), "{failure}");
    node.shutdown().await;
    home.refuse_switch(false);
    let stored = home.stored();
    assert!(matches!(stored.standing, Standing::In(_)));
    assert!(
        stored
            .joining
            .is_some_and(|pending| pending.may_be_admitted())
    );
    let names = names_in(member);
    assert!(names.contains(&home.name()), "{names:?}");
    token
}

pub(super) fn names_in(node: &Node) -> Vec<NodeName> {
    let core = node.core().expect("it is in a cluster");
    let names = core.read_stale(|state| {
        let members = state.view().members();
        members.map(|member| member.name.clone()).collect()
    });
    names.value
}
