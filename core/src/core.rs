//! One core node: the Raft group and everything that serves it.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use quorate_model::command::Command;
use quorate_model::ids::{NodeId, Revision};
use quorate_model::reply::Reply;
use quorate_model::state::ClusterState;
use quorate_raft_store::{Engine, IoWorker, Offload, StoreConfig, StoreError, StoreMeter};
use quorate_transport::{Link, MemoryNetwork};
use tokio::sync::{Mutex, watch};

use crate::clock::WallClock;
use crate::compaction::Compactor;
use crate::config::CoreConfig;
use crate::entry_writer::{EntryCounters, EntryWriter};
use crate::failure::{CoreFailure, Supervisor};
use crate::group::Group;
use crate::inherited_lead::InheritedLead;
use crate::intake::Intake;
use crate::later_votes::LaterVotes;
use crate::machine::ClusterMachine;
use crate::membership::{FormError, MembershipError};
use crate::metrics::{CoreMetrics, ProposalMetrics, Role, StoreMetrics};
use crate::network::PeerNetworks;
use crate::observer::ApplyObserver;
use crate::proposal_queue::ProposalQueue;
use crate::proposer::{Committed, CommittedMany, ProposeError, Proposer, ProposerCounters};
use crate::read_rounds::ReadRounds;
use crate::reader::{Read, ReadError, Reader, Stale};
use crate::rivals::{Rivals, Yielding};
use crate::server::PeerServer;
use crate::types::{Raft, Runtime, TypeConfig};
use crate::{machine, membership, proposer, reader};

/// A handle to a running core; clones share it. Ends with [`Core::shutdown`].
pub struct Core<R: Runtime> {
    parts: Arc<Parts<R>>,
}

struct Parts<R: Runtime> {
    group: Arc<Group<R>>,
    server: PeerServer<R>,
    rivals: Arc<Rivals>,
    reader: Reader<R>,
    queue: Arc<ProposalQueue>,
    intake: Arc<Intake>,
    proposer: Arc<ProposerCounters>,
    entries: Arc<EntryCounters>,
    meter: StoreMeter,
    failure: Arc<watch::Sender<Option<CoreFailure>>>,
    owned: Mutex<Option<Owned<R>>>,
}

/// What shutdown joins.
struct Owned<R: Runtime> {
    supervisor: R::JoinHandle<()>,
    io: IoHandle<R>,
}

enum IoHandle<R: Runtime> {
    Thread(std::thread::JoinHandle<()>),
    Task(R::JoinHandle<()>),
}

/// Called before each sync of the simulated disk.
pub type Pace = Box<dyn FnMut() -> BoxFuture<'static, ()> + Send>;

/// Where the store's I/O worker runs.
pub enum IoMode {
    /// On a thread of its own: production.
    Thread,
    /// As a task that awaits the given future between write and sync: for the
    /// simulator, which has no threads.
    Paced(Pace),
}

/// Why a core did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the settings of the core contradict each other: {0}")]
    Config(String),
    #[error("the Raft group did not start: {0}")]
    Raft(String),
    #[error("the thread of the store did not start: {0}")]
    Thread(#[from] std::io::Error),
}

/// The Raft group's task has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CoreStopped;

