//! What the clients did and what they were told, in simulated time.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkers::Span;
use crate::checkers::claims::{ClaimAnswer, Claims, ClaimsStep, Holding, Life, ReleaseAnswer};
use crate::checkers::register::RegisterStep;

/// Microseconds since the simulation began; the same clock for all nodes.
pub type Micros = u64;

/// Something that clients read and write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    Setting(u32),
    Retained(u32),
    /// A filter and the node that subscribes to it; its value is the
    /// incarnation that holds the route.
    Route(u32, u64),
    Client(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// `None` removes. Values are numbers that are used once in a run.
    Write(Object, Option<u64>),
    Read(Object),
    /// A read that may be old; only its revision is held against it.
    ReadStale(Object),
    Claim {
        client: u32,
        expected: Option<u64>,
    },
    Release {
        client: u32,
        epoch: u64,
    },
    /// A node tells the cluster that this life of it has begun.
    Announce,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    Done,
    Value(Option<u64>),
    Holder(Option<Holding>),
    Claimed(u64),
    /// The claim is held under another epoch.
    Lost(Option<u64>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Still waiting, or its node died while it waited.
    Pending,
    Answered {
        at: Micros,
        revision: u64,
        answer: Answer,
    },
    /// Certainly without effect.
    Failed { at: Micros },
    /// The client gave up; it may take effect yet.
    Unknown { at: Micros },
}

#[derive(Debug, Clone)]
pub struct Operation {
    pub life: Life,
    pub invoked: Micros,
    pub action: Action,
    pub outcome: Outcome,
}

/// Names an operation of a [`History`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub usize);

#[derive(Debug, Clone, Default)]
pub struct History {
    operations: Vec<Operation>,
}

impl History {
    pub fn invoke(&mut self, life: Life, invoked: Micros, action: Action) -> OperationId {
        self.operations.push(Operation {
            life,
            invoked,
            action,
            outcome: Outcome::Pending,
        });
        OperationId(self.operations.len() - 1)
    }

    pub fn complete(&mut self, id: OperationId, outcome: Outcome) {
        let operation = &mut self.operations[id.0];
        assert_eq!(
            operation.outcome,
            Outcome::Pending,
            "{id:?} is answered twice"
        );
        operation.outcome = outcome;
    }

    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    pub fn operation(&self, id: OperationId) -> &Operation {
        &self.operations[id.0]
    }

    /// Everything that a client named.
    pub fn objects(&self) -> BTreeSet<Object> {
        let operations = self.operations.iter();
        operations
            .filter_map(|operation| operation.action.object())
            .collect()
    }

    /// The registers that were read or written, each with its spans.
    pub fn registers(&self) -> BTreeMap<Object, Vec<Span<RegisterStep>>> {
        let mut registers: BTreeMap<Object, Vec<Span<RegisterStep>>> = BTreeMap::new();
        for operation in &self.operations {
            if let Some((object, step)) = register_step(operation)
                && let Some(span) = span(operation, step)
            {
                registers.entry(object).or_default().push(span);
            }
        }
        for (object, spans) in &mut registers {
            if let Object::Route(_, node) = object {
                spans.extend(self.announcements(*node).filter_map(|operation| {
                    span(operation, RegisterStep::Expire(operation.life.incarnation))
                }));
            }
            drop_unseen_writes(spans);
        }
        registers
    }

    /// The claims of each client id, with the epochs that were granted.
    pub fn claims(&self) -> BTreeMap<u32, (Claims, Vec<Span<ClaimsStep>>)> {
        let mut claims: BTreeMap<u32, (Claims, Vec<Span<ClaimsStep>>)> = BTreeMap::new();
        for operation in &self.operations {
            let Some((client, step)) = claims_step(operation) else {
                continue;
            };
            let (specification, spans) = claims.entry(client).or_default();
            if let Outcome::Answered {
                answer: Answer::Claimed(epoch),
                ..
            } = operation.outcome
            {
                specification.granted.insert(epoch);
            }
            spans.extend(span(operation, step));
        }
        // Only a node that claimed the client can lose it with a life. An
        // announcement without an answer would double the search.
        let mut claimants: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        for operation in &self.operations {
            if let Action::Claim { client, .. } = operation.action {
                let claimants = claimants.entry(client).or_default();
                claimants.insert(operation.life.node);
            }
        }
        for (client, (_, spans)) in &mut claims {
            for node in claimants.get(client).into_iter().flatten() {
                spans.extend(
                    self.announcements(*node).filter_map(|operation| {
                        span(operation, ClaimsStep::Announce(operation.life))
                    }),
                );
            }
        }
        claims
    }

    fn announcements(&self, node: u64) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(move |operation| {
            operation.action == Action::Announce && operation.life.node == node
        })
    }
}

