//! What holds for every session, whatever its client, its broker and the time do.

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};

use proptest::prelude::*;
use quorate_model::client_id::ClientId;
use quorate_model::retained::QoS;

use super::harness::{QOS, ack, publish};
use super::oracle::{Oracle, Owed, number_of};
use crate::limits::Limits;
use crate::message::{Passing, SessionNumber, Traits};
use crate::moment::Moment;
use crate::packet::{Connect, Disconnect, Packet};
use crate::reason::ReasonCode;
use crate::session::{
    Accepted, Context, Delivered, Delivery, Farewell, GroupNumber, Input, Opening, Orphan, Output,
    Session, Ticket,
};
use crate::version::Version;

#[derive(Clone, Debug)]
enum Step {
    Publish {
        qos: usize,
        id: u16,
        alias: u16,
    },
    PubAck(u16),
    PubRec(u16, bool),
    PubRel(u16),
    PubComp(u16),
    Ping,
    Disconnect {
        session_expiry_s: Option<u32>,
    },
    Verdict {
        at: usize,
        decision: Decision,
    },
    Deliver(Shape),
    Room(usize),
    Wait(u64),
    Farewell,
    Close,
    Connect(Wish),
    /// The client does all that it should.
    Answer,
}

#[derive(Clone, Copy, Debug)]
enum Decision {
    Accepted,
    Refused,
    NotKept,
}

#[derive(Clone, Copy, Debug)]
struct Shape {
    topic: &'static str,
    qos: usize,
    is_large: bool,
    expires_ms: Option<u64>,
    is_shared: bool,
}

#[derive(Clone, Copy, Debug)]
struct Wish {
    is_v5: bool,
    receive_maximum: u16,
    aliases: u16,
    takes_large: bool,
    session_expiry_s: u32,
    keep_alive_s: u16,
    room: usize,
}

const LARGE: usize = 200;
const SMALL: usize = 100;

struct World {
    session: Option<Session>,
    limits: Limits,
    now: Moment,
    oracle: Oracle,
    tickets: Vec<Ticket>,
    sessions: u64,
    messages: u32,
}

fn step() -> impl Strategy<Value = Step> {
    let id = 1_u16..5;
    let shape = (
        prop::sample::select(vec!["a", "b"]),
        0..3_usize,
        prop::bool::weighted(0.2),
        prop::option::weighted(0.2, 1..20_000_u64),
        prop::bool::weighted(0.2),
    );
    let shape = shape.prop_map(|(topic, qos, is_large, expires_ms, is_shared)| Shape {
        topic,
        qos,
        is_large,
        expires_ms,
        is_shared,
    });
    let decision = prop_oneof![
        8 => Just(Decision::Accepted),
        2 => Just(Decision::Refused),
        2 => Just(Decision::NotKept),
    ];
    prop_oneof![
        4 => (0..3_usize, id.clone(), 0..4_u16)
            .prop_map(|(qos, id, alias)| Step::Publish { qos, id, alias }),
        2 => id.clone().prop_map(Step::PubAck),
        2 => (id.clone(), prop::bool::weighted(0.2)).prop_map(|(id, bad)| Step::PubRec(id, bad)),
        2 => id.clone().prop_map(Step::PubRel),
        2 => id.prop_map(Step::PubComp),
        1 => Just(Step::Ping),
        1 => prop::option::of(0..60_u32)
            .prop_map(|session_expiry_s| Step::Disconnect { session_expiry_s }),
        4 => (any::<usize>(), decision).prop_map(|(at, decision)| Step::Verdict { at, decision }),
        8 => shape.prop_map(Step::Deliver),
        3 => prop_oneof![Just(0_usize), 1..4_usize, Just(usize::MAX)].prop_map(Step::Room),
        2 => prop_oneof![0..2_000_u64, 0..70_000_u64].prop_map(Step::Wait),
        1 => Just(Step::Farewell),
        2 => Just(Step::Close),
        4 => wish().prop_map(Step::Connect),
        4 => Just(Step::Answer),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let parts = (
        any::<bool>(),
        1..6_u16,
        0..3_u16,
        any::<bool>(),
        prop::sample::select(vec![0_u32, 10, 60, 60, 60]),
        prop::sample::select(vec![0_u16, 0, 5]),
        prop::sample::select(vec![usize::MAX, usize::MAX, 0, 1]),
    );
    parts.prop_map(
        |(is_v5, receive_maximum, aliases, takes_large, session_expiry_s, keep_alive_s, room)| {
            Wish {
                is_v5,
                receive_maximum,
                aliases,
                takes_large,
                session_expiry_s,
                keep_alive_s,
                room,
            }
        },
    )
}

impl Wish {
    fn connect(&self) -> Connect<'static> {
        let version = match self.is_v5 {
            true => Version::V5,
            false => Version::V3_1_1,
        };
        let mut connect = Connect::new(version, "c");
        connect.clean_start = !self.is_v5 && self.session_expiry_s == 0;
        connect.keep_alive_s = self.keep_alive_s;
        connect.will = Some(super::harness::will("w", u32::from(self.receive_maximum)));
        if self.is_v5 {
            connect.session_expiry_s = Some(self.session_expiry_s);
            connect.receive_maximum = NonZeroU16::new(self.receive_maximum);
            connect.topic_alias_maximum = self.aliases;
            let maximum = (!self.takes_large).then_some(SMALL as u32);
            connect.maximum_packet_size = maximum.and_then(NonZeroU32::new);
        }
        connect
    }
}