impl<R: Runtime> Core<R> {
    /// Opens the store in `engine`, restores the state and joins the group that
    /// the store knows of, if any.
    pub async fn start(
        config: CoreConfig,
        engine: Arc<dyn Engine>,
        io: IoMode,
        link: Arc<dyn Link>,
        clock: Arc<dyn WallClock>,
        observer: Arc<dyn ApplyObserver>,
    ) -> Result<Self, StartError> {
        config.check().map_err(StartError::Config)?;
        let raft_config = config.raft_config().validate();
        let raft_config = raft_config.map_err(|error| StartError::Config(error.to_string()))?;
        let machine = ClusterMachine::new(&config, observer);
        let machine = Arc::new(RwLock::new(machine));
        let store_config = store_config(&config, &io);
        let (mut log, states, worker) =
            quorate_raft_store::open(engine, Arc::clone(&machine), store_config)?;
        let (health, meter) = (log.health(), log.meter());
        let io = run_io(worker, io)?;
        let later_votes = LaterVotes::default();
        let networks = PeerNetworks {
            link: Arc::clone(&link),
            message_limit: config.limits.message_bytes,
            append_bytes: config.limits.append_bytes,
            backoff: config.heartbeat,
            later_votes: later_votes.clone(),
            runtime: PhantomData,
        };
        let id = config.node.get();
        let inherited = InheritedLead::find(id, &mut log).await;
        let inherited = inherited.map_err(|error| StartError::Raft(error.to_string()))?;
        let raft = Raft::<R>::new(id, Arc::new(raft_config), networks, log, states).await;
        let raft = raft.map_err(|error| match health.error() {
            Some(error) => StartError::Store(error),
            None => StartError::Raft(error.to_string()),
        })?;
        let group = Arc::new(Group::new(config, raft, inherited, link));
        let mut supervisor = Supervisor::new(Arc::clone(&group), health);
        supervisor.spawn("later votes", later_votes.run(Arc::clone(&group)));
        let parts = assemble(group, machine, meter, clock, supervisor, io);
        Ok(Self { parts })
    }

    pub fn node(&self) -> NodeId {
        self.parts.group.node()
    }

    /// Forms the Raft group out of these nodes, this one among them. Done once
    /// in the life of a cluster, on one of its first cores.
    pub async fn form(&self, members: BTreeSet<NodeId>) -> Result<(), FormError> {
        membership::form(&self.parts.group, &members).await
    }

    /// The serving side of [`Link`]: answers what another core asked. Bytes
    /// that are no request get an answer that says so.
    pub async fn handle(&self, from: NodeId, request: Bytes) -> Bytes {
        self.parts.server.handle(from, &request).await
    }

    /// Serves the calls that come to this node over a network in memory.
    pub fn attach_to(&self, network: &MemoryNetwork) {
        let core = self.clone();
        network.attach(self.node(), move |from, request| {
            let core = core.clone();
            async move { core.handle(from, request).await }
        });
    }

    /// Has the command committed and applied, exactly once.
    pub async fn propose(&self, command: Command) -> Result<Committed, ProposeError> {
        self.propose_within(command, self.parts.group.config.propose_deadline)
            .await
    }

    pub async fn propose_within(
        &self,
        command: Command,
        deadline: Duration,
    ) -> Result<Committed, ProposeError> {
        let replies = proposer::propose(&self.parts.queue, vec![command], deadline).await?;
        let revision = replies.revision;
        let reply: Option<Reply> = replies.replies.into_iter().next();
        let Some(reply) = reply else {
            panic!("a command at revision {revision} has no reply");
        };
        Ok(Committed { revision, reply })
    }

    /// Has several commands committed in order, all in one entry.
    pub async fn propose_many(
        &self,
        commands: Vec<Command>,
    ) -> Result<CommittedMany, ProposeError> {
        let deadline = self.parts.group.config.propose_deadline;
        let replies = proposer::propose(&self.parts.queue, commands, deadline).await?;
        Ok(CommittedMany {
            revision: replies.revision,
            replies: replies.replies,
        })
    }

    /// Looks at a state that holds everything that was committed when the call
    /// began. `look` runs under the state's lock: it must be quick.
    pub async fn read<T>(
        &self,
        look: impl FnOnce(&ClusterState) -> T,
    ) -> Result<Read<T>, ReadError> {
        self.read_within(self.parts.group.config.read_deadline, look)
            .await
    }

    pub async fn read_within<T>(
        &self,
        deadline: Duration,
        look: impl FnOnce(&ClusterState) -> T,
    ) -> Result<Read<T>, ReadError> {
        self.parts.reader.read(deadline, look).await
    }

    /// Looks at what this node happens to have applied.
    pub fn read_stale<T>(&self, look: impl FnOnce(&ClusterState) -> T) -> Stale<T> {
        self.parts.reader.read_stale(look)
    }

