//! Writes settings through a member of the cluster, each once, and remembers
//! what was acknowledged.

use std::sync::Arc;
use std::time::Duration;

use openraft::AsyncRuntime;
use quorate_core::tier::CoreNode;
use quorate_model::command::Command;
use quorate_model::reply::Reply;

use crate::runtime::{NodeContext, SimRuntime, lock};
use crate::tier::event::Observation;
use crate::tier::process::Process;

pub struct Writer {
    process: Arc<Process>,
    node: CoreNode<SimRuntime>,
    life: u64,
    written: u64,
}

impl Writer {
    pub fn new(process: Arc<Process>, node: CoreNode<SimRuntime>, life: u64) -> Self {
        Self {
            process,
            node,
            life,
            written: 0,
        }
    }

    pub async fn run(mut self) {
        while self.process.world.is_loading() {
            let pause = NodeContext::current().draw(|rng| rng.between(50, 250));
            SimRuntime::sleep(Duration::from_millis(pause)).await;
            self.write().await;
        }
    }

    async fn write(&mut self) {
        let target = lock(&self.process.world.desk).target;
        let identity = self.node.identity();
        let cluster = identity.membership().map(|membership| membership.cluster);
        let (Some(core), Some(cluster)) = (self.node.core(), cluster) else {
            return;
        };
        if target != Some(cluster) {
            return;
        }
        self.written += 1;
        let key = format!("{}/{}/{}", self.process.machine.id, self.life, self.written);
        let command = Command::SetSetting {
            key: key.clone(),
            value: key.clone(),
        };
        if let Ok(committed) = core.propose(command).await
            && committed.reply == Reply::Done
        {
            let revision = committed.revision.get();
            lock(&self.process.world.desk).written.push(key.clone());
            self.process.observe(Observation::Wrote {
                cluster,
                key,
                revision,
            });
        }
    }
}
