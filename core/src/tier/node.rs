//! A core node from its first start on: forms a cluster, joins one, leaves it,
//! and carries on as who it is after every restart.
//!
//! ```text
//! Fresh ── forms ──> In (Forming -> Member) ── join ──> In (Joining -> Member)
//!                     └── leave, or removed ──> Out ── join, init ──> In ...
//! ```

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use quorate_model::cluster::ClusterName;
use quorate_model::ids::{Incarnation, NodeId};
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;
use quorate_raft_store::{Engine, StoreError};
use quorate_transport::{
    AuthorityError, CookieKey, Credentials, CredentialsError, Environment, TransportConfig,
    TransportError,
};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::clock::WallClock;
use crate::config::CoreConfig;
use crate::core::{Core, StartError};
use crate::observer::ApplyObserver;
use crate::tier::first_start::{begin_life, founding_membership};
use crate::tier::identity::{Membership, NodeIdentity, Stage, Standing};
use crate::tier::join_error::JoinError;
use crate::tier::life::{Life, Outlook};
use crate::tier::surroundings::{DiskError, Surroundings};
use crate::tier::work::{Step, Work};
use crate::tier::{arrival, certificates, forming, join, news};
use crate::types::Runtime;

/// QUIC holds a socket for some round trips after the end, and a cut or a pause of
/// seconds counts as one.
const REBIND: Duration = Duration::from_secs(60);
const REBIND_PAUSE: Duration = Duration::from_millis(20);

/// What a node is told at its start; the same for all of its lives.
pub struct NodeSettings {
    pub name: NodeName,
    pub roles: Roles,
    /// Of the cluster that it forms.
    pub cluster_name: ClusterName,
    /// Where others reach it.
    pub advertise: Vec<String>,
    pub version: String,
    pub cookie: Option<CookieKey>,
    /// Of the operator's own authority, in place of the cluster's.
    pub pki: Option<Credentials>,
    /// A first start forms a cluster of one.
    pub forms_alone: bool,
    pub transport: TransportConfig,
    pub environment: Environment,
    /// How many clients are connected to the node; none where it serves none.
    pub clients: Arc<dyn Fn() -> Option<u64> + Send + Sync>,
    /// Adapts the settings of the core to the machine.
    pub tune: Box<dyn Fn(CoreConfig) -> CoreConfig + Send + Sync>,
}

/// All that the parts of a node share.
pub(crate) struct World {
    pub(crate) settings: NodeSettings,
    pub(crate) surroundings: Arc<dyn Surroundings>,
    pub(crate) clock: Arc<dyn WallClock>,
    pub(crate) observer: Arc<dyn ApplyObserver>,
    /// It is about to give its own cluster up, and lets nobody into that.
    pub(crate) is_joining: AtomicBool,
    /// The store of an identity that is about to be taken on.
    pub(crate) made: Mutex<Option<(NodeId, Arc<dyn Engine>)>>,
}

/// A handle; clones share the node. Ends with [`CoreNode::shutdown`].
pub struct CoreNode<R: Runtime> {
    pub(crate) inner: Arc<Inner<R>>,
}

pub(crate) struct Inner<R: Runtime> {
    pub(crate) world: Arc<World>,
    identity: Mutex<NodeIdentity>,
    life: watch::Sender<Option<Arc<Life<R>>>>,
    pub(crate) work: watch::Sender<Option<Work>>,
    /// One change of standing at a time.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// One write of the identity at a time.
    pub(crate) writing: Arc<tokio::sync::Mutex<()>>,
    /// The join that is under way has got more to go on with, or has been given up.
    pub(crate) more: Notify,
    failure: watch::Sender<Option<String>>,
    pub(crate) is_stopping: watch::Sender<bool>,
    had_life: AtomicBool,
    /// What goes on from one life to the next.
    pub(crate) tasks: Mutex<Vec<R::JoinHandle<()>>>,
}

/// Why a node did not start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error("{0}")]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the socket for other nodes was not opened: {0}")]
    Socket(io::Error),
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(
        "this node is {stored}, and its configuration says {configured}; a name is chosen once"
    )]
    OtherName {
        stored: NodeName,
        configured: NodeName,
    },
    #[error("this node joined as {stored}, and its configuration says {configured}")]
    OtherRoles { stored: Roles, configured: Roles },
    #[error(
        "this node is in the cluster {stored}, and its configuration says {configured}; \
         a cluster keeps its name"
    )]
    OtherCluster {
        stored: ClusterName,
        configured: ClusterName,
    },
    #[error("transport.cert is for {certificate}, and this node is {name} with the roles {roles}")]
    OtherCertificate {
        certificate: String,
        name: NodeName,
        roles: Roles,
    },
    #[error("the log of node {node} is gone, and with it what this node has promised to others")]
    LogLost { node: NodeId },
    #[error("{0}")]
    Failed(String),
}

