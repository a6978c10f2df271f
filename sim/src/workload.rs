//! What clients ask of the cluster: one task each, on the node it is connected
//! to. Objects change every few seconds, so that no search gets long.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use openraft::AsyncRuntime;
use quorate_core::{Core, ProposeError};
use quorate_model::command::Command;
use quorate_model::ids::{Epoch, NodeId, Revision};
use quorate_model::reply::{Rejection, Reply};
use quorate_model::retained::RetainedBound;
use quorate_model::state::ClusterState;

use crate::checkers::claims::{Holding, Life};
use crate::history::{Action, Answer, Object, Outcome};
use crate::names;
use crate::node::World;
use crate::rng::Rng;
use crate::runtime::{SimRuntime, lock};

const WINDOW_MS: u64 = 2_500;
/// Numbers of objects in one window; more than any window uses.
const WINDOW_OBJECTS: u64 = 32;
const CLIENT_IDS: u64 = 2;

/// One client of one life of a node.
pub struct Client {
    world: Arc<World>,
    core: Core<SimRuntime>,
    life: Life,
    rng: Rng,
    /// Counted over the whole cluster; decides which objects it shares with
    /// which others.
    number: u64,
    /// The last epoch it heard of, by client id.
    epochs: BTreeMap<u32, Option<u64>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Client").field(&self.number).finish()
    }
}

impl Client {
    pub fn new(
        world: Arc<World>,
        core: Core<SimRuntime>,
        life: Life,
        number: u64,
        rng: Rng,
    ) -> Self {
        Self {
            world,
            core,
            life,
            rng,
            number,
            epochs: BTreeMap::new(),
        }
    }

    pub async fn run(mut self) {
        while self.world.is_loading() {
            let action = self.choose();
            self.perform(action).await;
            let think = self.rng.below(self.world.plan.load.think_ms + 1);
            SimRuntime::sleep(Duration::from_millis(think)).await;
        }
    }

