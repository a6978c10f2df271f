//! A node while it is in a cluster: its core, its end of the network, and the
//! tasks around them, from a start to the stop or the removal.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use quorate_model::command::Command;
use quorate_model::ids::{Incarnation, NodeId};
use quorate_model::reply::{Rejection, Reply, RequestRejection};
use quorate_transport::{
    Caller, Hello, Link, LinkError, PROTOCOLS, Parts, PeerDirectory, Refusal, Serve, Service,
    Transport,
};
use tokio::sync::{mpsc, watch};

use crate::config::CoreConfig;
use crate::core::Core;
use crate::proposer::ProposeError;
use crate::tier::admission::Door;
use crate::tier::control::Control;
use crate::tier::identity::{Membership, PeerHint, Stage};
use crate::tier::node::{NodeError, World};
use crate::tier::roster::Roster;
use crate::tier::{admission, keeper, takeover};
use crate::types::Runtime;

const GOODBYE: Duration = Duration::from_secs(1);
const ANNOUNCE_PAUSE: Duration = Duration::from_millis(200);
/// How often a node without a vote asks others whether it is still wanted.
const DOUBT_PAUSE: Duration = Duration::from_secs(3);

pub(crate) struct Life<R: Runtime> {
    pub(crate) node: NodeId,
    pub(crate) core: Core<R>,
    pub(crate) transport: Transport,
    pub(crate) control: Arc<Control<R>>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) outlook: watch::Receiver<Outlook>,
    stop: watch::Sender<bool>,
    tasks: tokio::sync::Mutex<Vec<R::JoinHandle<()>>>,
}

/// How this life stands with the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// The cluster does not know yet that this life has begun.
    Unannounced,
    Up,
    /// The cluster has removed the node.
    Removed,
    /// The cluster knows a later life of this node: its data was copied, or
    /// set back to an older state.
    Outlived {
        detail: String,
    },
}

impl<R: Runtime> Life<R> {
    pub(crate) async fn begin(
        world: &Arc<World>,
        membership: &Membership,
        incarnation: Incarnation,
    ) -> Result<Arc<Self>, NodeError> {
        let node = membership.node;
        // A vote that is forgotten can be given twice.
        let has_promised = !matches!(membership.stage, Stage::Forming(_));
        if has_promised && !world.surroundings.has_store(node) {
            return Err(NodeError::LogLost { node });
        }
        let directory = Arc::<PeerDirectory>::default();
        for peer in &membership.peers {
            let PeerHint {
                node,
                name,
                addresses,
                incarnation,
            } = peer.clone();
            directory.set_member(node, name, addresses, incarnation);
        }
        let roster = Roster::new(node, Arc::clone(&directory), Arc::clone(&world.observer));
        let roster = Arc::new(roster);
        let config = CoreConfig::new(node, incarnation, membership.election_slot);
        let link = Arc::<LateLink>::default();
        let core = Core::<R>::start(
            (world.settings.tune)(config),
            world.open_store(node)?,
            world.surroundings.io_mode(),
            Arc::clone(&link) as Arc<dyn Link>,
            Arc::clone(&world.clock),
            Arc::clone(&roster) as _,
        )
        .await?;
        let (takeover, asked) = mpsc::channel(1);
        let control = Arc::new(Control {
            core: core.clone(),
            name: world.settings.name.clone(),
            version: world.settings.version.clone(),
            authority: AtomicU32::new(membership.credentials.signer()),
            trusted: AtomicU32::new(membership.credentials.newest_trusted()),
            transport: OnceLock::new(),
            takeover,
            surroundings: Arc::clone(&world.surroundings),
            clients: Arc::clone(&world.settings.clients),
        });
        let known = Arc::clone(&directory);
        let transport = match start_transport(world, membership, incarnation, directory, &control) {
            Ok(transport) => transport,
            Err(error) => {
                core.shutdown().await;
                return Err(error);
            }
        };
        link.set(&transport);
        roster.set_transport(transport.clone());
        let _ = control.transport.set(transport.clone());
        let (outlook, seen) = watch::channel(Outlook::Unannounced);
        let life = Arc::new(Self {
            node,
            core,
            transport,
            control,
            roster,
            outlook: seen,
            stop: watch::Sender::new(false),
            tasks: tokio::sync::Mutex::default(),
        });
        life.spawn(keeper::run(Arc::clone(&life.control), life.roster.watch()))
            .await;
        for peer in &membership.peers {
            let greeting = introduce(Arc::clone(&life.control), Arc::clone(&known), peer.node);
            life.spawn(greeting).await;
        }
        life.spawn(takeover::run(life.core.clone(), asked)).await;
        let announcer = announce(Arc::clone(world), Arc::clone(&life), incarnation, outlook);
        life.spawn(announcer).await;
        Ok(life)
    }

