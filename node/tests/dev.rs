//! `quorate dev`: a cluster in one command, and nothing left of it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod support;

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::{Ended, end, quorate, run};
use quorate_admin::api::ClusterStatus;
use rustix::process::Signal;
use support::signal;
use support::wait::until;
use tempfile::TempDir;

/// One at a time: all of them look for the same ports first, and one that
/// comes back could find its ports taken by another.
static SERIAL: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    SERIAL.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Dev {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    /// What it prints until it is up.
    text: String,
    /// Where it makes temporary directories.
    temporary: TempDir,
}

/// A row of the table.
#[derive(Debug)]
struct Row {
    name: String,
    pid: u32,
    transport: SocketAddr,
    dir: PathBuf,
}

impl Dev {
    fn start(arguments: &[&str]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = quorate(&["dev"]);
        command.args(arguments).env("TMPDIR", temporary.path());
        // What belongs to one node must not reach all of them.
        command.env("QUORATE_NODE__NAME", "other@127.0.0.1");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while !text.contains("Ctrl-C stops it all.") {
            if stdout.read_line(&mut text).unwrap() == 0 {
                let output = child.wait_with_output().unwrap();
                panic!("{text}\n{output:?}");
            }
        }
        Self {
            child,
            stdout,
            text,
            temporary,
        }
    }

    fn rows(&self) -> Vec<Row> {
        let mut lines = self.text.lines();
        let head: Vec<_> = lines.next().unwrap().split_whitespace().collect();
        assert_eq!(
            head,
            ["NODE", "ROLE", "PID", "CLUSTER", "(udp)", "ADMIN", "DATA"]
        );
        let rows = lines.take_while(|line| !line.is_empty()).map(|line| {
            let cells: Vec<_> = line.split_whitespace().collect();
            assert_eq!((cells.len(), cells[1]), (6, "core"), "{line}");
            Row {
                name: cells[0].to_owned(),
                pid: cells[2].parse().unwrap(),
                transport: cells[3].parse().unwrap(),
                dir: cells[5].into(),
            }
        });
        rows.collect()
    }

    /// The commands that it proposes.
    fn commands(&self) -> Vec<&str> {
        let lines = self.text.lines();
        lines.filter_map(|line| line.strip_prefix("  ")).collect()
    }