impl World {
    fn new() -> Self {
        let four = NonZeroU16::new(4).unwrap();
        let limits = Limits {
            max_inflight: four,
            receive_maximum: NonZeroU16::new(3).unwrap(),
            max_queue_messages: 6,
            max_queue_bytes: 1_500,
            topic_alias_maximum: 2,
            session_expiry_v3_s: 60,
            ..Limits::default()
        };
        Self {
            session: None,
            limits,
            now: Moment::from_millis(1),
            oracle: Oracle::default(),
            tickets: Vec::new(),
            sessions: 0,
            messages: 0,
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        let Some(session) = &mut self.session else {
            return;
        };
        let context = Context {
            now: self.now,
            limits: &self.limits,
        };
        self.oracle.now_ms = self.now.millis();
        let output = session.handle(context, input, &mut self.oracle);
        session.validate();
        match output {
            Output::Publish(arrival) => {
                self.oracle.on_arrival(&arrival);
                self.tickets.extend(arrival.ticket);
            }
            Output::Close(_) => self.oracle.is_open = false,
            Output::Detached { orphans } => {
                self.oracle.is_open = false;
                self.orphaned(&orphans);
            }
            Output::Ended { orphans, .. } => {
                self.orphaned(&orphans);
                self.session = None;
            }
            _ => {}
        }
    }

    fn orphaned(&mut self, orphans: &[Orphan]) {
        for orphan in orphans {
            self.oracle.on_orphan(number_of(orphan.message.payload()));
        }
    }

    fn send(&mut self, packet: Packet<'_>) {
        self.handle(Input::Packet(packet));
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Publish { qos, id, alias } => self.publish(qos, id, alias),
            Step::PubAck(id) => self.puback(id),
            Step::PubRec(id, is_error) => self.pubrec(id, is_error),
            Step::PubRel(id) => {
                self.oracle.on_pubrel(id);
                self.send(Packet::PubRel(ack(id, ReasonCode::Success)));
            }
            Step::PubComp(id) => self.pubcomp(id),
            Step::Ping => self.send(Packet::PingReq),
            Step::Disconnect { session_expiry_s } => self.send(Packet::Disconnect(Disconnect {
                session_expiry_s,
                ..Disconnect::new(ReasonCode::Success)
            })),
            Step::Verdict { at, decision } => self.decide(at, decision),
            Step::Deliver(shape) => self.deliver(shape),
            Step::Room(room) => {
                self.oracle.room = room;
                self.handle(Input::SignOfLife);
                self.handle(Input::Room);
            }
            Step::Wait(millis) => self.wait(millis),
            Step::Farewell => {
                let reason = ReasonCode::AdministrativeAction;
                self.handle(Input::Disconnect(Farewell::new(reason)));
            }
            Step::Close => self.close(),
            Step::Connect(wish) => self.connect(wish),
            Step::Answer => drop(self.answer()),
        }
    }

    fn publish(&mut self, qos: usize, id: u16, alias: u16) {
        let mut packet = publish("t", qos, if qos == 0 { 0 } else { id });
        let is_v5 = |session: &Session| session.terms().version.is_5();
        if self.session.as_ref().is_some_and(is_v5) {
            packet.topic_alias = NonZeroU16::new(alias);
        }
        self.oracle.on_published(packet.qos, id);
        self.send(Packet::Publish(packet));
        let count = self.tickets.len();
        assert!(count <= 64, "{count} messages wait for a verdict");
    }

    fn puback(&mut self, id: u16) {
        self.oracle.on_puback(id);
        self.send(Packet::PubAck(ack(id, ReasonCode::Success)));
    }

    fn pubrec(&mut self, id: u16, is_error: bool) {
        self.oracle.on_pubrec(id, is_error);
        let reason = match is_error {
            true => ReasonCode::UnspecifiedError,
            false => ReasonCode::Success,
        };
        self.send(Packet::PubRec(ack(id, reason)));
    }

    fn pubcomp(&mut self, id: u16) {
        self.oracle.on_pubcomp(id);
        self.send(Packet::PubComp(ack(id, ReasonCode::Success)));
    }

    fn decide(&mut self, at: usize, decision: Decision) {
        if self.tickets.is_empty() {
            return;
        }
        let ticket = self.tickets.remove(at % self.tickets.len());
        let id = ticket.packet_id.get();
        let qos = ticket.qos;
        let input = match decision {
            Decision::Accepted => {
                self.oracle.on_verdict(qos, id, true);
                Input::Verdict(ticket, Ok(Accepted { is_matched: true }))
            }
            Decision::Refused => {
                self.oracle.on_verdict(qos, id, false);
                Input::Verdict(ticket, Err(ReasonCode::NotAuthorized))
            }
            Decision::NotKept => {
                self.oracle.on_not_kept(qos, id);
                Input::NotKept(ticket, ReasonCode::QuotaExceeded)
            }
        };
        self.handle(input);
    }