    /// Adds a node that receives the log and has no vote. On the leader.
    pub async fn add_learner(&self, node: NodeId) -> Result<(), MembershipError> {
        membership::add_learner(&self.parts.group, node).await
    }

    /// Makes these nodes the voters; who was one becomes a learner. On the
    /// leader; new voters must be learners that have caught up.
    pub async fn change_voters(&self, voters: BTreeSet<NodeId>) -> Result<(), MembershipError> {
        membership::change_voters(&self.parts.group, &voters).await
    }

    /// Removes a learner. On the leader.
    pub async fn remove(&self, node: NodeId) -> Result<(), MembershipError> {
        membership::remove(&self.parts.group, node).await
    }

    /// Stands for election now, without waiting for a leader to fall silent.
    pub(crate) async fn campaign(&self) -> Result<(), CoreStopped> {
        let trigger = self.parts.group.raft.trigger();
        trigger.elect().await.map_err(|_| CoreStopped)
    }

    /// While the answer lives, this core does not take back what it hands over.
    pub(crate) fn yield_lead(&self) -> Yielding {
        self.parts.rivals.yield_lead()
    }

    pub fn metrics(&self) -> CoreMetrics {
        let parts = &self.parts;
        let raft = parts.group.raft.metrics().borrow().clone();
        let revision = |id: crate::types::LogId| Revision::new(id.index);
        let voters: BTreeSet<_> = raft
            .membership_config
            .voter_ids()
            .map(NodeId::new)
            .collect();
        CoreMetrics {
            node: parts.group.node(),
            role: Role::from(raft.state),
            term: raft.current_term,
            leader: parts.group.leader(),
            last_log: raft.last_log_index.map(Revision::new),
            applied: raft.last_applied.map(revision),
            snapshot: raft.snapshot.map(revision),
            purged: raft.purged.map(revision),
            learners: membership::nodes(&raft)
                .difference(&voters)
                .copied()
                .collect(),
            voters,
            is_joint: raft.membership_config.membership().get_joint_config().len() > 1,
            millis_since_quorum: raft.millis_since_quorum_ack,
            matched: raft
                .replication
                .iter()
                .flatten()
                .map(|(node, id)| (NodeId::new(*node), id.map(revision)))
                .collect(),
            proposals: ProposalMetrics {
                waiting_commands: parts.queue.len() as u64,
                waiting_requests: parts.intake.len() as u64,
                requests: parts.proposer.requests.load(Relaxed),
                commands: parts.proposer.commands.load(Relaxed),
                retries: parts.proposer.retries.load(Relaxed),
                entries: parts.entries.entries.load(Relaxed),
                entry_bytes: parts.entries.bytes.load(Relaxed),
            },
            store: StoreMetrics {
                log_bytes_since_snapshot: parts.meter.log_bytes_since_snapshot(),
                log_entries_since_snapshot: parts.meter.log_entries_since_snapshot(),
                snapshot_bytes: parts.meter.snapshot_bytes(),
            },
        }
    }

    /// Waits until this core cannot go on; for ever if that never happens. The
    /// node has to stop then.
    pub async fn failed(&self) -> CoreFailure {
        let mut failure = self.parts.failure.subscribe();
        loop {
            if let Some(failure) = failure.borrow_and_update().clone() {
                return failure;
            }
            if failure.changed().await.is_err() {
                // The sender is in `self`: this cannot be.
                return CoreFailure::Task("supervisor");
            }
        }
    }

    /// Stops taking part and returns when every task has ended and the store
    /// is let go of. What is under way gets `Stopped`. A second call returns
    /// once the first is through.
    pub async fn shutdown(&self) {
        let mut owned = self.parts.owned.lock().await;
        let Some(owned) = owned.take() else { return };
        self.parts.group.stop();
        // openraft logs what its task ended with; here it only has to end.
        let _ = self.parts.group.raft.shutdown().await;
        let _ = owned.supervisor.await;
        owned.io.join().await;
    }
}

