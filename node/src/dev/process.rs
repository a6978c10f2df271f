//! One node: a child process, its data directory and its log.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use quorate_admin::AdminClient;
use quorate_admin::api::{Code, Problem};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::log_tail::LogTail;
use super::plan::PlannedCore;
use crate::cli::{Failure, SOCKET};

/// In the data directory of a node.
const LOG_FILE: &str = "node.log";
/// The rest of what is set around us belongs to other nodes: a name, an
/// address or a data directory could not be that of all.
const PASSED_ON: &str = "QUORATE_LOG__LEVEL";

#[derive(Debug)]
pub(super) struct NodeProcess {
    pub(super) core: PlannedCore,
    pub(super) dir: PathBuf,
    pub(super) pid: u32,
    pub(super) log: LogTail,
    pub(super) client: AdminClient,
    /// It holds our end of the node's stdin, too.
    child: Child,
    ended: Option<ExitStatus>,
}

impl NodeProcess {
    /// `home` is the directory of the whole cluster.
    pub(super) fn start(core: &PlannedCore, home: &Path) -> Result<Self, Failure> {
        let dir = home.join(&core.name);
        let spawned = spawn(core, &dir);
        let (child, log) = spawned.map_err(|error| cannot_start(core, &error.to_string()))?;
        let pid = child
            .id()
            .ok_or_else(|| cannot_start(core, "it has no process id"))?;
        Ok(Self {
            core: core.clone(),
            client: AdminClient::unix(dir.join(SOCKET)),
            dir,
            pid,
            log,
            child,
            ended: None,
        })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Its exit status, at the first call after its end.
    pub(super) fn ends_now(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.has_ended() {
            return Ok(None);
        }
        self.ended = self.child.try_wait()?;
        Ok(self.ended)
    }

    /// Asks it to stop. Its id is its own for as long as nobody has waited
    /// for it.
    pub(super) fn terminate(&self) {
        if let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id as i32)) {
            // It may have ended in this moment.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    pub(super) fn kill(&mut self) {
        // It may have ended in this moment.
        let _ = self.child.start_kill();
    }

    pub(super) async fn wait(&mut self) {
        if !self.has_ended() {
            self.ended = self.child.wait().await.ok();
        }
    }
}

fn spawn(core: &PlannedCore, dir: &Path) -> io::Result<(Child, LogTail)> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let log_path = dir.join(LOG_FILE);
    let log_file = open_log(&log_path)?;
    let log = LogTail::new(&log_path)?;
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os() {
        let is_ours = name.to_string_lossy().starts_with("QUORATE_");
        if is_ours && name != PASSED_ON {
            command.env_remove(&name);
        }
    }
    command.args(["node", "start", "--until-stdin-closes", "--dir"]);
    command.arg(dir);
    for (key, value) in [
        ("node.name", core.node_name()),
        ("node.roles", "core".to_owned()),
        ("transport.bind", core.transport()),
        ("admin.bind", core.admin()),
        ("log.format", "text".to_owned()),
    ] {
        command.arg("--set").arg(format!("{key}={value}"));
    }
    let child = command
        .stdin(Stdio::piped())
        .stdout(log_file.try_clone()?)
        .stderr(log_file)
        // Ctrl-C is for us; the nodes are told by us, after it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok((child, log))
}

fn open_log(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(path)
}

fn cannot_start(core: &PlannedCore, why: &str) -> Failure {
    let error = format!("{} could not be started: {why}", core.node_name());
    Problem::new(Code::Internal, error).into()
}