impl Action {
    pub fn object(&self) -> Option<Object> {
        match *self {
            Self::Write(object, _) | Self::Read(object) | Self::ReadStale(object) => Some(object),
            Self::Claim { client, .. } | Self::Release { client, .. } => {
                Some(Object::Client(client))
            }
            Self::Announce => None,
        }
    }
}

impl Operation {
    pub fn is_read(&self) -> bool {
        matches!(self.action, Action::Read(_) | Action::ReadStale(_))
    }

    pub fn answered(&self) -> Option<(Micros, u64, Answer)> {
        match self.outcome {
            Outcome::Answered {
                at,
                revision,
                answer,
            } => Some((at, revision, answer)),
            Outcome::Pending | Outcome::Failed { .. } | Outcome::Unknown { .. } => None,
        }
    }
}

/// When the operation may have taken effect; nothing for one without effect.
fn span<S>(operation: &Operation, step: S) -> Option<Span<S>> {
    let completed = match operation.outcome {
        Outcome::Failed { .. } => return None,
        Outcome::Answered { at, .. } => Some(at),
        Outcome::Pending | Outcome::Unknown { .. } => None,
    };
    Some(Span {
        invoked: operation.invoked,
        completed,
        step,
    })
}

fn register_step(operation: &Operation) -> Option<(Object, RegisterStep)> {
    match operation.action {
        Action::Write(object, value) => Some((object, RegisterStep::Write(value))),
        Action::Read(object) => match operation.answered() {
            Some((_, _, Answer::Value(value))) => Some((object, RegisterStep::Read(value))),
            _ => None,
        },
        Action::ReadStale(_) | Action::Claim { .. } | Action::Release { .. } | Action::Announce => {
            None
        }
    }
}

fn claims_step(operation: &Operation) -> Option<(u32, ClaimsStep)> {
    let answer = operation.answered().map(|(_, _, answer)| answer);
    match operation.action {
        Action::Claim { client, expected } => Some((
            client,
            ClaimsStep::Claim {
                life: operation.life,
                expected,
                answer: answer.and_then(|answer| match answer {
                    Answer::Claimed(epoch) => Some(ClaimAnswer::Granted(epoch)),
                    Answer::Lost(current) => Some(ClaimAnswer::Lost(current)),
                    Answer::Done | Answer::Value(_) | Answer::Holder(_) => None,
                }),
            },
        )),
        Action::Release { client, epoch } => Some((
            client,
            ClaimsStep::Release {
                node: operation.life.node,
                epoch,
                answer: answer.and_then(|answer| match answer {
                    Answer::Done => Some(ReleaseAnswer::Released),
                    Answer::Lost(current) => Some(ReleaseAnswer::Lost(current)),
                    Answer::Claimed(_) | Answer::Value(_) | Answer::Holder(_) => None,
                }),
            },
        )),
        Action::Read(Object::Client(client)) => match answer {
            Some(Answer::Holder(holding)) => Some((client, ClaimsStep::Read(holding))),
            _ => None,
        },
        Action::Write(..) | Action::Read(_) | Action::ReadStale(_) | Action::Announce => None,
    }
}

/// A write that was never answered and whose value nobody read explains
/// nothing: without it every order that holds still holds. Each one kept would
/// double the search.
fn drop_unseen_writes(spans: &mut Vec<Span<RegisterStep>>) {
    let seen: BTreeSet<Option<u64>> = spans
        .iter()
        .filter_map(|span| match span.step {
            RegisterStep::Read(value) => Some(value),
            RegisterStep::Write(_) | RegisterStep::Expire(_) => None,
        })
        .collect();
    spans.retain(|span| match span.step {
        RegisterStep::Write(value) => span.completed.is_some() || seen.contains(&value),
        RegisterStep::Read(_) | RegisterStep::Expire(_) => true,
    });
}
