//! `quorate dev`: a whole cluster on this machine, one process a node.
//!
//! ```text
//! plan (names, ports) -> process (spawn `node start`) -> forming (join core1)
//!     -> summary, then until a signal: log_tail, report -> stop
//! ```

mod forming;
mod log_tail;
mod plan;
mod ports;
mod process;
mod report;
mod summary;

use std::fs::{DirBuilder, File, TryLockError};
use std::future::Future;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quorate_admin::api::{Code, Problem};
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{sleep, timeout};

use self::plan::{Plan, PlanError};
use self::process::NodeProcess;
use self::report::{show_end, show_log};
use crate::cli::{DevArgs, Failure, Output};

/// In the directory of a cluster that is kept.
const LOCK_FILE: &str = "dev.lock";
/// How often the nodes and their logs are looked at.
const PERIOD: Duration = Duration::from_millis(200);
/// What a node gets to stop in by itself.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Brings the cluster up, and returns when a signal ends it.
pub(crate) fn run(args: &DevArgs, output: &Output) -> Result<(), Failure> {
    if args.replicants > 0 {
        output.note("replicants are not part of this build yet: none is started, the cores are");
    }
    let home = Home::open(args.dir.as_deref())?;
    let plan = Plan::make(home.path(), args.cores).map_err(Problem::from)?;
    plan.check_ports().map_err(Problem::from)?;
    plan.store(home.path()).map_err(Problem::from)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("can't start: {error}")))?
        .block_on(run_cluster(&plan, home.path(), output))
}

/// Where the data of all nodes are.
enum Home {
    /// One `dev` at a time: another's nodes would answer in place of ours.
    Kept { dir: PathBuf, _lock: File },
    /// Gone when it is dropped.
    Temporary(TempDir),
}

impl Home {
    fn open(dir: Option<&Path>) -> Result<Self, Failure> {
        let Some(dir) = dir else {
            let made = tempfile::Builder::new().prefix("quorate-dev-").tempdir();
            let made = made.map_err(|error| {
                Failure::internal(format!("can't make a temporary directory: {error}"))
            })?;
            return Ok(Self::Temporary(made));
        };
        let failed = |source| {
            let path = dir.to_owned();
            Problem::from(PlanError::Io { path, source })
        };
        let dir = std::path::absolute(dir).map_err(failed)?;
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&dir);
        made.map_err(failed)?;
        let lock = File::create(dir.join(LOCK_FILE)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self::Kept { dir, _lock: lock }),
            Err(TryLockError::Error(source)) => Err(failed(source).into()),
            Err(TryLockError::WouldBlock) => {
                let error = format!("another `quorate dev` runs in {}", dir.display());
                Err(Problem::new(Code::TryAgain, error)
                    .with_hint("stop it first, or use another --dir")
                    .into())
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept { dir, .. } => dir,
            Self::Temporary(dir) => dir.path(),
        }
    }
}

async fn run_cluster(plan: &Plan, home: &Path, output: &Output) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let mut nodes = Vec::new();
    // Nodes that come back need each other, so all start before any is asked.
    let started = plan.cores.iter().try_for_each(|core| {
        nodes.push(NodeProcess::start(core, home)?);
        Ok(())
    });
    let done = match started {
        Ok(()) => {
            let running = form_and_watch(&mut nodes, output);
            unless_signalled(running, &mut signals).await
        }
        Err(failure) => Err(failure),
    };
    stop(&mut nodes, &mut signals, output).await;
    done
}

async fn form_and_watch(nodes: &mut [NodeProcess], output: &Output) -> Result<(), Failure> {
    forming::form(nodes, output).await?;
    summary::show(nodes, output)?;
    loop {
        for node in &mut *nodes {
            show_log(node, output)?;
            if let Some(status) = node.ends_now()? {
                show_end(node, status, output)?;
            }
        }
        sleep(PERIOD).await;
    }
}

/// A signal is the way in which all this is meant to end.
async fn unless_signalled(
    running: impl Future<Output = Result<(), Failure>>,
    signals: &mut Signals,
) -> Result<(), Failure> {
    tokio::select! {
        ended = running => ended,
        () = signals.next() => Ok(()),
    }
}

/// All at once; who does not end in time, or is still there at a second
/// signal, is killed.
async fn stop(nodes: &mut [NodeProcess], signals: &mut Signals, output: &Output) {
    for node in &*nodes {
        node.terminate();
    }
    let all_end = async {
        for node in &mut *nodes {
            node.wait().await;
        }
    };
    tokio::select! {
        _ = timeout(STOP_LIMIT, all_end) => {}
        () = signals.next() => {}
    }
    for node in nodes.iter_mut().filter(|node| !node.has_ended()) {
        output.warning(&format!("killing {}", node.core.node_name()));
        node.kill();
        node.wait().await;
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::internal(format!("can't listen for signals: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