    fn deliver(&mut self, shape: Shape) {
        self.messages += 1;
        let mut payload = self.messages.to_be_bytes().to_vec();
        payload.resize(if shape.is_large { LARGE } else { 4 }, 0);
        let expires = shape.expires_ms.map(|millis| self.now.plus_millis(millis));
        let traits = Traits {
            qos: QOS[shape.qos],
            retain: false,
            expires: expires.unwrap_or(Moment::NEVER),
            publisher: None,
        };
        let message = Passing::new(traits, shape.topic, &[], &payload);
        let group = NonZeroU64::MIN;
        let delivery = Delivery {
            message: &message,
            qos: traits.qos,
            retain: false,
            subscription_ids: &[],
            group: shape.is_shared.then_some(GroupNumber(group)),
        };
        let Some(session) = &mut self.session else {
            return;
        };
        if traits.qos != QoS::AtMostOnce {
            let owed = Owed {
                expires: traits.expires,
                bytes: payload.len(),
                was_too_large: payload.len() > self.oracle.max_bytes,
            };
            self.oracle.owed.insert(self.messages, owed);
        }
        let context = Context {
            now: self.now,
            limits: &self.limits,
        };
        self.oracle.now_ms = self.now.millis();
        let output = session.handle(context, Input::Delivery(delivery), &mut self.oracle);
        session.validate();
        match output {
            Output::Delivered {
                fate: Delivered::Dropped(_),
                ..
            } => drop(self.oracle.owed.remove(&self.messages)),
            Output::Delivered { .. } => {}
            other => panic!("{other:?}"),
        }
        assert!(session.queued_messages() <= self.limits.max_queue_messages);
        assert!(session.queued_bytes() <= self.limits.max_queue_bytes);
    }

    fn wait(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
        while let Some(session) = &self.session
            && session.next_timeout() <= self.now
        {
            self.handle(Input::Tick);
        }
    }

    fn close(&mut self) {
        if self.session.as_ref().is_some_and(Session::is_attached) {
            self.handle(Input::Closed);
            self.oracle.is_open = false;
        }
    }

    fn connect(&mut self, wish: Wish) {
        let taken_over = Farewell::new(ReasonCode::SessionTakenOver);
        self.handle(Input::Disconnect(taken_over));
        self.close();
        let mut connect = wish.connect();
        let is_new = self.session.is_none() || connect.clean_start;
        connect.clean_start = is_new;
        let fresh = || ClientId::new("fresh").unwrap();
        let opening = Opening::negotiate(&connect, &self.limits, fresh).unwrap();
        if is_new {
            self.oracle = Oracle::default();
            self.tickets.clear();
            self.sessions += 1;
        }
        self.oracle.room = wish.room;
        self.oracle.quota = usize::from(opening.terms.send_quota.get());
        self.oracle.max_bytes = opening.terms.max_packet_bytes as usize;
        self.oracle.aliases_allowed = connect.topic_alias_maximum;
        self.oracle.connect();
        match &mut self.session {
            Some(session) if !is_new => drop(session.attach(opening, self.now)),
            none => {
                let number = SessionNumber(self.sessions);
                *none = Some(Session::open(opening, number, self.now));
            }
        }
        self.session.as_ref().unwrap().validate();
        self.handle(Input::Room);
    }

    /// Acknowledges everything; says whether there was anything.
    fn answer(&mut self) -> bool {
        let held: Vec<_> = self
            .oracle
            .held
            .iter()
            .map(|(id, held)| (*id, *held))
            .collect();
        for (id, held) in &held {
            match held.qos {
                QoS::ExactlyOnce if held.is_received => self.pubcomp(*id),
                QoS::ExactlyOnce => self.pubrec(*id, false),
                _ => self.puback(*id),
            }
        }
        !held.is_empty()
    }

    /// A well-behaved client comes back: it gets all that it is owed.
    fn drain(&mut self) {
        self.close();
        if self.session.is_none() {
            return;
        }
        self.connect(Wish {
            is_v5: true,
            receive_maximum: 2,
            aliases: 1,
            takes_large: true,
            session_expiry_s: 60,
            keep_alive_s: 0,
            room: usize::MAX,
        });
        let rounds = (0..1_000).take_while(|_| self.answer()).count();
        assert!(rounds < 1_000, "held for ever: {:?}", self.oracle.held);
        let session = self.session.as_ref().unwrap();
        assert_eq!(session.queued_messages(), 0, "stalled");
        assert_eq!(session.inflight_messages(), 0, "stalled");
        let now = self.now;
        let lost = self.oracle.owed.iter();
        let lost: Vec<_> = lost
            .filter(|(_, owed)| owed.expires > now && !owed.was_too_large)
            .collect();
        assert!(lost.is_empty(), "{lost:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_dialogue_keeps_the_laws(
        wish in wish(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new();
        world.connect(wish);
        for step in &steps {
            world.take(step);
        }
        world.drain();
    }
}
