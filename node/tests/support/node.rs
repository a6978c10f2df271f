//! One node: `quorate node start` in a process of its own.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use quorate_admin::api::{ClusterStatus, CreateTokenRequest, HistoryEvent, Phase, TokenRole};
use quorate_admin::{AdminClient, ClientError};
use rustix::process::Signal;

use super::ports::free_port;
use super::wait::{PATIENCE, until};
use super::{ask, signal};
use crate::common::{Ended, end, quorate};

/// For a node that answers from memory, or not at all.
const READ_LIMIT: Duration = Duration::from_secs(5);
const HOUR_S: u64 = 3_600;

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    pub(crate) transport_port: u16,
    pub(crate) admin_port: u16,
    /// Further `--set`.
    pub(crate) sets: Vec<String>,
    /// Where the next process is to die, as a crash would have it.
    pub(crate) crash_at: Option<&'static str>,
    log: PathBuf,
    child: Option<Child>,
}

impl Node {
    /// With ports and a data directory of its own; not started.
    pub(crate) fn new(home: &Path, short_name: &str) -> Self {
        Self {
            name: format!("{short_name}@127.0.0.1"),
            dir: home.join(short_name),
            transport_port: free_port(),
            admin_port: free_port(),
            sets: vec!["node.roles=core".to_owned()],
            crash_at: None,
            log: home.join(format!("{short_name}.log")),
            child: None,
        }
    }

    /// Started, and the leader of a cluster of its own.
    pub(crate) fn alone(home: &Path, short_name: &str) -> Self {
        let mut node = Self::new(home, short_name);
        node.start();
        node.wait_settled();
        node
    }

    fn command(&self) -> Command {
        let mut command = quorate(&["node", "start", "--dir"]);
        command.arg(&self.dir);
        let own = [
            format!("node.name={}", self.name),
            format!("transport.bind=127.0.0.1:{}", self.transport_port),
            format!("admin.bind=127.0.0.1:{}", self.admin_port),
        ];
        if let Some(point) = self.crash_at {
            command.env("CRASH_QUORATE_AT", point);
        }
        for set in own.iter().chain(&self.sets) {
            command.arg("--set").arg(set);
        }
        command
    }

    pub(crate) fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let mut command = self.command();
        // Whatever becomes of this test, the node does not outlive it.
        command.arg("--until-stdin-closes").stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(log.unwrap());
        self.child = Some(command.spawn().unwrap());
    }

    /// For a start that is refused. One that is not ends when its input does.
    pub(crate) fn start_in_vain(&self) -> Ended {
        let mut command = self.command();
        command.arg("--until-stdin-closes");
        end(command, "")
    }

    fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// With SIGKILL.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// With SIGSTOP.
    pub(crate) fn pause(&self) {
        signal(self.pid(), Signal::STOP);
    }

    /// With SIGCONT.
    pub(crate) fn go_on(&self) {
        signal(self.pid(), Signal::CONT);
    }

    /// With SIGTERM.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        signal(self.pid(), Signal::TERM);
        let mut child = self.child.take().expect("it runs");
        until(&format!("{} ends at SIGTERM", self.name), || {
            child.try_wait().unwrap().ok_or("it runs".to_owned())
        })
    }

    /// Waits until it has died by itself.
    pub(crate) fn wait_dead(&mut self) {
        let mut child = self.child.take().expect("it was started");
        until(&format!("{} dies", self.name), || {
            child.try_wait().unwrap().ok_or("it runs".to_owned())
        });
    }

    pub(crate) fn is_running(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// As `node join --core` takes it.
    pub(crate) fn core_address(&self) -> String {
        format!("{}:{}", self.name, self.transport_port)
    }

    pub(crate) fn client(&self) -> AdminClient {
        AdminClient::unix(self.dir.join("admin.sock"))
    }

    pub(crate) fn status(&self) -> Result<ClusterStatus, String> {
        let client = self.client();
        let answer = ask(READ_LIMIT, client.status());
        told(&self.name, answer)
    }

    /// Whom it takes for the leader. From its memory, at once; its status asks
    /// the other nodes, also those that are dead.
    pub(crate) fn leader_in_memory(&self) -> Option<String> {
        let answer = self.get("/readyz?verbose")?;
        let mut lines = answer.lines();
        let leader = lines.find_map(|line| line.strip_prefix("[+] leader: "))?;
        Some(leader.to_owned())
    }

    /// What the admin port answers, head and body.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin_port)).ok()?;
        stream.set_read_timeout(Some(READ_LIMIT)).ok()?;
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    pub(crate) fn history(&self) -> Vec<HistoryEvent> {
        let client = self.client();
        told(&self.name, ask(PATIENCE, client.history(1_000))).unwrap()
    }

    pub(crate) fn token_ids(&self) -> Result<Vec<String>, String> {
        let client = self.client();
        let listed = told(&self.name, ask(READ_LIMIT, client.list_tokens()))?;
        Ok(listed.into_iter().map(|token| token.id).collect())
    }

    /// The secret of a new token.
    pub(crate) fn token(&self, role: TokenRole, ttl_s: u64) -> String {
        let client = self.client();
        let created = ask(
            PATIENCE,
            client.create_token(CreateTokenRequest { role, ttl_s }),
        );
        let created = told(&self.name, created).unwrap();
        created.token.expose().to_owned()
    }

    pub(crate) fn core_token(&self) -> String {
        self.token(TokenRole::Core, HOUR_S)
    }

    /// What the binary says when it is asked about this node.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = quorate(arguments);
        command.arg("--dir").arg(&self.dir);
        end(command, "")
    }

    pub(crate) fn join(&self, core: &str, token: &str) -> Ended {
        self.run(&["node", "join", "--core", core, "--token", token])
    }

    /// Waits until it is a member of a cluster that has a leader.
    #[track_caller]
    pub(crate) fn wait_settled(&mut self) -> ClusterStatus {
        until(&format!("{} is settled", self.name), || {
            assert!(
                self.is_running(),
                "{} has ended:\n{}",
                self.name,
                self.log()
            );
            let status = self.status()?;
            let is_settled = status.this_node.phase == Phase::Member
                && status.leader.is_some()
                && !status.stale
                && status.nodes.iter().any(|node| node.name == self.name);
            is_settled
                .then(|| status.clone())
                .ok_or(format!("{status:?}"))
        })
    }

    /// The memory that the process has now.
    pub(crate) fn rss_kb(&self) -> u64 {
        self.memory_kb("VmRSS:")
    }

    /// The most that it has had since `forget_peak`.
    pub(crate) fn peak_rss_kb(&self) -> u64 {
        self.memory_kb("VmHWM:")
    }

    pub(crate) fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
    }

    fn memory_kb(&self, label: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(label));
        let kb = line.unwrap().trim().strip_suffix(" kB");
        kb.unwrap().parse().unwrap()
    }

    /// Files and sockets that the process has open.
    pub(crate) fn open_files(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.pid()));
        files.unwrap().count()
    }

    /// What it has written to its log, from its first start on.
    pub(crate) fn whole_log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The end of it.
    pub(crate) fn log(&self) -> String {
        let text = self.whole_log();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- the log of {}:\n{}", self.name, self.log());
        }
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn told<T, E>(name: &str, answer: Result<Result<T, ClientError>, E>) -> Result<T, String> {
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("{name}: {error}")),
        Err(_) => Err(format!("{name} does not answer")),
    }
}
