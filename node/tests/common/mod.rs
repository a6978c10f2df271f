//! A node that answers from a script, and the binary that asks it.

#![allow(clippy::unwrap_used, clippy::expect_used)]
// Each test file uses a part of it.
#![allow(dead_code)]

use std::collections::VecDeque;
use std::future::ready;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use quorate_admin::api::{
    ClusterStatus, CreateTokenRequest, Finished, HistoryEvent, JoinRequest, NewToken, NodeState,
    NodeStatus, Phase, Problem, Quorum, Secret, ThisNode, TokenInfo, Work, WorkKind,
};
use quorate_admin::{AdminSocket, Check, Control, Reply, serve_unix};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

pub(crate) struct Script {
    pub(crate) status: ClusterStatus,
    /// One for each question; the last stays.
    pub(crate) work: VecDeque<Work>,
    pub(crate) tokens: Vec<TokenInfo>,
    pub(crate) history: Vec<HistoryEvent>,
    /// What every change fails with.
    pub(crate) problem: Option<Problem>,
}

pub(crate) struct ScriptedNode {
    pub(crate) script: Mutex<Script>,
    changes: Mutex<Vec<String>>,
}

impl ScriptedNode {
    fn change<T: Send + 'static>(&self, what: impl Into<String>, answer: T) -> Reply<'_, T> {
        self.changes.lock().unwrap().push(what.into());
        let problem = self.script.lock().unwrap().problem.clone();
        ready(problem.map_or(Ok(answer), Err)).boxed()
    }

    fn read<T: Send + 'static>(&self, part: impl FnOnce(&mut Script) -> T) -> Reply<'_, T> {
        ready(Ok(part(&mut self.script.lock().unwrap()))).boxed()
    }
}

impl Control for ScriptedNode {
    fn status(&self) -> Reply<'_, ClusterStatus> {
        self.read(|script| script.status.clone())
    }

    fn history(&self, limit: u32) -> Reply<'_, Vec<HistoryEvent>> {
        self.read(|script| {
            script
                .history
                .iter()
                .take(limit as usize)
                .cloned()
                .collect()
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
        let token = token.unwrap_or_default();
        self.change(
            format!("join {} {token:?} {}", request.core, request.wipe),
            (),
        )
    }

    fn leave(&self) -> Reply<'_, ()> {
        self.change("leave", ())
    }

    fn work(&self) -> Reply<'_, Option<Work>> {
        self.read(|script| match script.work.len() {
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
        self.read(|script| script.tokens.clone())
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
        Vec::new()
    }
}

/// How the binary ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary, with nothing of this environment that it would heed.
pub(crate) fn quorate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(arguments);
    for name in [
        "QUORATE_ADMIN",
        "QUORATE_TOKEN",
        "QUORATE_NODE__DATA_DIR",
        "NO_COLOR",
    ] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn end(mut command: Command, input: &str) -> Ended {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code().expect("no signal ended it"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn run(arguments: &[&str]) -> Ended {
    end(quorate(arguments), "")
}

/// A scripted node that is served in a data directory.
pub(crate) struct Served {
    pub(crate) node: Arc<ScriptedNode>,
    pub(crate) folder: TempDir,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn start() -> Self {
        let node = Arc::new(ScriptedNode {
            script: Mutex::new(Script {
                status: status(),
                work: VecDeque::new(),
                tokens: Vec::new(),
                history: Vec::new(),
                problem: None,
            }),
            changes: Mutex::new(Vec::new()),
        });
        let folder = tempfile::tempdir().unwrap();
        let socket = AdminSocket::bind(&folder.path().join("admin.sock"))
            .await
            .unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve_unix(socket, node.clone(), stopped.map(|_| ())));
        Self {
            node,
            folder,
            stop,
            server,
        }
    }

    pub(crate) fn changes(&self) -> Vec<String> {
        self.node.changes.lock().unwrap().clone()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = quorate(arguments);
        command.arg("--dir").arg(self.folder.path());
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "", |_| ()).await
    }

    pub(crate) async fn run_with(
        &self,
        arguments: &[&str],
        input: &'static str,
        adapt: impl FnOnce(&mut Command),
    ) -> Ended {
        let mut command = self.command(arguments);
        adapt(&mut command);
        spawn_blocking(move || end(command, input)).await.unwrap()
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.server.await.unwrap();
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

pub(crate) fn step(step: &str, done: Option<u64>) -> Work {
    Work {
        kind: WorkKind::Join,
        step: step.to_owned(),
        done,
        total: done.map(|_| 3_400),
        finished: None,
    }
}

pub(crate) fn finished(message: &str, error: Option<Problem>) -> Work {
    let mut work = step("done", None);
    work.finished = Some(Finished {
        ok: error.is_none(),
        message: message.to_owned(),
        error,
    });
    work
}

pub(crate) fn absent(folder: &Path) -> String {
    folder.join("absent").display().to_string()
}