    /// A task that ends with this life.
    pub(crate) async fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut stop = self.stop.subscribe();
        let task = R::spawn(async move {
            tokio::select! {
                biased;
                // A closed channel means that the life is over.
                _ = stop.wait_for(|is_stopping| *is_stopping) => {}
                () = task => {}
            }
        });
        self.tasks.lock().await.push(task);
    }

    /// Returns when nothing of this life is left.
    pub(crate) async fn end(&self) {
        self.stop.send_replace(true);
        for task in self.tasks.lock().await.drain(..) {
            // What it ended with has been said by it.
            let _ = task.await;
        }
        self.core.shutdown().await;
        self.transport.shutdown(GOODBYE).await;
    }
}

fn start_transport<R: Runtime>(
    world: &Arc<World>,
    membership: &Membership,
    incarnation: Incarnation,
    directory: Arc<PeerDirectory>,
    control: &Arc<Control<R>>,
) -> Result<Transport, NodeError> {
    let settings = &world.settings;
    let socket = world.surroundings.bind().map_err(NodeError::Socket)?;
    let door = Door {
        core: control.core.clone(),
        cluster: membership.cluster,
        world: Arc::clone(world),
    };
    let transport = Transport::start(Parts {
        config: settings.transport.clone(),
        environment: settings.environment.clone(),
        socket,
        credentials: match &settings.pki {
            Some(own) => own.clone(),
            None => membership.credentials.load()?,
        },
        hello: Hello {
            protocols: PROTOCOLS,
            cluster: membership.cluster,
            node: membership.node,
            incarnation,
            name: settings.name.clone(),
            roles: membership.roles,
            addresses: settings.advertise.clone(),
            version: settings.version.clone(),
        },
        directory,
        serve: Arc::new(Services {
            door: Arc::new(door),
            control: Arc::clone(control),
        }),
    })?;
    Ok(transport)
}

/// Lets a core that this node knows know where this node is: its own attempts
/// may go to an address of before, and pause after they failed.
async fn introduce<R: Runtime>(
    control: Arc<Control<R>>,
    directory: Arc<PeerDirectory>,
    to: NodeId,
) {
    while control.ask_report(to).await.is_none() && directory.entry(to).is_some() {
        tokio::time::sleep(ANNOUNCE_PAUSE).await;
    }
}

/// Tells the cluster that this life has begun, again and again until it knows;
/// then watches whether it is still wanted.
async fn announce<R: Runtime>(
    world: Arc<World>,
    life: Arc<Life<R>>,
    incarnation: Incarnation,
    outlook: watch::Sender<Outlook>,
) {
    let ended = tokio::select! {
        biased;
        ended = judged(&life) => ended,
        ended = announce_until_known(&world, &life, incarnation, &outlook) => ended,
    };
    outlook.send_replace(ended);
}

/// Waits until a core says that this life is over.
async fn judged<R: Runtime>(life: &Life<R>) -> Outlook {
    let mut verdict = life.transport.watch_verdict();
    let judged = verdict.wait_for(Option::is_some).await;
    let judged = judged.ok().and_then(|verdict| verdict.clone());
    match judged {
        Some(Refusal::Removed { .. }) => Outlook::Removed,
        Some(refusal) => outlived(refusal.to_string()),
        // The transport has ended, and this life with it.
        None => std::future::pending().await,
    }
}