    /// Ctrl-C, and the rest of what it says.
    fn interrupt(mut self) -> (ExitStatus, String) {
        signal(self.child.id(), Signal::INT);
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let left: Vec<_> = std::fs::read_dir(self.temporary.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(left.is_empty(), "{left:?}");
        (output.status, String::from_utf8(output.stderr).unwrap())
    }
}

fn status(dir: &Path) -> ClusterStatus {
    let mut command = quorate(&["cluster", "status", "--json", "--dir"]);
    command.arg(dir);
    let ended = end(command, "");
    assert_eq!(ended.code, 0, "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// A process that nobody has waited for still has its id, but no socket.
fn assert_gone(rows: &[Row]) {
    for row in rows {
        until(&format!("{} is gone", row.name), || {
            UdpSocket::bind(row.transport).map_err(|error| error.to_string())
        });
    }
}

fn shell(line: &str) -> Ended {
    let mut command = Command::new("sh");
    command.args(["-c", line]);
    end(command, "")
}

#[test]
fn it_comes_up_and_goes_without_a_trace() {
    let _alone = alone();
    let dev = Dev::start(&["--cores", "3"]);
    let rows = dev.rows();
    let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(
        names,
        ["core1@127.0.0.1", "core2@127.0.0.1", "core3@127.0.0.1"]
    );
    for row in &rows {
        let status = status(&row.dir);
        assert_eq!((status.quorum.alive, status.quorum.voters), (3, 3));
        assert_eq!(status.this_node.name, row.name);
    }
    let commands = dev.commands();
    assert_eq!(commands.len(), 3, "{commands:?}");
    for command in commands {
        let ended = shell(command);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    }
    let (ended, stderr) = dev.interrupt();
    assert!(ended.success(), "{ended}: {stderr}");
    // The last command made the last node leave, and nothing else is told.
    for line in stderr.lines() {
        assert!(line.contains("was removed from"), "{stderr}");
    }
    assert_gone(&rows);
    for row in &rows {
        let pid = rustix::process::Pid::from_raw(row.pid as i32).unwrap();
        assert!(rustix::process::test_kill_process(pid).is_err(), "{row:?}");
    }
}

#[test]
fn its_nodes_do_not_outlive_it() {
    let _alone = alone();
    let mut dev = Dev::start(&["--cores", "2"]);
    let rows = dev.rows();
    assert_eq!(rows.len(), 2);
    dev.child.kill().unwrap();
    dev.child.wait().unwrap();
    assert_gone(&rows);
}

#[test]
fn a_node_that_dies_is_told_of_and_not_restarted() {
    let _alone = alone();
    let dev = Dev::start(&["--cores", "3", "--replicants", "2"]);
    let rows = dev.rows();
    signal(rows[1].pid, Signal::KILL);
    until("the others notice", || {
        let status = status(&rows[0].dir);
        (status.quorum.alive == 2)
            .then_some(())
            .ok_or(format!("{status:?}"))
    });
    let (ended, stderr) = dev.interrupt();
    assert!(ended.success(), "{ended}: {stderr}");
    assert!(
        stderr.starts_with("note: replicants are not part of this build yet"),
        "{stderr}"
    );
    let told = "warning: core2@127.0.0.1 has ended: signal: 9 (SIGKILL)";
    assert!(stderr.contains(told), "{stderr}");
    assert_gone(&rows);
}

#[test]
fn a_kept_cluster_comes_back_and_grows() {
    let _alone = alone();
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("kept here").display().to_string();
    let mut cluster_id = None;
    for (arguments, size) in [(&["--cores", "1"][..], 1), (&["--cores", "3"], 3), (&[], 3)] {
        let dev = Dev::start(&[&["--dir", &dir], arguments].concat());
        // The path has a blank, so the table can't be split at them.
        let status = status(&home.path().join("kept here/core1"));
        assert_eq!(status.quorum.voters, size, "{status:?}");
        let before = cluster_id.replace(status.cluster_id.clone());
        assert!(before.is_none_or(|before| before == status.cluster_id));
        for command in dev.commands().iter().take(2) {
            assert_eq!(shell(command).code, 0, "{command}");
        }
        let second = run(&["dev", "--dir", &dir]);
        assert_eq!(second.code, 75, "{second:?}");
        assert!(
            second.stderr.contains("another `quorate dev`"),
            "{second:?}"
        );
        let (ended, stderr) = dev.interrupt();
        assert!(ended.success(), "{ended}: {stderr}");
        assert_eq!(stderr, "");
    }
    let fewer = run(&["dev", "--dir", &dir, "--cores", "1"]);
    assert_eq!(fewer.code, 64, "{fewer:?}");
    assert!(fewer.stderr.contains("has 3 cores"), "{fewer:?}");
    assert!(fewer.stderr.contains("hint: write --cores 3"), "{fewer:?}");
}

#[test]
fn a_node_that_can_not_start_ends_it_all() {
    let _alone = alone();
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().display().to_string();
    let (ended, _) = Dev::start(&["--cores", "2", "--dir", &dir]).interrupt();
    assert!(ended.success());
    // The ports of a kept cluster stay; somebody else has one of them now.
    let plan = std::fs::read_to_string(home.path().join("dev.json")).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let port = plan["cores"][1]["transport_port"].as_u64().unwrap() as u16;
    let busy = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    let ended = run(&["dev", "--dir", &dir]);
    let told = format!("error: core2@127.0.0.1 cannot have 127.0.0.1:{port} again: ");
    assert_ended(&ended, 69, &told, "hint: stop who has it");
    drop(busy);

    std::fs::write(home.path().join("core2/identity"), "nobody").unwrap();
    let ended = run(&["dev", "--dir", &dir]);
    let told = "error: core2@127.0.0.1 did not start: could not read ";
    assert_ended(&ended, 78, told, "hint: check the disk");
}

fn assert_ended(ended: &Ended, code: i32, told: &str, hint: &str) {
    assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{ended:?}");
    assert!(ended.stderr.contains(told), "{ended:?}");
    assert!(ended.stderr.contains(hint), "{ended:?}");
}
