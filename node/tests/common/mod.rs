//! A node that answers from a script, and the binary that asks it.

#![allow(clippy::unwrap_used, clippy::expect_used)]
// Each test file uses a part of it.
#![allow(dead_code)]

#[path = "../../../admin/tests/common/scripted_node.rs"]
pub(crate) mod scripted_node;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use futures::FutureExt;
use quorate_admin::api::{Finished, Problem, Work, WorkKind};
use quorate_admin::{AdminSocket, serve_unix};
use scripted_node::ScriptedNode;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

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
        let node = Arc::new(ScriptedNode::default());
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
        self.node.changes()
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

pub(crate) fn step(step: &str, done: Option<u64>) -> Work {
    Work {
        kind: WorkKind::Join,
        step: step.to_owned(),
        done,
        total: done.map(|_| 3_400),
        obstacle: None,
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
