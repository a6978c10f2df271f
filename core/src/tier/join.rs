//! The joiner's side of joining a cluster.
//!
//! ```text
//! intent on disk -> asked, admitted -> new identity on disk -> learner -> voter
//!        a crash: asks again            a crash: goes on as that node
//! ```
//!
//! The new identity is written in one piece. Before that the node is who it was,
//! after it the old data counts no more. Whoever gets the same question again,
//! from the same node id, gives the same answer.

use std::sync::Arc;
use std::time::Duration;

use quorate_model::authority::SecretKey;
use quorate_model::ids::NodeId;
use quorate_model::state::ClusterState;
use quorate_transport::{JoinToken, NodeKey};

use crate::tier::asking::{self, Asking};
use crate::tier::first_start::new_node_id;
use crate::tier::identity::{Membership, PendingJoin, Stage, Standing};
use crate::tier::join_error::{JoinError, Sequel};
use crate::tier::node::{CoreNode, Inner, NodeError};
use crate::tier::surroundings::FaultPoint;
use crate::tier::work::{Step, Work};
use crate::types::Runtime;

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);
/// Cores that operators named, of which the latest are kept.
const MOST_NAMED: usize = 16;

/// What an operator asks for.
#[derive(Debug, Clone)]
pub struct JoinOrder {
    /// Where a core of the cluster is: host and port.
    pub core: String,
    pub token: Option<JoinToken>,
    /// This node's own data may go.
    pub may_wipe: bool,
}

impl<R: Runtime> CoreNode<R> {
    /// Begins to join, when nothing speaks against it here; [`CoreNode::watch_work`]
    /// tells how it goes on. While a join is unanswered, what is ordered is added to
    /// it: another core to ask, another token, the leave to wipe.
    pub async fn join(&self, order: JoinOrder) -> Result<(), JoinError> {
        let node = self.clone();
        let begun = self
            .inner
            .to_its_end(async move { node.begin_to_join(order).await });
        begun.await.unwrap_or(Err(JoinError::Stopping))
    }

    async fn begin_to_join(&self, order: JoinOrder) -> Result<(), JoinError> {
        let inner = &self.inner;
        if !inner.world.settings.roles.is_core() {
            return Err(JoinError::NotACore);
        }
        let _changing = inner.changing.lock().await;
        let identity = inner.identity();
        if identity.joining.is_some() {
            return inner.ask_also(order).await;
        }
        let is_arriving = identity
            .membership()
            .is_some_and(|it| it.stage == Stage::Joining);
        if is_arriving {
            return Err(JoinError::Busy);
        }
        if order.token.is_none() && inner.world.settings.cookie.is_none() {
            return Err(JoinError::NoProof);
        }
        inner.check_alone(order.may_wipe)?;
        let key = NodeKey::generate().map_err(|error| JoinError::Node(error.to_string()))?;
        let node = new_node_id(&inner.world);
        let pending = PendingJoin {
            named: vec![order.core],
            cluster: None,
            cores: Vec::new(),
            token: order.token.as_ref().map(secret),
            node,
            key: SecretKey::new(key.bytes().to_vec()),
            may_wipe: order.may_wipe,
        };
        inner.set_joining(Some(pending)).await?;
        inner.world.surroundings.reach(FaultPoint::JoinIntended);
        inner.work.send_replace(Some(Work::at(Step::Asking)));
        inner.spawn(run(Arc::clone(inner), node));
        Ok(())
    }

    /// Ends a join that waits for an answer.
    pub(crate) async fn give_up_joining(&self) -> Result<(), JoinError> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let mut given_up = None;
        let changed = inner.change(|identity| given_up = identity.joining.take());
        changed
            .await
            .map_err(|error| JoinError::Node(error.to_string()))?;
        let pending = given_up.ok_or(JoinError::Busy)?;
        inner.more.notify_one();
        let name = &inner.world.settings.name;
        let told = if pending.may_be_admitted() {
            format!(
                "gave up joining; if the cluster has let this node in after all, run there: \
                 quorate cluster force-leave {name}"
            )
        } else {
            String::from("gave up joining; the cluster has not let this node in")
        };
        inner.work.send_replace(Some(Work {
            outcome: Some(Ok(told)),
            ..Work::at(Step::GivingUp)
        }));
        Ok(())
    }
}

