//! Has the cluster change its certificate authority, when the desk wants that, and
//! ends the trust in the old one as soon as nobody needs it any more.

use std::sync::Arc;
use std::time::Duration;

use openraft::AsyncRuntime;
use quorate_core::tier::{CoreNode, QueryError};
use quorate_model::reply::Rejection;

use crate::runtime::{SimRuntime, lock};
use crate::tier::desk::Rotation;
use crate::tier::event::Observation;
use crate::tier::process::Process;

const LOOK: Duration = Duration::from_millis(400);

pub struct Rotator {
    process: Arc<Process>,
    node: CoreNode<SimRuntime>,
}

impl Rotator {
    pub fn new(process: Arc<Process>, node: CoreNode<SimRuntime>) -> Self {
        Self { process, node }
    }

    pub async fn run(self) {
        let id = self.process.machine.id;
        loop {
            SimRuntime::sleep(LOOK).await;
            let wanted = lock(&self.process.world.desk).rotation_by(id);
            match wanted {
                Some(Rotation::Begin) => self.begin().await,
                Some(Rotation::Finish) => self.finish().await,
                None => {}
            }
        }
    }

    async fn begin(&self) {
        let begun = self.node.rotate_authority().await;
        self.tell("begins", &begun);
        if matches!(
            begun,
            Ok(()) | Err(QueryError::Rejected(Rejection::RotationUnderWay))
        ) {
            lock(&self.process.world.desk).rotation = Some(Rotation::Finish);
        }
    }

    async fn finish(&self) {
        let finished = self.node.finish_rotation().await;
        self.tell("finishes", &finished);
        // An earlier try may have got no answer.
        if matches!(finished, Ok(()) | Err(QueryError::NoRotation)) {
            lock(&self.process.world.desk).rotation = None;
        }
    }

    fn tell(&self, what: &str, result: &Result<(), QueryError>) {
        let result = match result {
            Ok(()) => String::from("done"),
            Err(error) => error.to_string(),
        };
        let what = format!("{what} the change of the authority: {result}");
        self.process.observe(Observation::Told { what });
    }
}