impl<R: Runtime> IoHandle<R> {
    /// The worker ends when the last user of the store is gone, which is
    /// shortly after the Raft task.
    async fn join(self) {
        match self {
            Self::Task(task) => drop(task.await),
            Self::Thread(thread) => {
                while !thread.is_finished() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                drop(thread.join());
            }
        }
    }
}

fn store_config(config: &CoreConfig, io: &IoMode) -> StoreConfig {
    StoreConfig {
        offload: match io {
            IoMode::Thread => Offload::Blocking,
            IoMode::Paced(_) => Offload::Inline,
        },
        #[cfg(feature = "mutants")]
        mutant: config.mutant,
        ..config.store.clone()
    }
}

fn run_io<R: Runtime>(
    worker: IoWorker<TypeConfig<R>>,
    io: IoMode,
) -> Result<IoHandle<R>, StartError> {
    match io {
        IoMode::Thread => Ok(IoHandle::Thread(worker.run_on_thread()?)),
        IoMode::Paced(pace) => Ok(IoHandle::Task(R::spawn(worker.run_paced(pace)))),
    }
}

fn assemble<R: Runtime>(
    group: Arc<Group<R>>,
    machine: machine::SharedMachine,
    meter: StoreMeter,
    clock: Arc<dyn WallClock>,
    mut supervisor: Supervisor<R>,
    io: IoHandle<R>,
) -> Arc<Parts<R>> {
    let limits = group.config.limits.clone();
    let queue = Arc::new(ProposalQueue::new(limits.clone()));
    let leadership = group.raft.server_metrics();
    let intake = Arc::new(Intake::new(limits.clone(), group.node().get(), leadership));
    let (proposer, entries) = <(Arc<ProposerCounters>, Arc<EntryCounters>)>::default();
    let (leading, leading_rounds) = ReadRounds::new(limits.waiting_reads);
    let (local, local_rounds) = ReadRounds::new(limits.waiting_reads);

    let [g, i] = [&group, &group].map(Arc::clone);
    let (own_batches, applied) = {
        let machine = machine::read(&machine);
        (machine.own_batches(), machine.watch_applied())
    };
    let writer = EntryWriter::new(
        g,
        Arc::clone(&intake),
        own_batches,
        clock,
        Arc::clone(&entries),
    );
    let own = Proposer::new(
        i,
        Arc::clone(&queue),
        Arc::clone(&intake),
        Arc::clone(&proposer),
    );
    let compactor = Compactor::new(Arc::clone(&group), meter.clone(), applied);
    supervisor.spawn("entry writer", writer.run());
    supervisor.spawn("proposer", own.run());
    supervisor.spawn("compaction", compactor.run());
    let rivals = Arc::new(Rivals::new());
    let standing = Arc::clone(&rivals).run(Arc::clone(&group));
    supervisor.spawn("rivals", standing);
    let asked = Arc::clone(&group);
    supervisor.spawn(
        "rounds of reads as the leader",
        leading_rounds.run(group.watch_stop(), move || {
            reader::confirm_leadership(Arc::clone(&asked))
        }),
    );
    let (asked, rounds) = (Arc::clone(&group), leading.clone());
    supervisor.spawn(
        "rounds of reads",
        local_rounds.run(group.watch_stop(), move || {
            reader::ask_leader(Arc::clone(&asked), rounds.clone())
        }),
    );
    let failure = supervisor.failure();
    let owned = Owned {
        supervisor: R::spawn(supervisor.run()),
        io,
    };
    Arc::new(Parts {
        server: PeerServer::new(
            Arc::clone(&group),
            Arc::clone(&intake),
            leading,
            Arc::clone(&rivals),
        ),
        reader: Reader::new(Arc::clone(&group), machine, local),
        rivals,
        group,
        queue,
        intake,
        proposer,
        entries,
        meter,
        failure,
        owned: Mutex::new(Some(owned)),
    })
}

impl<R: Runtime> Clone for Core<R> {
    fn clone(&self) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
        }
    }
}

impl<R: Runtime> fmt::Debug for Core<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("node", &self.node())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for IoMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Thread => "Thread",
            Self::Paced(_) => "Paced",
        })
    }
}
