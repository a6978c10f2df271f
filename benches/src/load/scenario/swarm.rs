//! Clients that connect, perhaps subscribe, stay or leave, and exchange no messages.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use quorate_mqtt::codec::encode;
use quorate_mqtt::packet::{Connect, Disconnect, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use super::super::fleet::Fleet;
use super::super::histogram::Histogram;
use super::super::options::{LONG_KEEP_ALIVE_S, Target};
use super::super::progress::{Goal, Progress};
use super::super::report::Report;
use super::super::script::{CloseCause, Script};
use super::super::subscribing::Subscribing;
use super::super::traffic::Tally;

/// A broker has to hang up after a DISCONNECT; one that does not is hung up on.
const LEAVE_PATIENCE_NS: u64 = 1_000_000_000;
const PATIENCE: Duration = Duration::from_secs(30);
const LONGEST_SLEEP: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Swarm {
    target: Target,
    version: Version,
    manners: Manners,
    clients: Vec<Client>,
    /// Who said goodbye, and when.
    leaving: VecDeque<(usize, u64)>,
    pub(super) tally: Tally,
    pub(super) handshakes: Histogram,
    pub(super) connected: usize,
    pub(super) left: usize,
    /// The broker knew the session already.
    pub(super) resumed: usize,
    pub(super) granted: usize,
    /// Goodbyes that the broker did not answer by closing the connection.
    pub(super) hung_up_on: u64,
}

/// How the clients behave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    pub(super) clean_start: bool,
    pub(super) keep_alive_s: u16,
    /// Of version 5, where a session ends with its connection unless told otherwise.
    pub(super) session_expiry_s: Option<u32>,
    /// Leaves as soon as it is connected.
    pub(super) leaves_at_once: bool,
    /// SUBSCRIBE packets that are on their way at once.
    pub(super) pipeline: usize,
}

#[derive(Clone, Debug)]
struct Client {
    client_id: String,
    stage: Stage,
    began_ns: u64,
    subscribing: Option<Subscribing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Absent,
    Connecting,
    Connected,
    Leaving,
}

impl Manners {
    pub(super) const PLAIN: Self = Self {
        clean_start: true,
        keep_alive_s: LONG_KEEP_ALIVE_S,
        session_expiry_s: None,
        leaves_at_once: false,
        pipeline: 1,
    };
}

impl Swarm {
    pub(super) fn new(target: &Target, name: &str, count: usize, manners: Manners) -> Self {
        let prefix = format!("quorate-bench-{}-{name}", std::process::id());
        let clients = (0..count).map(|number| Client {
            client_id: format!("{prefix}-{number}"),
            stage: Stage::Absent,
            began_ns: 0,
            subscribing: None,
        });
        Self {
            target: target.clone(),
            version: target.version(),
            manners,
            clients: clients.collect(),
            leaving: VecDeque::new(),
            tally: Tally::default(),
            handshakes: Histogram::default(),
            connected: 0,
            left: 0,
            resumed: 0,
            granted: 0,
            hung_up_on: 0,
        }
    }

    pub(super) fn set_manners(&mut self, manners: Manners) {
        self.manners = manners;
    }

    /// Has the client subscribe as soon as [`subscribe`](Self::subscribe) says so.
    pub(super) fn give_filters(&mut self, client: usize, subscribing: Subscribing) {
        self.clients[client].subscribing = Some(subscribing);
    }

    /// Connects all of them, so many at a time; with leavers, until all have left.
    pub(super) fn connect_all(&mut self, fleet: &mut Fleet, concurrent: usize) -> Result<()> {
        let count = self.clients.len();
        let mut progress = Progress::towards(Goal::Count(count as u64));
        let mut next = 0;
        (self.connected, self.left, self.resumed) = (0, 0, 0);
        let mut watch = Watch::start();
        while self.settled() < count {
            while next < count && next - self.settled() < concurrent.max(1) {
                let client = &mut self.clients[next];
                client.stage = Stage::Connecting;
                client.began_ns = fleet.now_ns();
                fleet.open(next)?;
                next += 1;
            }
            fleet.turn(self, Some(LONGEST_SLEEP))?;
            self.hang_up(fleet);
            watch.check(self.connected + self.left, &self.tally)?;
            progress.show(self.settled() as u64, || {
                format!("{} of {count} connected", self.connected)
            });
        }
        Ok(())
    }

    /// Subscribes all filters that were given.
    pub(super) fn subscribe_all(&mut self, fleet: &mut Fleet) -> Result<()> {
        let filters = self.clients.iter().filter_map(|it| it.subscribing.as_ref());
        let filters: usize = filters.map(Subscribing::filters).sum();
        let mut progress = Progress::towards(Goal::Count(filters as u64));
        let version = self.version;
        for (number, client) in self.clients.iter_mut().enumerate() {
            let (Some(subscribing), Some(out)) = (&mut client.subscribing, fleet.outbox(number))
            else {
                continue;
            };
            for _ in 0..self.manners.pipeline.max(1) {
                subscribing.write_next(version, out);
            }
        }
        let mut watch = Watch::start();
        let is_done = |client: &Client| client.subscribing.as_ref().is_none_or(|it| it.is_done());
        while !self.clients.iter().all(is_done) {
            fleet.turn(self, Some(LONGEST_SLEEP))?;
            watch.check(self.granted, &self.tally)?;
            progress.show(self.granted as u64, || {
                format!("{} of {filters} filters subscribed", self.granted)
            });
        }
        Ok(())
    }