async fn announce_until_known<R: Runtime>(
    world: &World,
    life: &Life<R>,
    incarnation: Incarnation,
    outlook: &watch::Sender<Outlook>,
) -> Outlook {
    let mut changed = life.roster.watch();
    loop {
        match propose_up(world, life, incarnation).await {
            Ok(()) => break,
            Err(Some(end)) => return end,
            Err(None) => tokio::time::sleep(ANNOUNCE_PAUSE).await,
        }
    }
    outlook.send_replace(Outlook::Up);
    loop {
        let node = life.node;
        if life.core.read_stale(|state| state.is_entombed(node)).value {
            return Outlook::Removed;
        }
        tokio::select! {
            biased;
            it = changed.changed() => if it.is_err() {
                // Nothing is applied any more: this life is ending.
                std::future::pending::<()>().await;
            },
            () = tokio::time::sleep(DOUBT_PAUSE) => ask_around(life).await,
        }
    }
}

/// A node without a vote calls nobody. Its removal is an entry that only the
/// leader of that moment may have sent it; any core tells it when it calls, by
/// refusing it, see [`judged`].
async fn ask_around<R: Runtime>(life: &Life<R>) {
    let node = life.node;
    if life.core.metrics().voters.contains(&node) {
        return;
    }
    let peers = life.core.read_stale(|state| admission::peers(state, node));
    for peer in peers.value {
        life.control.ask_report(peer.node).await;
    }
}

async fn propose_up<R: Runtime>(
    world: &World,
    life: &Life<R>,
    incarnation: Incarnation,
) -> Result<(), Option<Outlook>> {
    let command = Command::MemberUp {
        incarnation,
        addresses: world.settings.advertise.clone(),
        version: world.settings.version.clone(),
    };
    match life.core.propose(command).await {
        Ok(committed) => match committed.reply {
            Reply::Rejected(Rejection::OtherIncarnation { current, .. }) => {
                Err(Some(outlived(format!("it has seen incarnation {current}"))))
            }
            Reply::Rejected(rejection) => {
                tracing::error!(%rejection, "the cluster does not take this node's announcement");
                Err(None)
            }
            Reply::Done | Reply::Claimed { .. } => Ok(()),
        },
        Err(ProposeError::Rejected(RequestRejection::Entombed { .. })) => {
            Err(Some(Outlook::Removed))
        }
        Err(ProposeError::Rejected(
            rejection @ (RequestRejection::OldIncarnation { .. } | RequestRejection::Down { .. }),
        )) => Err(Some(outlived(rejection.to_string()))),
        // Not formed yet, or not admitted yet as far as the leader knows.
        Err(_) => Err(None),
    }
}

fn outlived(detail: String) -> Outlook {
    Outlook::Outlived { detail }
}

/// What others ask of this node.
struct Services<R: Runtime> {
    door: Arc<Door<R>>,
    control: Arc<Control<R>>,
}

impl<R: Runtime> Serve for Services<R> {
    fn serve(&self, caller: Caller, service: Service, request: Bytes) -> BoxFuture<'static, Bytes> {
        match (caller, service) {
            (Caller::Node(peer), Service::Raft) => {
                let core = self.control.core.clone();
                async move { core.handle(peer.node, request).await }.boxed()
            }
            (Caller::Node(peer), _) => {
                let control = Arc::clone(&self.control);
                async move { control.answer(&peer, &request).await }.boxed()
            }
            (Caller::Stranger(session), _) => {
                let door = Arc::clone(&self.door);
                async move { door.answer(&session, &request).await }.boxed()
            }
        }
    }
}

/// The core starts before the transport that its calls go over.
#[derive(Default)]
struct LateLink {
    link: OnceLock<Arc<dyn Link>>,
}

impl LateLink {
    fn set(&self, transport: &Transport) {
        // Set once, by whoever made it.
        let _ = self.link.set(transport.link(Service::Raft));
    }
}

impl Link for LateLink {
    fn call(
        &self,
        to: NodeId,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, LinkError>> {
        match self.link.get() {
            Some(link) => link.call(to, request, timeout),
            None => {
                let detail = String::from("this node's transport has not started yet");
                async move { Err(LinkError::Unreachable { to, detail }) }.boxed()
            }
        }
    }
}

impl<R: Runtime> std::fmt::Debug for Life<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Life")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}
