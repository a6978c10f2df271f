//! Strangers at the UDP port of the leader of a cluster: while they go on, the
//! cluster decides and lets new cores in, and neither memory nor log fills up.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;
mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use quorate_admin::api::{CreateTokenRequest, TokenRole};
use quorate_model::ids::ClusterId;
use support::ask;
use support::cluster::Cluster;
use support::node::Node;
use support::stranger::{
    ADMISSION, PEER, Stranger, begin_handshakes, complete_handshakes, send_random_datagrams,
    write_on_streams,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// One at a time: memory and times are measured.
static SERIAL: Mutex<()> = Mutex::new(());

const WRITE_LIMIT: Duration = Duration::from_secs(5);
const JOIN_LIMIT: Duration = Duration::from_secs(10);
/// How long an attack goes on, at least.
const SHORT: Duration = Duration::from_secs(2);
/// Beyond the time that a node gives to a handshake.
const LONG: Duration = Duration::from_secs(6);
/// What the attacked process may take beyond what it had. A new member costs
/// some of it; a message that is believed to have 4 GB would cost more.
const MOST_GROWTH_KB: u64 = 48 * 1024;
/// Refusals, warnings and errors, whatever the number of attempts.
const MOST_LINES: usize = 10;

struct Siege {
    home: TempDir,
    /// The first is the leader, and attacked.
    cluster: Cluster,
    rss_kb: u64,
    log_bytes: usize,
    runtime: Runtime,
}

impl Siege {
    fn begin() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut cluster = Cluster::form(home.path(), 3);
        let leader = cluster.leader();
        cluster.nodes.swap(0, leader);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self {
            rss_kb: cluster.nodes[0].rss_kb(),
            log_bytes: cluster.nodes[0].whole_log().len(),
            home,
            cluster,
            runtime,
        }
    }

    fn target(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.cluster.nodes[0].transport_port).into()
    }

    /// Checks what has to work while the attack goes on, and after it. Returns
    /// what the attacked node said of it, which is little.
    #[track_caller]
    fn withstand(mut self, attack: JoinSet<()>, time: Duration) -> Vec<String> {
        let begin = Instant::now();
        self.assert_serves("core4");
        while begin.elapsed() < time {
            self.assert_writes();
            self.assert_small();
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(!attack.is_empty(), "the attack has ended by itself");
        drop(attack);
        self.assert_serves("core5");
        let status = self.cluster.wait_whole();
        assert_eq!(status.nodes.len(), 5, "{status:?}");
        let log = self.cluster.nodes[0].whole_log().split_off(self.log_bytes);
        let worth_reading = [" WARN ", " ERROR ", "a connection was refused"];
        let is_told = |line: &&str| worth_reading.iter().any(|it| line.contains(it));
        let lines: Vec<String> = log.lines().filter(is_told).map(str::to_owned).collect();
        println!("{:.1?}: {lines:#?}", begin.elapsed());
        assert!(lines.len() <= MOST_LINES, "{} lines", lines.len());
        lines
    }

    #[track_caller]
    fn assert_serves(&mut self, joiner: &str) {
        self.assert_writes();
        let node = Node::alone(self.home.path(), joiner);
        let token = self.cluster.nodes[0].core_token();
        let start = Instant::now();
        let ended = node.join(&self.cluster.nodes[0].core_address(), &token);
        assert_eq!(ended.code, 0, "{joiner}: {ended:?}");
        assert!(start.elapsed() < JOIN_LIMIT, "{:?}", start.elapsed());
        println!("{joiner} joined within {:.1?}", start.elapsed());
        self.cluster.nodes.push(node);
        self.assert_writes();
        self.assert_small();
    }

    #[track_caller]
    fn assert_writes(&self) {
        for node in &self.cluster.nodes {
            let request = CreateTokenRequest {
                role: TokenRole::Replicant,
                ttl_s: 600,
            };
            let client = node.client();
            let written = ask(WRITE_LIMIT, client.create_token(request));
            let written = written.unwrap_or_else(|_| panic!("{} does not write", node.name));
            written.unwrap();
        }
    }

    #[track_caller]
    fn assert_small(&self) {
        let now = self.cluster.nodes[0].rss_kb();
        let grown = now.saturating_sub(self.rss_kb);
        assert!(grown < MOST_GROWTH_KB, "from {} to {now} KB", self.rss_kb);
    }
}

#[track_caller]
fn assert_says(lines: &[String], what: &str) {
    let has_it = lines.iter().any(|line| line.contains(what));
    assert!(has_it, "{what:?} is not in {lines:#?}");
}

#[test]
fn random_datagrams() {
    let _alone = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let siege = Siege::begin();
    let attack = siege
        .runtime
        .block_on(send_random_datagrams(siege.target()));
    siege.withstand(attack, SHORT);
}

#[test]
fn handshakes_that_are_never_completed() {
    let _alone = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let siege = Siege::begin();
    let attack = siege
        .runtime
        .block_on(begin_handshakes(siege.target(), 300));
    let lines = siege.withstand(attack, LONG);
    assert_says(&lines, "it did not say in time who it is");
}

#[test]
fn strangers_that_stay() {
    let _alone = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let siege = Siege::begin();
    let attack = siege
        .runtime
        .block_on(complete_handshakes(siege.target(), 100));
    siege.withstand(attack, SHORT);
}

#[test]
fn a_frame_of_four_gigabytes() {
    let _alone = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let siege = Siege::begin();
    let frame = b"QRST\x01\x01\0\0\xff\xff\xff\xff\x01\0\0\0\0\0\0\0\0\0\0\0";
    let attack = siege.runtime.block_on(async {
        let stranger = Stranger::anonymous(&[ADMISSION]);
        write_on_streams(stranger, siege.target(), frame.to_vec())
    });
    let lines = siege.withstand(attack, SHORT);
    assert_says(&lines, "a frame of 4294967295 bytes exceeds the limit");
}

#[test]
fn a_certificate_of_another_authority() {
    let _alone = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let siege = Siege::begin();
    let status = siege.cluster.nodes[0].status().unwrap();
    let cluster = u128::from_str_radix(&status.cluster_id.unwrap(), 16).unwrap();
    let attack = siege.runtime.block_on(async {
        let stranger = Stranger::of_another_authority(ClusterId::new(cluster));
        write_on_streams(stranger, siege.target(), Vec::new())
    });
    let lines = siege.withstand(attack, SHORT);
    let reason = "its certificate was not made by an authority of this cluster";
    assert_says(&lines, reason);
}

#[test]
fn another_protocol() {
    let _alone = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let siege = Siege::begin();
    let garbage = b"GET / HTTP/1.1\r\n\r\n";
    let mut attack = siege.runtime.block_on(async {
        let mut attack = JoinSet::new();
        for protocols in [&[][..], &[b"h3".as_slice()], &[PEER], &[ADMISSION]] {
            let stranger = Stranger::anonymous(protocols);
            let target = siege.target();
            attack.spawn(async move {
                let mut writing = write_on_streams(stranger, target, garbage.to_vec());
                writing.join_next().await;
            });
        }
        attack
    });
    assert!(attack.try_join_next().is_none());
    let lines = siege.withstand(attack, SHORT);
    assert_says(&lines, "it showed no certificate");
    assert_says(&lines, "is none of ours");
}