fn secret(token: &JoinToken) -> SecretKey {
    SecretKey::new(token.reveal().into_bytes())
}

/// Asks one after the other until there is an answer.
pub(crate) async fn run<R: Runtime>(inner: Arc<Inner<R>>, node: NodeId) {
    let mut turn = 0;
    // A core has said that it may let this node in later. Then it ends nothing that
    // another one cannot be reached.
    let mut is_hopeful = false;
    loop {
        let Some(asked) = inner.begin_attempt(node).await else {
            return;
        };
        let error = match inner.try_join(&asked, turn).await {
            Ok(()) | Err(JoinError::Stopping | JoinError::GivenUp) => return,
            Err(error) => error,
        };
        let Some(pending) = inner.pending(node) else {
            return;
        };
        if !pending.asks_like(&asked) {
            // Another order came meanwhile; what the former led to ends nothing.
            turn = 0;
            continue;
        }
        is_hopeful |= error.is_passing();
        let pause = match error.sequel(pending.may_be_admitted(), is_hopeful) {
            Sequel::End => match inner.conclude(&pending, error).await {
                true => return,
                false => continue,
            },
            Sequel::AskAgain => {
                inner.tell_obstacle(&error);
                PAUSE
            }
            Sequel::AwaitOrder => {
                tracing::warn!(%error, "the join that was begun waits for an operator");
                inner.tell_outcome(error);
                Duration::MAX
            }
        };
        tokio::select! {
            biased;
            () = inner.stopping() => return,
            // Whom the operator has named last comes first.
            () = inner.more.notified() => turn = 0,
            () = tokio::time::sleep(pause) => turn += 1,
        }
    }
}

impl<R: Runtime> Inner<R> {
    fn pending(&self, node: NodeId) -> Option<PendingJoin> {
        self.identity()
            .joining
            .filter(|pending| pending.node == node)
    }

    async fn ask_also(self: &Arc<Self>, order: JoinOrder) -> Result<(), JoinError> {
        let changed = self.change(|identity| {
            let Some(pending) = &mut identity.joining else {
                return;
            };
            pending.named.retain(|named| *named != order.core);
            pending.named.insert(0, order.core);
            pending.named.truncate(MOST_NAMED);
            if let Some(token) = &order.token {
                pending.token = Some(secret(token));
            }
            pending.may_wipe |= order.may_wipe;
        });
        changed
            .await
            .map_err(|error| JoinError::Node(error.to_string()))?;
        self.work.send_replace(Some(Work::at(Step::Asking)));
        self.more.notify_one();
        Ok(())
    }

    async fn begin_attempt(&self, node: NodeId) -> Option<PendingJoin> {
        // So that nothing is said of a join that is given up in this moment.
        let _changing = self.changing.lock().await;
        let pending = self.pending(node)?;
        self.work.send_modify(|work| {
            let obstacle = work.take().and_then(|work| work.obstacle);
            *work = Some(Work {
                obstacle,
                ..Work::at(Step::Asking)
            });
        });
        Some(pending)
    }

    async fn try_join(
        self: &Arc<Self>,
        pending: &PendingJoin,
        turn: usize,
    ) -> Result<(), JoinError> {
        let node = pending.node;
        let membership = tokio::select! {
            biased;
            () = self.stopping() => return Err(JoinError::Stopping),
            membership = self.ask(pending, turn) => membership?,
        };
        self.world.surroundings.reach(FaultPoint::JoinAdmitted);
        let _changing = self.changing.lock().await;
        let pending = self.pending(node).ok_or(JoinError::GivenUp)?;
        // While the answer was on its way somebody may have used this node.
        self.check_alone(pending.may_wipe)?;
        self.work.send_replace(Some(Work::at(Step::Switching)));
        self.end_life().await;
        if *self.is_stopping.borrow() {
            return Err(JoinError::Stopping);
        }
        if let Err(error) = self.switch(membership).await {
            // Half of a switch is not undone: the node goes on with it at its start.
            self.fail(format!("the change to another cluster broke off: {error}"));
            return Err(JoinError::Stopping);
        }
        Ok(())
    }

