//! Clients that publish and clients that check what they get.
//!
//! ```text
//! Publisher --frames--> broker --messages--> Subscriber --arrivals--> Tally
//!     ^                                          |
//!     `------- room in the window of their Flow <'
//! ```

mod flow;
mod publisher;
mod run;
mod subscriber;
mod tally;

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
pub use flow::{Delivery, Flow};
pub use publisher::{Message, Publisher};
use quorate_model::retained::QoS;
use quorate_mqtt::codec::encode;
use quorate_mqtt::packet::{Acknowledgement, Disconnect, Packet, Publish};
use quorate_mqtt::packet_id::PacketId;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;
pub use run::{Measured, Rules, measure};
pub use subscriber::{Check, Subscriber};
pub use tally::Tally;

use super::fleet::Fleet;
use super::histogram::Histogram;
use super::options::Target;
use super::progress::{Goal, Progress};
use super::schedule::Schedule;
use super::script::{CloseCause, Script};
use super::sequence::Arrival;
use super::stamp::Stamp;

const SET_UP_PATIENCE: Duration = Duration::from_secs(30);

/// Subscribers are the clients from 0 on, publishers come behind them.
#[derive(Debug)]
pub struct Traffic {
    target: Target,
    version: Version,
    subscribers: Vec<Subscriber>,
    publishers: Vec<Publisher>,
    flows: Vec<Flow>,
    pace: Pace,
    tally: Tally,
    latency: Histogram,
    ready: usize,
    /// They have said goodbye, so the broker may close their connections.
    is_leaving: bool,
    /// Who begins, so that each comes first in turn.
    first_publisher: usize,
}

/// When a message is sent.
#[derive(Clone, Debug)]
pub enum Pace {
    /// As soon as the window and what is in flight allow it; so many at once with QoS 0.
    Credit { burst: u32 },
    /// At a fixed rate, by the publishers in turn.
    Scheduled {
        schedule: Schedule,
        /// Never sleeps, so that no message waits for the generator to wake up.
        spins: bool,
    },
}

impl Traffic {
    pub fn new(
        target: &Target,
        subscribers: Vec<Subscriber>,
        publishers: Vec<Publisher>,
        flows: Vec<Flow>,
    ) -> Self {
        Self {
            target: target.clone(),
            version: target.version(),
            subscribers,
            publishers,
            flows,
            pace: Pace::Credit { burst: 1 },
            tally: Tally::default(),
            latency: Histogram::default(),
            ready: 0,
            is_leaving: false,
            first_publisher: 0,
        }
    }

    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    pub fn clients(&self) -> usize {
        self.subscribers.len() + self.publishers.len()
    }

    pub fn subscribers(&self) -> usize {
        self.subscribers.len()
    }

