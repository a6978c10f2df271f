//! A client in dialogue with its session. Every step returns one line: what the
//! client got and what the broker was told to do, in their order, in words that are
//! the same for all versions.

use std::num::{NonZeroU32, NonZeroU64};

use quorate_model::client_id::ClientId;
use quorate_model::retained::QoS;

use super::wire::{Wire, told, will_of};
use crate::limits::Limits;
use crate::message::{Passing, SessionNumber, Traits};
use crate::moment::Moment;
use crate::packet::{
    Acknowledgement, Connect, Disconnect, LastWill, Packet, Publish, PublishProperties,
};
use crate::packet_id::PacketId;
use crate::reason::ReasonCode;
use crate::session::{
    Accepted, Context, Delivery, Farewell, GroupNumber, Input, Opening, Output, Session, Ticket,
};
use crate::version::Version;

pub(super) const QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// What a client is like before it connects.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) connect: Connect<'static>,
    pub(super) limits: Limits,
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) setup: Setup,
    /// None once it has ended.
    pub(super) session: Option<Session>,
    pub(super) wire: Wire,
    pub(super) now: Moment,
    tickets: Vec<Ticket>,
}

/// A message for the client; its payload is its topic unless it is given another.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    topic: &'static str,
    payload: Vec<u8>,
    qos: QoS,
    retain: bool,
    expires: Moment,
    ids: Vec<NonZeroU32>,
    group: Option<GroupNumber>,
}

pub(super) fn v5() -> Setup {
    let mut connect = Connect::new(Version::V5, "c");
    connect.session_expiry_s = Some(100);
    Setup::new(connect)
}

/// Of a client that wants its session kept.
pub(super) fn v3() -> Setup {
    Setup::new(Connect::new(Version::V3_1_1, "c")).with(|connect| connect.clean_start = false)
}

pub(super) fn parcel(topic: &'static str, qos: usize) -> Parcel {
    Parcel {
        topic,
        payload: Vec::new(),
        qos: QOS[qos],
        retain: false,
        expires: Moment::NEVER,
        ids: Vec::new(),
        group: None,
    }
}