    async fn ask(
        self: &Arc<Self>,
        pending: &PendingJoin,
        turn: usize,
    ) -> Result<Membership, JoinError> {
        let mut places = asking::places(pending, &self.world.settings.transport.dial);
        let place = places.swap_remove(turn % places.len());
        let own = self.identity().membership().map(|it| it.node);
        let asking = Asking::begin(&self.world, pending, own, place).await?;
        let known = asking.cores().await?;
        if !pending.may_be_admitted() {
            self.check_alone(pending.may_wipe)?;
        }
        let node = pending.node;
        let kept = self.change(|identity| {
            let pending = identity.joining.as_mut().filter(|it| it.node == node);
            if let Some(pending) = pending {
                pending.cluster = Some(known.cluster);
                pending.cores = known.cores;
            }
        });
        kept.await
            .map_err(|error| JoinError::Node(error.to_string()))?;
        if self.pending(node).is_none() {
            return Err(JoinError::GivenUp);
        }
        asking.admit().await
    }

    /// The commit of it all: the identity changes in one write.
    async fn switch(self: &Arc<Self>, membership: Membership) -> Result<(), NodeError> {
        self.world.make_store(membership.node).await?;
        self.world.surroundings.reach(FaultPoint::JoinStoreMade);
        self.change(|identity| {
            identity.joining = None;
            identity.standing = Standing::In(membership);
        })
        .await?;
        self.world.surroundings.reach(FaultPoint::JoinSwitched);
        self.world.discard_stores(&self.identity()).await?;
        self.live().await?;
        Ok(())
    }

    /// This node stays what it was; false when another order came meanwhile.
    async fn conclude(self: &Arc<Self>, asked: &PendingJoin, error: JoinError) -> bool {
        let _changing = self.changing.lock().await;
        let pending = self.pending(asked.node);
        if pending.is_some_and(|pending| !pending.asks_like(asked)) {
            return false;
        }
        if let Err(disk) = self.set_joining(None).await {
            self.fail(disk.to_string());
        }
        tracing::warn!(%error, "this node did not join");
        self.tell_outcome(error);
        true
    }

    /// Said in the log once for each reason, not at each attempt.
    fn tell_obstacle(&self, error: &JoinError) {
        let obstacle = Some(error.to_string());
        let is_news = self.work.send_if_modified(|work| {
            let work = work.get_or_insert(Work::at(Step::Asking));
            let is_news = work.obstacle != obstacle;
            work.obstacle = obstacle;
            is_news
        });
        if is_news {
            tracing::warn!(%error, "the join that was begun is not decided yet");
        }
    }

    fn tell_outcome(&self, error: JoinError) {
        self.work.send_modify(|work| {
            let work = work.get_or_insert(Work::at(Step::Asking));
            work.outcome = Some(Err(error.into()));
        });
    }

    async fn set_joining(self: &Arc<Self>, joining: Option<PendingJoin>) -> Result<(), JoinError> {
        let changed = self.change(|identity| identity.joining = joining);
        let changed = changed.await;
        changed.map_err(|error| JoinError::Node(error.to_string()))
    }

    /// Whether this node may give up what it is.
    fn check_alone(&self, may_wipe: bool) -> Result<(), JoinError> {
        let Some(life) = self.life() else {
            return Ok(());
        };
        life.core
            .read_stale(|state| {
                let others = state.view().members().count().saturating_sub(1);
                if others > 0 {
                    let cluster = state.view().cluster();
                    let cluster = cluster.map_or_else(String::new, |it| it.name.to_string());
                    return Err(JoinError::InCluster { cluster, others });
                }
                match user_data(state) {
                    Some(what) if !may_wipe => Err(JoinError::HasData { what }),
                    _ => Ok(()),
                }
            })
            .value
    }
}

/// What somebody put into the state of a cluster of one.
fn user_data(state: &ClusterState) -> Option<String> {
    let view = state.view();
    let counts = [
        (view.route_count(), "subscriptions"),
        (view.retained_count(), "retained messages"),
        (view.ban_count(), "bans"),
        (view.setting_count(), "settings"),
        (state.owner_count(), "clients"),
        (state.tokens().count(), "join tokens"),
    ];
    let found: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what}: {count}"))
        .collect();
    (!found.is_empty()).then(|| found.join(", "))
}
