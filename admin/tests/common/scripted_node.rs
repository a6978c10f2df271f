//! A node that answers from a script, and remembers what it was asked. The tests
//! of the command line have it too.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::Mutex;

use futures::FutureExt;
use quorate_admin::api::{
    ClusterStatus, CreateTokenRequest, HistoryEvent, JoinRequest, NewToken, NodeState, NodeStatus,
    Phase, Problem, Quorum, Secret, ThisNode, TokenInfo, Work,
};
use quorate_admin::{Check, Control, Metric, Reply};

pub(crate) struct Script {
    pub(crate) status: ClusterStatus,
    /// One for each question; the last stays.
    pub(crate) work: VecDeque<Work>,
    pub(crate) tokens: Vec<TokenInfo>,
    pub(crate) history: Vec<HistoryEvent>,
    pub(crate) checks: Vec<Check>,
    pub(crate) metrics: Vec<Metric>,
    /// What every call fails with.
    pub(crate) problem: Option<Problem>,
}

#[derive(Default)]
pub(crate) struct ScriptedNode {
    pub(crate) script: Mutex<Script>,
    calls: Mutex<Vec<String>>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            status: status(),
            work: VecDeque::new(),
            tokens: Vec::new(),
            history: Vec::new(),
            checks: Vec::new(),
            metrics: Vec::new(),
            problem: None,
        }
    }
}

impl ScriptedNode {
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// The calls that would have changed something.
    pub(crate) fn changes(&self) -> Vec<String> {
        let is_change = |call: &String| {
            let reads = ["status", "history", "work", "list_tokens"];
            !reads.iter().any(|read| call.starts_with(read))
        };
        self.calls().into_iter().filter(is_change).collect()
    }

    fn change<T: Send + 'static>(&self, call: impl Into<String>, answer: T) -> Reply<'_, T> {
        self.answer(call, |_| answer)
    }

    fn answer<T: Send + 'static>(
        &self,
        call: impl Into<String>,
        answer: impl FnOnce(&mut Script) -> T,
    ) -> Reply<'_, T> {
        self.calls.lock().unwrap().push(call.into());
        let mut script = self.script.lock().unwrap();
        let answer = match script.problem.clone() {
            Some(problem) => Err(problem),
            None => Ok(answer(&mut script)),
        };
        ready(answer).boxed()
    }
}

impl Control for ScriptedNode {
    fn status(&self) -> Reply<'_, ClusterStatus> {
        self.answer("status", |script| script.status.clone())
    }

    fn history(&self, limit: u32) -> Reply<'_, Vec<HistoryEvent>> {
        self.answer(format!("history {limit}"), |script| {
            let events = script.history.iter().take(limit as usize);
            events.cloned().collect()
        })
    }

    fn force_leave(&self, name: String) -> Reply<'_, ()> {
        self.change(format!("force_leave {name}"), ())
    }

    fn init(&self) -> Reply<'_, ()> {
        self.change("init", ())
    }

    fn join(&self, request: JoinRequest) -> Reply<'_, ()> {
        let token = request.token.map(|token| token.expose().to_owned());
        let (core, wipe) = (request.core, request.wipe);
        self.change(format!("join {core} {token:?} {wipe}"), ())
    }

    fn leave(&self) -> Reply<'_, ()> {
        self.change("leave", ())
    }

    fn work(&self) -> Reply<'_, Option<Work>> {
        self.answer("work", |script| match script.work.len() {
            0 | 1 => script.work.front().cloned(),
            _ => script.work.pop_front(),
        })
    }

    fn create_token(&self, request: CreateTokenRequest) -> Reply<'_, NewToken> {
        let token = NewToken {
            id: "t1".to_owned(),
            token: Secret::new("hush"),
            role: request.role,
            expires: "2030-01-01T00:00:00Z".to_owned(),
        };
        self.change(format!("create_token {}", request.ttl_s), token)
    }

    fn list_tokens(&self) -> Reply<'_, Vec<TokenInfo>> {
        self.answer("list_tokens", |script| script.tokens.clone())
    }

    fn revoke_token(&self, id: String) -> Reply<'_, ()> {
        self.change(format!("revoke_token {id}"), ())
    }

    fn rotate_authority(&self) -> Reply<'_, ()> {
        self.change("rotate_authority", ())
    }

    fn finish_rotation(&self) -> Reply<'_, ()> {
        self.change("finish_rotation", ())
    }

    fn health(&self) -> Vec<Check> {
        self.script.lock().unwrap().checks.clone()
    }

    fn metrics(&self) -> Vec<Metric> {
        self.script.lock().unwrap().metrics.clone()
    }
}

pub(crate) fn status() -> ClusterStatus {
    let node = |name: &str, state| NodeStatus {
        name: name.to_owned(),
        id: "1".to_owned(),
        roles: vec!["core".to_owned()],
        state,
        revision: Some(42),
        lag: Some(0),
        clients: None,
        version: "0.1.0".to_owned(),
        address: "127.0.0.1:4370".to_owned(),
    };
    ClusterStatus {
        cluster_name: "quorate".to_owned(),
        cluster_id: Some("6f1c0a2b".to_owned()),
        leader: Some("core1@127.0.0.1".to_owned()),
        term: 3,
        quorum: Quorum {
            alive: 2,
            voters: 2,
            needed: 2,
        },
        stale: false,
        nodes: vec![
            node("core1@127.0.0.1", NodeState::Leader),
            node("core2@127.0.0.1", NodeState::Follower),
        ],
        this_node: ThisNode {
            name: "core1@127.0.0.1".to_owned(),
            id: "1".to_owned(),
            phase: Phase::Member,
            detail: None,
        },
    }
}