    /// Stays, and asks for a sign of life from each client once a period.
    pub(super) fn hold(&mut self, fleet: &mut Fleet, time: Duration) -> Result<()> {
        let mut progress = Progress::towards(Goal::Time(time));
        let start = Instant::now();
        let mut pinged = 0;
        while start.elapsed() < time {
            // A client may be silent for its keep alive; half of it is on the safe side.
            let periods = match self.manners.keep_alive_s {
                0 => 0.0,
                keep_alive_s => start.elapsed().as_secs_f64() * 2.0 / f64::from(keep_alive_s),
            };
            let due = (periods * self.clients.len() as f64) as usize;
            self.ping(fleet, pinged..due);
            pinged = due;
            fleet.turn(self, Some(LONGEST_SLEEP))?;
            progress.show(0, || format!("holding {} connections", self.connected));
        }
        Ok(())
    }

    fn ping(&self, fleet: &mut Fleet, numbers: Range<usize>) {
        for number in numbers {
            if let Some(out) = fleet.outbox(number % self.clients.len()) {
                encode(self.version, &Packet::PingReq, out);
            }
        }
    }

    /// Closes all connections, politely or not; forgets them.
    pub(super) fn drop_all(&mut self, fleet: &mut Fleet, says_goodbye: bool) -> Result<()> {
        if says_goodbye {
            for client in 0..self.clients.len() {
                if let Some(out) = fleet.outbox(client) {
                    self.write_goodbye(out);
                }
                self.clients[client].stage = Stage::Leaving;
            }
            fleet.turn(self, Some(Duration::ZERO))?;
        }
        for (number, client) in self.clients.iter_mut().enumerate() {
            fleet.close(number);
            client.stage = Stage::Absent;
        }
        Ok(())
    }

    pub(super) fn describe_failures(&self, report: &mut Report) {
        report.fault("closed", "closed by the broker", self.tally.closed);
        if let Some(failure) = self.tally.first_failure() {
            report.problem(failure);
        }
    }

    fn settled(&self) -> usize {
        match self.manners.leaves_at_once {
            true => self.left,
            false => self.connected,
        }
    }

    fn hang_up(&mut self, fleet: &mut Fleet) {
        let now_ns = fleet.now_ns();
        while let Some((client, since_ns)) = self.leaving.front().copied() {
            let is_here = self.clients[client].stage == Stage::Leaving;
            if is_here && now_ns.saturating_sub(since_ns) < LEAVE_PATIENCE_NS {
                break;
            }
            self.leaving.pop_front();
            if is_here {
                fleet.close(client);
                self.clients[client].stage = Stage::Absent;
                self.left += 1;
                self.hung_up_on += 1;
            }
        }
    }

    fn write_goodbye(&self, out: &mut Vec<u8>) {
        let mut goodbye = Disconnect::new(ReasonCode::Success);
        if self.version.is_5() && self.manners.session_expiry_s.is_some() {
            goodbye.session_expiry_s = Some(0);
        }
        encode(self.version, &Packet::Disconnect(goodbye), out);
    }

    fn on_connack(&mut self, client: usize, now_ns: u64, out: &mut Vec<u8>) {
        let began_ns = self.clients[client].began_ns;
        self.handshakes.record(now_ns.saturating_sub(began_ns));
        self.connected += 1;
        self.clients[client].stage = Stage::Connected;
        if self.manners.leaves_at_once {
            self.write_goodbye(out);
            self.clients[client].stage = Stage::Leaving;
            self.leaving.push_back((client, now_ns));
        }
    }
}

impl Script for Swarm {
    fn on_open(&mut self, client: usize, out: &mut Vec<u8>) {
        let connect = Connect {
            clean_start: self.manners.clean_start,
            keep_alive_s: self.manners.keep_alive_s,
            session_expiry_s: self.manners.session_expiry_s,
            ..self.target.connect(&self.clients[client].client_id)
        };
        encode(self.version, &Packet::Connect(connect), out);
    }

    fn on_packet(
        &mut self,
        client: usize,
        packet: &Packet<'_>,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), CloseCause> {
        match packet {
            Packet::ConnAck(connack) if connack.reason.is_error() => {
                return Err(CloseCause::Refused(connack.reason));
            }
            Packet::ConnAck(connack) => {
                self.resumed += usize::from(connack.session_present);
                self.on_connack(client, now_ns, out);
            }
            Packet::SubAck(suback) => {
                if let Some(subscribing) = &mut self.clients[client].subscribing {
                    let before = subscribing.granted();
                    subscribing.on_suback(suback)?;
                    self.granted += subscribing.granted() - before;
                    subscribing.write_next(self.version, out);
                }
            }
            Packet::PingResp => {}
            Packet::Disconnect(disconnect) => {
                return Err(CloseCause::Disconnected(disconnect.reason));
            }
            other => return Err(CloseCause::Packet(other.name())),
        }
        Ok(())
    }

    fn on_close(&mut self, client: usize, cause: CloseCause) {
        let is_leaving = self.clients[client].stage == Stage::Leaving;
        self.clients[client].stage = Stage::Absent;
        match is_leaving {
            true => self.left += 1,
            false => self.tally.on_close(client, &cause),
        }
    }
}

/// Ends a wait that comes to nothing.
struct Watch {
    moved: (Instant, usize),
}

impl Watch {
    fn start() -> Self {
        Self {
            moved: (Instant::now(), 0),
        }
    }

    fn check(&mut self, progress: usize, tally: &Tally) -> Result<()> {
        if let Some(failure) = tally.first_failure() {
            bail!("{failure}, after {progress} had succeeded");
        }
        if progress != self.moved.1 {
            self.moved = (Instant::now(), progress);
        }
        if self.moved.0.elapsed() > PATIENCE {
            bail!("the broker did not answer for 30 s, after {progress} had succeeded");
        }
        Ok(())
    }
}
