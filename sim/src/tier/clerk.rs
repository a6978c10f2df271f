//! Serves the desk's orders on a member: creates tokens, removes by force.

use std::sync::Arc;
use std::time::Duration;

use openraft::AsyncRuntime;
use quorate_core::tier::{CoreNode, LeaveError};
use quorate_model::node_name::NodeName;
use quorate_model::token::TokenRole;

use crate::runtime::{SimRuntime, lock};
use crate::tier::event::Observation;
use crate::tier::process::Process;

const LOOK: Duration = Duration::from_millis(50);
/// Before somebody tries again what could not be decided.
const AGAIN: Duration = Duration::from_secs(1);
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

pub struct Clerk {
    process: Arc<Process>,
    node: CoreNode<SimRuntime>,
}

impl Clerk {
    pub fn new(process: Arc<Process>, node: CoreNode<SimRuntime>) -> Self {
        Self { process, node }
    }

    pub async fn run(self) {
        let id = self.process.machine.id;
        loop {
            SimRuntime::sleep(LOOK).await;
            let order = lock(&self.process.world.desk).take_order(id);
            if let Some(order) = order {
                self.create_token(order.slot).await;
            }
            if let Some(name) = self.take_removal() {
                self.force_leave(name).await;
            }
        }
    }

    async fn create_token(&self, slot: u64) {
        match self
            .node
            .create_token(TokenRole::Core, TOKEN_LIFETIME)
            .await
        {
            Ok((token, _)) => lock(&self.process.world.desk).hand_out(slot, token),
            Err(error) => self.tell(format!("cannot create token {slot}: {error}")),
        }
    }

    /// A removal of another machine, if this one may order it.
    fn take_removal(&self) -> Option<NodeName> {
        let machine = &self.process.machine;
        let mut desk = lock(&self.process.world.desk);
        if !desk.members.contains_key(&machine.id) {
            return None;
        }
        let own = machine.name();
        let index = desk.removals.iter().position(|name| *name != own)?;
        Some(desk.removals.remove(index))
    }

    async fn force_leave(&self, name: NodeName) {
        let result = self.node.force_leave(name.clone()).await;
        let is_open = matches!(result, Err(LeaveError::Undecided(_)));
        let result = result.map_or_else(|error| error.to_string(), |()| "done".to_owned());
        self.tell(format!("removes {name} by force: {result}"));
        if is_open {
            SimRuntime::sleep(AGAIN).await;
            lock(&self.process.world.desk).removals.push(name);
        }
    }

    fn tell(&self, what: String) {
        self.process.observe(Observation::Told { what });
    }
}