/// Where a node stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// In no cluster.
    Idle,
    Joining,
    Member,
    Leaving,
    /// It was removed, by itself or by others.
    Removed,
}

impl<R: Runtime> CoreNode<R> {
    pub async fn start(
        settings: NodeSettings,
        surroundings: Arc<dyn Surroundings>,
        clock: Arc<dyn WallClock>,
        observer: Arc<dyn ApplyObserver>,
    ) -> Result<Self, NodeError> {
        let world = Arc::new(World {
            settings,
            surroundings,
            clock,
            observer,
            is_joining: AtomicBool::new(false),
            made: Mutex::default(),
        });
        let identity = begin_life(&world)?;
        world.is_joining.store(identity.joining.is_some(), Relaxed);
        let inner = Arc::new(Inner {
            world,
            identity: Mutex::new(identity),
            life: watch::Sender::new(None),
            work: watch::Sender::new(None),
            changing: tokio::sync::Mutex::default(),
            writing: Arc::default(),
            more: Notify::new(),
            failure: watch::Sender::new(None),
            is_stopping: watch::Sender::new(false),
            had_life: AtomicBool::new(false),
            tasks: Mutex::default(),
        });
        let node = Self { inner };
        node.carry_on().await?;
        Ok(node)
    }

    /// Goes on from what the disk says.
    async fn carry_on(&self) -> Result<(), NodeError> {
        let identity = self.inner.identity();
        self.inner.world.discard_stores(&identity).await?;
        match identity.standing {
            Standing::Fresh if self.inner.world.settings.forms_alone => {
                let membership = founding_membership(&self.inner.world)?;
                self.inner
                    .change(|identity| identity.standing = Standing::In(membership))
                    .await?;
                self.inner.live().await?;
            }
            Standing::In(_) => {
                self.inner.live().await?;
            }
            Standing::Fresh | Standing::Out { .. } => {}
        }
        if let Some(pending) = identity.joining {
            let inner = Arc::clone(&self.inner);
            self.inner.spawn(join::run(inner, pending.node));
        }
        Ok(())
    }

    /// The core of the present life; none while the node is in no cluster.
    pub fn core(&self) -> Option<Core<R>> {
        self.inner.life().map(|life| life.core.clone())
    }

    pub fn identity(&self) -> NodeIdentity {
        self.inner.identity()
    }

    pub fn phase(&self) -> Phase {
        let identity = self.inner.identity();
        let leaves = matches!(
            *self.inner.work.borrow(),
            Some(Work {
                step: Step::HandingOver | Step::Leaving,
                outcome: None,
                ..
            })
        );
        match identity.standing {
            Standing::In(_) if leaves || self.inner.is_retiring() => Phase::Leaving,
            Standing::In(Membership {
                stage: Stage::Joining,
                ..
            }) => Phase::Joining,
            _ if identity.joining.is_some() => Phase::Joining,
            Standing::In(_) => Phase::Member,
            Standing::Fresh => Phase::Idle,
            Standing::Out { .. } => Phase::Removed,
        }
    }

    /// The join or leave that runs, or ended last.
    pub fn watch_work(&self) -> watch::Receiver<Option<Work>> {
        self.inner.work.subscribe()
    }

    /// Whether the cluster knows that this life has begun.
    pub fn is_up(&self) -> bool {
        let life = self.inner.life();
        life.is_some_and(|life| *life.outlook.borrow() == Outlook::Up)
    }

    /// Waits until the node cannot go on; for ever if that never happens.
    pub async fn failed(&self) -> String {
        let mut failure = self.inner.failure.subscribe();
        loop {
            if let Some(failure) = failure.borrow_and_update().clone() {
                return failure;
            }
            if failure.changed().await.is_err() {
                return String::from("the node is gone");
            }
        }
    }

    /// Stops without leaving the cluster; returns when all is let go of.
    pub async fn shutdown(&self) {
        self.inner.is_stopping.send_replace(true);
        {
            let _changing = self.inner.changing.lock().await;
            self.inner.end_life().await;
        }
        let tasks = std::mem::take(&mut *self.inner.tasks());
        for task in tasks {
            // What it ended with has been said by it.
            let _ = task.await;
        }
        let _written = self.inner.writing.lock().await;
    }
}

impl<R: Runtime> Inner<R> {
    pub(crate) fn identity(&self) -> NodeIdentity {
        self.lock().clone()
    }

    /// The cluster has decided that this node is to go.
    fn is_retiring(&self) -> bool {
        self.life().is_some_and(|life| {
            let member = life
                .core
                .read_stale(|state| state.view().member(life.node).cloned());
            member.value.is_some_and(|member| member.retiring)
        })
    }

    pub(crate) fn life(&self) -> Option<Arc<Life<R>>> {
        self.life.borrow().clone()
    }