    /// Writes and reads until both are answered: how recovery is seen.
    pub async fn probe(&mut self) {
        let object = Object::Setting(u32::MAX - self.life.node as u32);
        loop {
            let value = lock(&self.world.oracle).unique_value();
            let written = self.perform(Action::Write(object, Some(value))).await;
            if written.is_some() && self.perform(Action::Read(object)).await.is_some() {
                return;
            }
            SimRuntime::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Tells the cluster of this life, until it is heard.
    pub async fn announce(&mut self) {
        while self.perform(Action::Announce).await != Some(Answer::Done) {
            SimRuntime::sleep(Duration::from_millis(50)).await;
        }
    }

    fn choose(&mut self) -> Action {
        let load = self.world.plan.load;
        let roll = self.rng.below(100);
        if roll < load.claim_percent {
            return self.choose_claim();
        }
        let object = self.choose_object();
        if roll < load.claim_percent + load.read_percent {
            return if self.rng.percent(20) {
                Action::ReadStale(object)
            } else {
                Action::Read(object)
            };
        }
        if self.rng.percent(10) {
            return Action::Write(object, None);
        }
        let value = match object {
            Object::Route(_, node) if node != self.life.node => return Action::Read(object),
            Object::Route(..) => self.life.incarnation,
            _ => lock(&self.world.oracle).unique_value(),
        };
        Action::Write(object, Some(value))
    }

    fn choose_claim(&mut self) -> Action {
        let slot = self.rng.below(CLIENT_IDS);
        let client = self.numbered(slot);
        let known = self.epochs.get(&client).copied().flatten();
        match self.rng.below(10) {
            0..=2 => Action::Read(Object::Client(client)),
            3 => Action::ReadStale(Object::Client(client)),
            4..=5 if known.is_some() => Action::Release {
                client,
                epoch: known.unwrap_or_default(),
            },
            _ => Action::Claim {
                client,
                expected: known,
            },
        }
    }

    /// Neighbours in the numbering share objects: about four clients on each.
    fn choose_object(&mut self) -> Object {
        let plan = &self.world.plan;
        let groups = (plan.nodes().len() as u64 * plan.load.clients_per_node / 2).max(2);
        let nodes = plan.nodes();
        let slot = (self.number + self.rng.below(2)) % groups;
        let number = self.numbered(slot);
        match self.rng.below(4) {
            0 | 1 => Object::Setting(number),
            2 => Object::Retained(number),
            _ if self.rng.percent(50) => Object::Route(number, self.life.node),
            _ => Object::Route(number, *self.rng.pick(&nodes)),
        }
    }

    fn numbered(&self, slot: u64) -> u32 {
        let now_ms = lock(&self.world.oracle).now() / 1_000;
        (now_ms / WINDOW_MS * WINDOW_OBJECTS + slot) as u32
    }

    /// Does it and records what came of it; the answer, if there was one.
    async fn perform(&mut self, action: Action) -> Option<Answer> {
        let action = match action {
            // Only the node itself speaks for its routes.
            Action::Write(object @ Object::Route(_, node), _) if node != self.life.node => {
                Action::Read(object)
            }
            other => other,
        };
        let id = lock(&self.world.oracle).invoke(self.life, action);
        let result = match action {
            Action::Read(object) => self.read(object).await,
            Action::ReadStale(object) => self.read_stale(object),
            Action::Write(..)
            | Action::Claim { .. }
            | Action::Release { .. }
            | Action::Announce => self.propose(command(action, self.life, &self.world)).await,
        };
        let mut oracle = lock(&self.world.oracle);
        let at = oracle.now();
        let outcome = match result {
            Ok((revision, answer)) => Outcome::Answered {
                at,
                revision: revision.get(),
                answer,
            },
            Err(Effect::None) => Outcome::Failed { at },
            Err(Effect::Unknown) => Outcome::Unknown { at },
        };
        oracle.complete(id, outcome);
        drop(oracle);
        let answer = result.ok().map(|(_, answer)| answer);
        self.learn(action, answer);
        answer
    }

    async fn propose(&self, command: Command) -> Result<(Revision, Answer), Effect> {
        let committed = self.core.propose(command).await.map_err(effect_of)?;
        let answer = match committed.reply {
            Reply::Done => Answer::Done,
            Reply::Claimed { epoch } => Answer::Claimed(epoch.revision().get()),
            Reply::Rejected(Rejection::ClaimLost { current }) => {
                Answer::Lost(current.map(|epoch| epoch.revision().get()))
            }
            // Nothing else of the workload is ever refused by the state, but a
            // refusal may come from the fence around an old life.
            Reply::Rejected(_) => return Err(Effect::Unknown),
        };
        Ok((committed.revision, answer))
    }

    async fn read(&self, object: Object) -> Result<(Revision, Answer), Effect> {
        let read = self.core.read(move |state| look_up(state, object)).await;
        let read = read.map_err(|_| Effect::None)?;
        Ok((read.revision, read.value))
    }

    fn read_stale(&self, object: Object) -> Result<(Revision, Answer), Effect> {
        let stale = self.core.read_stale(|state| look_up(state, object));
        Ok((stale.revision, stale.value))
    }

    fn learn(&mut self, action: Action, answer: Option<Answer>) {
        let (client, epoch) = match (action, answer) {
            (Action::Claim { client, .. }, Some(Answer::Claimed(epoch))) => (client, Some(epoch)),
            (
                Action::Claim { client, .. } | Action::Release { client, .. },
                Some(Answer::Lost(current)),
            ) => (client, current),
            (Action::Release { client, .. }, Some(Answer::Done)) => (client, None),
            (Action::Read(Object::Client(client)), Some(Answer::Holder(holding))) => {
                (client, holding.map(|holding| holding.epoch))
            }
            _ => return,
        };
        self.epochs.insert(client, epoch);
    }
}

/// What an operation without an answer may have done.
#[derive(Debug, Clone, Copy)]
enum Effect {
    None,
    Unknown,
}

fn effect_of(error: ProposeError) -> Effect {
    match error {
        ProposeError::NotSent
        | ProposeError::Overloaded
        | ProposeError::TooLarge { .. }
        | ProposeError::TooMany { .. }
        | ProposeError::NoCommands => Effect::None,
        ProposeError::Timeout | ProposeError::Rejected(_) | ProposeError::Stopped => {
            Effect::Unknown
        }
    }
}

/// Whatever, of which packing does not make less.
fn letters(count: usize, seed: u64) -> String {
    let mut rng = Rng::new(seed);
    let letter = |_| char::from(b'a' + rng.below(26) as u8);
    (0..count).map(letter).collect()
}

fn command(action: Action, life: Life, world: &World) -> Command {
    match action {
        Action::Write(Object::Setting(number), Some(value)) => Command::SetSetting {
            key: names::setting(number),
            value: format!("{value} {}", letters(world.plan.load.value_bytes, value)),
        },
        Action::Write(Object::Setting(number), None) => Command::RemoveSetting {
            key: names::setting(number),
        },
        Action::Write(Object::Retained(number), Some(value)) => Command::Retain {
            topic: names::topic(number),
            message: names::message(value),
            within: RetainedBound::NONE,
        },
        Action::Write(Object::Retained(number), None) => Command::ClearRetained {
            topic: names::topic(number),
        },
        Action::Write(Object::Route(number, _), Some(_)) => Command::AddRoute {
            filter: names::filter(number),
        },
        Action::Write(Object::Route(number, _), None) => Command::RemoveRoute {
            filter: names::filter(number),
        },
        Action::Claim { client, expected } => Command::Claim {
            client: names::client(client),
            expected: expected.map(epoch),
        },
        Action::Release {
            client,
            epoch: held,
        } => Command::Release {
            client: names::client(client),
            epoch: epoch(held),
        },
        Action::Announce => Command::MemberUp {
            incarnation: quorate_model::ids::Incarnation::new(life.incarnation),
            addresses: Vec::new(),
            version: "sim".to_owned(),
        },
        Action::Write(Object::Client(_), _) | Action::Read(_) | Action::ReadStale(_) => {
            unreachable!("{action:?} is no command")
        }
    }
}

fn epoch(revision: u64) -> Epoch {
    Epoch::new(Revision::new(revision))
}

/// What the state holds of an object, as histories tell it.
pub fn look_up(state: &ClusterState, object: Object) -> Answer {
    let view = state.view();
    match object {
        Object::Setting(number) => Answer::Value(
            view.setting(&names::setting(number))
                .and_then(names::value_of_text),
        ),
        Object::Retained(number) => Answer::Value(
            view.retained(&names::topic(number))
                .and_then(|retained| names::value_of_message(&retained.message)),
        ),
        Object::Route(number, node) => {
            let filter = names::filter(number);
            let node = NodeId::new(node);
            Answer::Value(
                view.routes()
                    .find(|(owner, found, _)| *owner == node && **found == filter)
                    .map(|(_, _, incarnation)| incarnation.get()),
            )
        }
        Object::Client(number) => Answer::Holder(holder(state, number)),
    }
}

pub fn holder(state: &ClusterState, client: u32) -> Option<Holding> {
    state.owner(&names::client(client)).map(|owner| Holding {
        life: Life {
            node: owner.node.get(),
            incarnation: owner.incarnation.get(),
        },
        epoch: owner.epoch.revision().get(),
    })
}

/// The client ids that may change hands at this time: those of this window and,
/// for what was asked for earlier, of the two before.
pub fn clients_at(now_ms: u64) -> Vec<u32> {
    let window = now_ms / WINDOW_MS;
    (window.saturating_sub(2)..=window)
        .flat_map(|window| (0..CLIENT_IDS).map(move |slot| (window * WINDOW_OBJECTS + slot) as u32))
        .collect()
}
