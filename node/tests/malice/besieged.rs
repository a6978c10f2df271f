//! A node under attack, and what it takes meanwhile.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use quorate_model::retained::QoS;
use quorate_mqtt::packet::Packet;
use quorate_mqtt::version::Version;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

use crate::client::{Client, connect, message};
use crate::support::node::Node;
use crate::support::ports::free_port;
use crate::support::wait::until;

/// One at a time: memory is measured, and descriptors are few.
static SERIAL: Mutex<()> = Mutex::new(());

/// For what is neither an attacking connection nor its other end.
const SPARE_FILES: usize = 300;
/// What a node takes for its store and its log when many clients come and go, whoever
/// they are, and what the allocator keeps back.
pub(crate) const BASE_MB: u64 = 12;

/// Warnings and errors.
const MOST_REMARKS: usize = 10;

pub(crate) struct Besieged {
    pub(crate) node: Node,
    pub(crate) mqtt: SocketAddr,
    _home: TempDir,
    before_kb: u64,
    files: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Besieged {
    /// With further `--set`.
    pub(crate) fn start(sets: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let sets = sets.iter().map(ToString::to_string);
        Self::start_in(home, sets.collect())
    }

    pub(crate) fn start_in(home: TempDir, sets: Vec<String>) -> Self {
        let alone = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
        raise_open_files();
        let mut node = Node::new(home.path(), "node");
        let mqtt = local(free_port());
        node.sets = vec![
            "listeners.tcp.default.enabled=true".to_owned(),
            format!("listeners.tcp.default.bind={mqtt}"),
        ];
        node.sets.extend(sets);
        node.start();
        node.wait_settled();
        until("MQTT is served", || {
            let opened = std::net::TcpStream::connect(mqtt);
            opened.map_err(|error| error.to_string())
        });
        let mut besieged = Self {
            node,
            mqtt,
            _home: home,
            before_kb: 0,
            files: 0,
            _alone: alone,
        };
        besieged.assert_serves();
        besieged.settle();
        besieged
    }

    /// What it has now is what it takes without an attack.
    pub(crate) fn settle(&mut self) {
        self.files = self.node.open_files();
        self.node.forget_peak();
        self.before_kb = self.node.rss_kb();
    }

    /// Whether a client like any other gets what it came for.
    #[track_caller]
    pub(crate) fn assert_serves(&mut self) {
        assert!(self.node.is_running(), "it has ended:\n{}", self.node.log());
        for version in [Version::V3_1_1, Version::V5] {
            let mut subscriber = Client::let_in(self.mqtt, version, "good-subscriber");
            subscriber.subscribe_to("good/+", QoS::AtLeastOnce);
            let mut publisher = Client::let_in(self.mqtt, version, "good-publisher");
            publisher.send(&Packet::Publish(message(
                "good/one",
                QoS::AtLeastOnce,
                b"x",
            )));
            assert_eq!(publisher.expect().first, 0x40);
            let received = subscriber.expect();
            match received.packet(version) {
                Packet::Publish(publish) => assert_eq!(
                    (publish.topic, publish.payload, publish.qos),
                    ("good/one", &b"x"[..], QoS::AtLeastOnce)
                ),
                other => panic!("{other:?} instead of the message"),
            }
        }
    }

    /// The most that it has taken beyond what it had, so far. Its log tells of an attack
    /// in a few lines, however long that is.
    #[track_caller]
    pub(crate) fn assert_within(&self, what: &str, megabytes: u64) {
        let growth = self.node.peak_rss_kb().saturating_sub(self.before_kb);
        println!("{what}: {growth} KB of {} KB", megabytes * 1024);
        assert!(
            growth < megabytes * 1024,
            "{what}: it took {growth} KB more than the {} KB that it had, and {megabytes} MB \
             are allowed",
            self.before_kb
        );
        let log = self.node.whole_log();
        let is_remark = |line: &&str| line.contains(" WARN ") || line.contains(" ERROR ");
        let remarks = log.lines().filter(is_remark).count();
        assert!(
            remarks <= MOST_REMARKS,
            "{what}: {remarks} remarks:\n{}",
            self.node.log()
        );
    }

    /// Waits until it holds no connection of the attack any more.
    #[track_caller]
    pub(crate) fn wait_alone(&self) {
        until("the connections are gone", || {
            let (now, before) = (self.node.open_files(), self.files);
            // The store opens and closes some of its own.
            let is_alone = now <= before + 16;
            is_alone
                .then_some(())
                .ok_or(format!("{now} open files, {before} before"))
        });
    }

    /// Waits until it has sent away all clients but so many.
    #[track_caller]
    pub(crate) fn wait_for_clients(&self, most: usize) {
        until("clients are sent away", || {
            let metrics = self.node.get("/metrics").ok_or("no answer")?;
            let mut lines = metrics.lines();
            let count = lines.find_map(|line| line.strip_prefix("quorate_clients "));
            let count: usize = count
                .and_then(|count| count.parse().ok())
                .ok_or("no number of clients")?;
            let is_done = count <= most;
            is_done.then_some(()).ok_or(format!("there are {count}"))
        });
    }

    pub(crate) fn connections(&self, wanted: usize) -> Vec<std::net::TcpStream> {
        (0..allowed(wanted)).map(|_| connect(self.mqtt)).collect()
    }
}

pub(crate) fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// As many of them as this process, and the node that inherits its limit, may have.
pub(crate) fn allowed(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    let limit = limit.map_or(usize::MAX, |limit| limit as usize);
    let allowed = wanted.min(limit.saturating_sub(SPARE_FILES));
    if allowed < wanted {
        println!("{allowed} instead of {wanted} connections: of files, {limit} may be open");
    }
    allowed
}

fn raise_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}