    /// Begins a life in the cluster that the identity names.
    pub(crate) async fn live(self: &Arc<Self>) -> Result<Arc<Life<R>>, NodeError> {
        let identity = self.identity();
        let Some(membership) = identity.membership() else {
            return Err(NodeError::Failed(String::from("the node is in no cluster")));
        };
        let life = self.begin(membership, identity.incarnation).await?;
        self.life.send_replace(Some(Arc::clone(&life)));
        if let Stage::Forming(key) = &membership.stage {
            let forming = forming::run(
                Arc::clone(self),
                Arc::clone(&life),
                membership.clone(),
                key.clone(),
            );
            life.spawn(forming).await;
        }
        if membership.stage == Stage::Joining {
            life.spawn(arrival::arrive(Arc::clone(self), Arc::clone(&life)))
                .await;
        }
        let (inner, watched) = (Arc::clone(self), Arc::clone(&life));
        self.spawn(async move { inner.watch(watched).await });
        life.spawn(news::tell(Arc::clone(&life))).await;
        let renewer = certificates::keep(Arc::clone(self), Arc::clone(&life));
        life.spawn(renewer).await;
        let (inner, kept) = (Arc::clone(self), Arc::clone(&life));
        life.spawn(async move { inner.keep_hints(kept).await })
            .await;
        Ok(life)
    }

    /// A life after another one waits until that has let go of the socket.
    async fn begin(
        &self,
        membership: &Membership,
        incarnation: Incarnation,
    ) -> Result<Arc<Life<R>>, NodeError> {
        let until = Instant::now() + REBIND;
        loop {
            match Life::<R>::begin(&self.world, membership, incarnation).await {
                Err(NodeError::Socket(error))
                    if self.had_life.load(Relaxed)
                        && error.kind() == io::ErrorKind::AddrInUse
                        && Instant::now() < until =>
                {
                    tokio::time::sleep(REBIND_PAUSE).await;
                }
                result => {
                    self.had_life.store(true, Relaxed);
                    return result;
                }
            }
        }
    }

    /// Ends the present life, if there is one.
    pub(crate) async fn end_life(&self) {
        if let Some(life) = self.life.send_replace(None) {
            life.end().await;
        }
    }

    pub(crate) fn fail(&self, why: String) {
        self.failure.send_if_modified(|failure| {
            let is_first = failure.is_none();
            if is_first {
                *failure = Some(why);
            }
            is_first
        });
    }

    /// Acts on how a life ends that nobody here ended.
    async fn watch(self: Arc<Self>, life: Arc<Life<R>>) {
        let mut outlook = life.outlook.clone();
        let mut lives = self.life.subscribe();
        loop {
            tokio::select! {
                biased;
                it = lives.wait_for(|present| !present.as_ref().is_some_and(|it| Arc::ptr_eq(it, &life))) => {
                    drop(it);
                    return;
                }
                failure = life.core.failed() => return self.fail(failure.to_string()),
                it = outlook.changed() => if it.is_err() { return },
            }
            let now = outlook.borrow_and_update().clone();
            match now {
                Outlook::Unannounced | Outlook::Up => {}
                Outlook::Removed => return self.retire(&life).await,
                Outlook::Outlived { detail } => {
                    return self.fail(format!(
                        "another life of this node has begun: {detail}; its data directory was \
                         copied, or set back to an older state"
                    ));
                }
            }
        }
    }

    /// The cluster has removed this node; its data has no worth any more.
    pub(crate) async fn retire(self: &Arc<Self>, life: &Arc<Life<R>>) {
        let _changing = self.changing.lock().await;
        let is_present = self
            .life()
            .is_some_and(|present| Arc::ptr_eq(&present, life));
        if !is_present {
            return;
        }
        let is_leaving = |work: &Work| !work.step.is_joining();
        if self.work.borrow().as_ref().is_some_and(is_leaving) {
            tracing::info!("this node has left its cluster");
        } else {
            tracing::warn!("this node was removed from its cluster and serves no more");
        }
        if let Err(error) = self.step_out().await {
            return self.fail(error.to_string());
        }
        self.end_life().await;
        self.work.send_if_modified(|work| match work {
            Some(work) if work.outcome.is_none() && work.step.is_joining() => {
                work.outcome = Some(Err(JoinError::Removed.into()));
                true
            }
            _ => false,
        });
        if let Err(error) = self.world.discard_stores(&self.identity()).await {
            self.fail(error.to_string());
        }
    }

    pub(crate) fn set_identity(&self, identity: NodeIdentity) {
        *self.lock() = identity;
    }

    fn lock(&self) -> MutexGuard<'_, NodeIdentity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Runtime> Clone for CoreNode<R> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<R: Runtime> fmt::Debug for CoreNode<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoreNode")
            .field("name", &self.inner.world.settings.name)
            .finish_non_exhaustive()
    }
}