pub(super) fn will(topic: &'static str, delay_s: u32) -> LastWill<'static> {
    LastWill {
        topic,
        payload: b"gone",
        qos: QoS::AtLeastOnce,
        retain: false,
        delay_s,
        properties: PublishProperties::default(),
    }
}

pub(super) fn publish(topic: &'static str, qos: usize, id: u16) -> Publish<'static> {
    Publish {
        duplicate: false,
        qos: QOS[qos],
        retain: false,
        topic,
        packet_id: PacketId::new(id),
        topic_alias: None,
        subscription_ids: Default::default(),
        properties: PublishProperties::default(),
        payload: b"",
    }
}

pub(super) fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

impl Parcel {
    pub(super) fn payload(mut self, bytes: usize) -> Self {
        self.payload = vec![b'x'; bytes];
        self
    }

    pub(super) fn retained(mut self) -> Self {
        self.retain = true;
        self
    }

    pub(super) fn expires(mut self, at: Moment) -> Self {
        self.expires = at;
        self
    }

    pub(super) fn ids(mut self, ids: &[u32]) -> Self {
        self.ids = ids.iter().filter_map(|id| NonZeroU32::new(*id)).collect();
        self
    }

    pub(super) fn shared(mut self, group: u64) -> Self {
        self.group = NonZeroU64::new(group).map(GroupNumber);
        self
    }
}

impl Setup {
    fn new(connect: Connect<'static>) -> Self {
        let limits = Limits::default();
        Self { connect, limits }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Connect<'static>)) -> Self {
        change(&mut self.connect);
        self
    }

    pub(super) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub(super) fn opening(&self) -> Opening {
        let fresh = || ClientId::new("fresh").unwrap();
        Opening::negotiate(&self.connect, &self.limits, fresh).unwrap()
    }

    pub(super) fn open(self) -> Client {
        let now = Moment::from_millis(1_000_000);
        let session = Session::open(self.opening(), SessionNumber(7), now);
        session.validate();
        Client {
            setup: self,
            session: Some(session),
            wire: Wire::new(),
            now,
            tickets: Vec::new(),
        }
    }
}

impl Client {
    pub(super) fn session(&self) -> &Session {
        self.session.as_ref().expect("the session has ended")
    }

    pub(super) fn handle(&mut self, input: Input<'_>) -> String {
        let session = self.session.as_mut().expect("the session has ended");
        let context = Context {
            now: self.now,
            limits: &self.setup.limits,
        };
        let output = session.handle(context, input, &mut self.wire);
        session.validate();
        self.take_down(&output)
    }

    pub(super) fn send(&mut self, packet: Packet<'_>) -> String {
        self.handle(Input::Packet(packet))
    }

    pub(super) fn publish(&mut self, topic: &'static str, qos: usize, id: u16) -> String {
        self.send(Packet::Publish(publish(topic, qos, id)))
    }

    pub(super) fn publish_with(&mut self, change: impl FnOnce(&mut Publish<'_>)) -> String {
        let mut packet = publish("a", 0, 0);
        change(&mut packet);
        self.send(Packet::Publish(packet))
    }

    pub(super) fn puback(&mut self, id: u16) -> String {
        self.send(Packet::PubAck(ack(id, ReasonCode::Success)))
    }

    pub(super) fn pubrec(&mut self, id: u16) -> String {
        self.pubrec_with(id, ReasonCode::Success)
    }

    pub(super) fn pubrec_with(&mut self, id: u16, reason: ReasonCode) -> String {
        self.send(Packet::PubRec(ack(id, reason)))
    }

    pub(super) fn pubrel(&mut self, id: u16) -> String {
        self.send(Packet::PubRel(ack(id, ReasonCode::Success)))
    }

    pub(super) fn pubcomp(&mut self, id: u16) -> String {
        self.send(Packet::PubComp(ack(id, ReasonCode::Success)))
    }

    pub(super) fn disconnect(&mut self, reason: ReasonCode) -> String {
        self.send(Packet::Disconnect(Disconnect::new(reason)))
    }

    pub(super) fn disconnect_expiring(&mut self, seconds: u32) -> String {
        let mut disconnect = Disconnect::new(ReasonCode::Success);
        disconnect.session_expiry_s = Some(seconds);
        self.send(Packet::Disconnect(disconnect))
    }

    /// The broker took the message, and somebody had subscribed to it.
    pub(super) fn accept(&mut self, id: u16) -> String {
        self.decide(id, Ok(Accepted { is_matched: true }))
    }

    pub(super) fn refuse(&mut self, id: u16, reason: ReasonCode) -> String {
        self.decide(id, Err(reason))
    }

    pub(super) fn decide(&mut self, id: u16, verdict: Result<Accepted, ReasonCode>) -> String {
        let ticket = self.take_ticket(id);
        self.handle(Input::Verdict(ticket, verdict))
    }

    /// Its receivers have the message, and later subscribers will not get it.
    pub(super) fn not_kept(&mut self, id: u16) -> String {
        let ticket = self.take_ticket(id);
        self.handle(Input::NotKept(ticket, ReasonCode::QuotaExceeded))
    }

    /// Of the oldest message of that id.
    fn take_ticket(&mut self, id: u16) -> Ticket {
        let is_it = |ticket: &Ticket| ticket.packet_id.get() == id;
        let at = self.tickets.iter().position(is_it).expect("no ticket");
        self.tickets.remove(at)
    }

    pub(super) fn deliver(&mut self, parcel: &Parcel) -> String {
        let traits = Traits {
            qos: parcel.qos,
            retain: parcel.retain,
            expires: parcel.expires,
            publisher: None,
        };
        let passing = Passing::new(traits, parcel.topic, &[], &parcel.payload);
        self.handle(Input::Delivery(Delivery {
            message: &passing,
            qos: parcel.qos,
            retain: parcel.retain,
            subscription_ids: &parcel.ids,
            group: parcel.group,
        }))
    }

    /// Delivers messages of that QoS on these topics.
    pub(super) fn deliver_all(&mut self, topics: &[&'static str], qos: usize) -> String {
        let lines = topics
            .iter()
            .map(|topic| self.deliver(&parcel(topic, qos)))
            .filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("; ")
    }

    pub(super) fn room(&mut self, messages: usize) -> String {
        self.wire.room = messages;
        self.handle(Input::Room)
    }

    pub(super) fn farewell(&mut self, farewell: &Farewell<'_>) -> String {
        self.handle(Input::Disconnect(*farewell))
    }

    pub(super) fn close(&mut self) -> String {
        self.handle(Input::Closed)
    }

    /// Comes back as it came first, but for the session that it finds.
    pub(super) fn reconnect(&mut self) -> String {
        self.reconnect_as(|_| ())
    }

    pub(super) fn reconnect_as(&mut self, change: impl FnOnce(&mut Connect<'static>)) -> String {
        change(&mut self.setup.connect);
        let will = self.attach();
        let sent = self.handle(Input::Room);
        let lines = will.into_iter().chain((!sent.is_empty()).then_some(sent));
        lines.collect::<Vec<_>>().join("; ")
    }

    /// Comes back, and has not got its CONNACK yet.
    pub(super) fn attach(&mut self) -> Option<String> {
        self.setup.connect.clean_start = false;
        let opening = self.setup.opening();
        self.wire = Wire::new();
        let session = self.session.as_mut().expect("the session has ended");
        let will = session.attach(opening, self.now);
        session.validate();
        will.map(|will| will_of(&will))
    }

    /// Lets time pass, and the session know.
    pub(super) fn wait_ms(&mut self, millis: u64) -> String {
        self.now = self.now.plus_millis(millis);
        let mut lines = Vec::new();
        while let Some(session) = &self.session
            && session.next_timeout() <= self.now
        {
            lines.push(self.handle(Input::Tick));
        }
        lines.join("; ")
    }

    pub(super) fn wait_s(&mut self, seconds: u64) -> String {
        self.wait_ms(seconds * 1000)
    }

    pub(super) fn in_s(&self, seconds: u32) -> Moment {
        self.now.plus_seconds(seconds)
    }

    fn take_down(&mut self, output: &Output<'_>) -> String {
        if let Output::Publish(arrival) = output {
            self.tickets.extend(arrival.ticket);
        }
        if let Output::Ended { .. } = output {
            self.session = None;
        }
        let mut lines = std::mem::take(&mut self.wire.lines);
        lines.extend(told(output));
        lines.join("; ")
    }
}

pub(super) fn ack(packet: u16, reason: ReasonCode) -> Acknowledgement<'static> {
    Acknowledgement::new(id(packet), reason)
}