    pub fn publishers(&self) -> usize {
        self.publishers.len()
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    pub fn latency(&self) -> &Histogram {
        &self.latency
    }

    /// What was published and never came.
    pub fn lost(&self) -> u64 {
        let tracked = self.subscribers.iter();
        let tracked: u64 = tracked.map(|it| it.check.lost(&self.publishers)).sum();
        let by_flows: u64 = self.flows.iter().map(Flow::lost).sum();
        tracked + by_flows
    }

    /// Connects and subscribes all, subscribers first.
    pub fn set_up(&mut self, fleet: &mut Fleet) -> Result<()> {
        let subscribers = self.subscribers.len();
        let filters = self.subscribers.iter().map(|it| it.subscribing.filters());
        let steps = self.clients() + filters.sum::<usize>();
        let mut progress = Progress::towards(Goal::Count(steps as u64));
        self.connect(fleet, 0..subscribers, &mut progress)?;
        self.connect(fleet, subscribers..self.clients(), &mut progress)
    }

    fn connect(
        &mut self,
        fleet: &mut Fleet,
        clients: Range<usize>,
        progress: &mut Progress,
    ) -> Result<()> {
        let mut next = clients.start;
        let mut last = (self.ready, Instant::now());
        while self.ready < clients.end {
            while next < clients.end && next - self.ready < self.target.concurrent.max(1) {
                fleet.open(next)?;
                next += 1;
            }
            fleet.turn(self, Some(Duration::from_millis(100)))?;
            if let Some(failure) = self.tally.first_failure() {
                bail!("{failure}, while the clients connected and subscribed");
            }
            let (ready, granted) = (self.ready, self.subscriptions_granted());
            progress.show((ready + granted) as u64, || {
                format!("{ready} clients are in, {granted} filters subscribed")
            });
            if ready + granted > last.0 {
                last = (ready + granted, Instant::now());
            } else if last.1.elapsed() > SET_UP_PATIENCE {
                bail!("the broker did not answer a CONNECT or SUBSCRIBE for 30 s");
            }
        }
        Ok(())
    }

    fn subscriptions_granted(&self) -> usize {
        let subscribers = self.subscribers.iter();
        subscribers.map(|it| it.subscribing.granted()).sum()
    }

    /// Says goodbye, and hangs up.
    pub fn tear_down(&mut self, fleet: &mut Fleet) -> Result<()> {
        self.is_leaving = true;
        let goodbye = Packet::Disconnect(Disconnect::new(ReasonCode::Success));
        for client in 0..self.clients() {
            if let Some(out) = fleet.outbox(client) {
                encode(self.version, &goodbye, out);
            }
        }
        fleet.turn(self, Some(Duration::ZERO))?;
        (0..self.clients()).for_each(|client| fleet.close(client));
        Ok(())
    }

    /// Publishes what may go out now, at most `most` messages.
    pub fn pump(&mut self, fleet: &mut Fleet, most: u64) {
        let now_ns = fleet.now_ns();
        let burst = match &mut self.pace {
            Pace::Credit { burst } => *burst,
            Pace::Scheduled { schedule, .. } => {
                let waiting = self.publishers.iter().map(|it| it.waiting.len() as u64);
                let left = most.saturating_sub(waiting.sum());
                for _ in 0..left {
                    let Some((number, intended_ns)) = schedule.pop_due(now_ns) else {
                        break;
                    };
                    let place = number as usize % self.publishers.len();
                    self.publishers[place].waiting.push_back(intended_ns);
                }
                return self.send_waiting(fleet);
            }
        };
        self.flows.iter_mut().for_each(Flow::update_room);
        let count = self.publishers.len();
        let mut left = most;
        for step in 0..count {
            let place = (self.first_publisher + step) % count;
            let publisher = &mut self.publishers[place];
            let flow = &mut self.flows[publisher.flow];
            let number = publisher.may_send(burst, flow).min(left);
            if number == 0 {
                continue;
            }
            if let Some(out) = fleet.outbox(self.subscribers.len() + place) {
                (0..number).for_each(|_| publisher.send(now_ns, flow, out));
                left -= number;
                self.tally.published += number;
            }
        }
        self.first_publisher = (self.first_publisher + 1) % count.max(1);
    }

    /// What is due and could not go out yet, now if it can.
    fn send_waiting(&mut self, fleet: &mut Fleet) {
        let first = self.subscribers.len();
        for (place, publisher) in self.publishers.iter_mut().enumerate() {
            if publisher.waiting.is_empty() || !publisher.can_send() {
                continue;
            }
            let Some(out) = fleet.outbox(first + place) else {
                continue;
            };
            while publisher.can_send()
                && let Some(intended_ns) = publisher.waiting.pop_front()
            {
                publisher.send(intended_ns, &mut self.flows[publisher.flow], out);
                self.tally.published += 1;
            }
        }
    }

    /// Everything that was published has come, and all is acknowledged.
    pub fn is_complete(&self) -> bool {
        self.publishers.iter().all(Publisher::is_idle) && self.flows.iter().all(Flow::is_complete)
    }

    fn on_message(
        &mut self,
        client: usize,
        publish: &Publish<'_>,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), CloseCause> {
        let stamp = Stamp::from_payload(publish.payload).ok_or(CloseCause::ForeignMessage)?;
        let subscriber = &mut self.subscribers[client];
        let flow = &mut self.flows[subscriber.flow];
        let arrival = subscriber.check.on_arrival(stamp);
        let arrival = arrival.ok_or(CloseCause::ForeignMessage)?;
        match flow.on_arrival(stamp, arrival) {
            Arrival::Duplicate if publish.duplicate && publish.qos == QoS::AtLeastOnce => {
                self.tally.redelivered += 1;
            }
            Arrival::Duplicate => self.tally.duplicated += 1,
            arrival => {
                self.tally.delivered += 1;
                self.tally.out_of_order += u64::from(arrival == Arrival::Late);
                self.latency.record(now_ns.saturating_sub(stamp.sent_ns));
                if publish.qos != QoS::ExactlyOnce {
                    flow.on_settled(subscriber.place);
                }
            }
        }
        let version = self.version;
        match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(id)) => answer(version, Packet::PubAck, id, out),
            (QoS::ExactlyOnce, Some(id)) => answer(version, Packet::PubRec, id, out),
            _ => {}
        }
        Ok(())
    }

    fn on_subscriber_packet(
        &mut self,
        client: usize,
        packet: &Packet<'_>,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), CloseCause> {
        let subscriber = &mut self.subscribers[client];
        match packet {
            Packet::Publish(publish) => return self.on_message(client, publish, now_ns, out),
            Packet::PubRel(release) => {
                answer(self.version, Packet::PubComp, release.packet_id, out);
                self.flows[subscriber.flow].on_settled(subscriber.place);
            }
            Packet::ConnAck(_) => {
                subscriber.subscribing.write_next(self.version, out);
            }
            Packet::SubAck(suback) => {
                subscriber.subscribing.on_suback(suback)?;
                if subscriber.subscribing.is_done() {
                    self.ready += 1;
                } else {
                    subscriber.subscribing.write_next(self.version, out);
                }
            }
            other => return Err(CloseCause::Packet(other.name())),
        }
        Ok(())
    }
}

/// Appends an acknowledgement that everything went well.
pub(in crate::load) fn answer(
    version: Version,
    packet: impl FnOnce(Acknowledgement<'static>) -> Packet<'static>,
    id: PacketId,
    out: &mut Vec<u8>,
) {
    let acknowledgement = Acknowledgement::new(id, ReasonCode::Success);
    encode(version, &packet(acknowledgement), out);
}

impl Script for Traffic {
    fn on_open(&mut self, client: usize, out: &mut Vec<u8>) {
        let client_id = match client.checked_sub(self.subscribers.len()) {
            None => &self.subscribers[client].client_id,
            Some(place) => &self.publishers[place].client_id,
        };
        self.target.write_connect(client_id, out);
    }

    #[inline]
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
            Packet::Disconnect(disconnect) => {
                return Err(CloseCause::Disconnected(disconnect.reason));
            }
            _ => {}
        }
        match client.checked_sub(self.subscribers.len()) {
            None => self.on_subscriber_packet(client, packet, now_ns, out),
            Some(place) => {
                if let Packet::ConnAck(_) = packet {
                    self.ready += 1;
                }
                self.publishers[place].on_packet(self.version, packet, out)
            }
        }
    }

    fn on_close(&mut self, client: usize, cause: CloseCause) {
        if !self.is_leaving {
            self.tally.on_close(client, &cause);
        }
    }
}
