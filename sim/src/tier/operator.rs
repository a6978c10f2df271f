//! The person who looks after one machine: wants it in the cluster or out of
//! it, and tries again as people do.

use std::sync::Arc;
use std::time::Duration;

use openraft::AsyncRuntime;
use quorate_core::tier::{
    AdmissionRefusal, CoreNode, JoinError, JoinOrder, Phase, Stage, WorkError,
};
use quorate_model::reply::Rejection;
use quorate_model::rules::JoinRefusal;

use crate::runtime::{NodeContext, SimRuntime, lock};
use crate::tier::event::Observation;
use crate::tier::plan::Goal;
use crate::tier::process::Process;

const LOOK: Duration = Duration::from_millis(50);
const RETRY: Duration = Duration::from_millis(500);
const TOKEN_LOOKS: usize = 100;
const PATIENCE_LOOKS: usize = 200;

pub struct Operator {
    process: Arc<Process>,
    node: CoreNode<SimRuntime>,
    shown: Option<Observation>,
}

impl Operator {
    pub fn new(process: Arc<Process>, node: CoreNode<SimRuntime>) -> Self {
        Self {
            process,
            node,
            shown: None,
        }
    }

    pub async fn run(mut self) {
        loop {
            SimRuntime::sleep(LOOK).await;
            let is_inside = self.publish();
            let goal = lock(&self.process.world.desk).goal(self.process.machine.id);
            match (self.node.phase(), goal) {
                (Phase::Joining, _) => {
                    self.lose_patience().await;
                }
                (Phase::Leaving, _) => {}
                (_, Goal::Inside) if !is_inside => self.join().await,
                (Phase::Member, Goal::Outside { .. }) if is_inside => self.leave().await,
                (Phase::Removed, Goal::Outside { reforms: true }) => self.form().await,
                _ => {}
            }
        }
    }

    /// Writes down how the node stands; says whether it is in the cluster.
    fn publish(&mut self) -> bool {
        let identity = self.node.identity();
        let id = self.process.machine.id;
        let membership = identity.membership();
        let mut desk = lock(&self.process.world.desk);
        let settled = membership.filter(|membership| membership.stage == Stage::Member);
        if id == 1 && desk.target.is_none() {
            desk.target = settled.map(|membership| membership.cluster);
        }
        let is_inside = settled.is_some_and(|it| desk.target == Some(it.cluster));
        if is_inside {
            let address = self.process.machine.address();
            let port = super::machine::PORT;
            desk.members.insert(id, format!("{address}:{port}"));
        } else {
            desk.members.remove(&id);
        }
        drop(desk);
        let shown = Observation::Stands {
            phase: format!("{:?}", self.node.phase()),
            cluster: membership.map(|it| it.cluster),
            node: membership.map(|it| it.node),
        };
        if self.shown.as_ref() != Some(&shown) {
            self.process.observe(shown.clone());
            self.shown = Some(shown);
        }
        is_inside
    }

    /// For a join that gets no answer for long another core is named, and then it is
    /// given up. The cluster may have admitted the node, so it has to be removed there.
    /// The same for a node that has been admitted and finds nobody: those it knows may
    /// all have left while it was down.
    async fn lose_patience(&self) {
        for look in 0..PATIENCE_LOOKS {
            SimRuntime::sleep(LOOK).await;
            if self.node.phase() != Phase::Joining {
                return;
            }
            let is_asking = self.node.identity().joining.is_some();
            if is_asking && look == PATIENCE_LOOKS / 2 {
                self.name_another().await;
            }
        }
        self.tell(String::from("gives up joining"));
        if self.node.leave().await.is_ok() {
            self.wait().await;
            let machine = &self.process.machine;
            lock(&self.process.world.desk).give_up(machine.id, machine.name());
        }
    }

    async fn name_another(&self) {
        let members: Vec<String> = {
            let desk = lock(&self.process.world.desk);
            desk.members.values().cloned().collect()
        };
        if members.is_empty() {
            return;
        }
        let core = NodeContext::current().draw(|rng| rng.pick(&members).clone());
        self.tell(format!("says that {core} could be asked too"));
        let order = JoinOrder {
            core,
            token: None,
            may_wipe: true,
        };
        if let Err(error) = self.node.join(order).await {
            self.tell(format!("cannot add to the join: {error}"));
        }
    }

    async fn join(&self) {
        let Some((slot, core)) = self.choose_core() else {
            return SimRuntime::sleep(RETRY).await;
        };
        for _ in 0..TOKEN_LOOKS {
            let token = lock(&self.process.world.desk).token(slot);
            let Some(token) = token else {
                SimRuntime::sleep(LOOK).await;
                continue;
            };
            let order = JoinOrder {
                core: core.clone(),
                token: Some(token),
                may_wipe: true,
            };
            self.tell(format!("asks {core} to let it in, with token {slot}"));
            if let Err(error) = self.node.join(order).await {
                self.tell(format!("cannot join: {error}"));
            }
            return self.wait().await;
        }
        self.tell(format!("got no token {slot}"));
    }

    /// A member to ask, and the token to show; another member makes the token.
    fn choose_core(&self) -> Option<(u64, String)> {
        let mut desk = lock(&self.process.world.desk);
        let members: Vec<u64> = desk.members.keys().copied().collect();
        if members.is_empty() {
            return None;
        }
        let (issuer, asked) =
            NodeContext::current().draw(|rng| (*rng.pick(&members), *rng.pick(&members)));
        let slot = desk.order_token(self.process.machine.id, issuer);
        Some((slot, desk.members[&asked].clone()))
    }

    async fn leave(&self) {
        self.tell(String::from("is to leave"));
        if let Err(error) = self.node.leave().await {
            self.tell(format!("cannot leave: {error}"));
        }
        self.wait().await;
    }

    async fn form(&self) {
        self.tell(String::from("is to form a cluster of its own"));
        if let Err(error) = self.node.init().await {
            self.tell(format!("cannot form a cluster: {error}"));
        }
    }

    /// For the end of what was begun, and a moment more.
    async fn wait(&self) {
        for _ in 0..PATIENCE_LOOKS {
            if !matches!(self.node.phase(), Phase::Joining | Phase::Leaving) {
                break;
            }
            SimRuntime::sleep(LOOK).await;
        }
        let outcome = self.node.watch_work().borrow().clone();
        if let Some(outcome) = outcome.and_then(|work| work.outcome) {
            if outcome.as_ref().is_err_and(is_name_taken) {
                let machine = &self.process.machine;
                lock(&self.process.world.desk).clear_name(machine.id, machine.name());
            }
            let outcome = outcome.unwrap_or_else(|error| format!("nothing done: {error}"));
            self.tell(outcome);
        }
        SimRuntime::sleep(RETRY).await;
    }

    fn tell(&self, what: String) {
        self.process.observe(Observation::Told { what });
    }
}

fn is_name_taken(error: &WorkError) -> bool {
    let WorkError::Join(JoinError::Refused { refusal, .. }) = error else {
        return false;
    };
    matches!(
        refusal,
        AdmissionRefusal::Rejected(Rejection::Join(JoinRefusal::NameTaken { .. }))
    )
}
