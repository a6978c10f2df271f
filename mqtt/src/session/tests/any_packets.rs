//! A client that sends any packets at all, those of a server too, in any state and
//! between all that the broker does: the session stays valid and says nothing that its
//! client could not read. What it owes to whom is checked in `laws`.

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};

use proptest::prelude::*;
use quorate_model::client_id::ClientId;

use super::harness::{QOS, ack, will};
use crate::codec::frame::{Split, split};
use crate::codec::tests::arbitrary::{any_packet, any_version};
use crate::codec::{PublishHead, decode, encode_within};
use crate::limits::Limits;
use crate::message::{Passing, SessionNumber, Traits};
use crate::moment::Moment;
use crate::packet::{Connect, Packet};
use crate::reason::ReasonCode;
use crate::session::{
    Accepted, Context, Delivery, Farewell, GroupNumber, Input, Opening, Outbox, Output, Session,
    Ticket,
};
use crate::version::Version;

#[derive(Clone, Debug)]
enum Step {
    Packet(Box<Packet<'static>>),
    Deliver {
        qos: usize,
        expires_ms: Option<u64>,
        subscription_id: u32,
        is_shared: bool,
    },
    Decide {
        at: usize,
        reason: ReasonCode,
        is_not_kept: bool,
    },
    Room(usize),
    Wait(u64),
    Farewell,
    Close,
    Connect(Wish),
}

#[derive(Clone, Copy, Debug)]
struct Wish {
    keep_alive_s: u16,
    session_expiry_s: u32,
    maximum_packet_size: Option<NonZeroU32>,
    authenticates: bool,
}

/// Those of the packets that answer something, with ids that are in use.
fn answer() -> impl Strategy<Value = Packet<'static>> {
    let reasons = vec![ReasonCode::Success, ReasonCode::UnspecifiedError];
    let parts = (0..4, 1..6_u16, prop::sample::select(reasons));
    parts.prop_map(|(kind, id, reason)| match kind {
        0 => Packet::PubAck(ack(id, reason)),
        1 => Packet::PubRec(ack(id, reason)),
        2 => Packet::PubRel(ack(id, ReasonCode::Success)),
        _ => Packet::PubComp(ack(id, ReasonCode::Success)),
    })
}

fn step(version: Version) -> impl Strategy<Value = Step> {
    let reasons = [
        ReasonCode::Success,
        ReasonCode::NotAuthorized,
        ReasonCode::QuotaExceeded,
    ];
    let delivery = (
        0..3_usize,
        prop::option::weighted(0.2, 1..20_000_u64),
        0..3_u32,
        prop::bool::weighted(0.2),
    );
    let delivery =
        delivery.prop_map(
            |(qos, expires_ms, subscription_id, is_shared)| Step::Deliver {
                qos,
                expires_ms,
                subscription_id,
                is_shared,
            },
        );
    let decision = (
        any::<usize>(),
        prop::sample::select(reasons.to_vec()),
        any::<bool>(),
    );
    let decision = decision.prop_map(|(at, reason, is_not_kept)| Step::Decide {
        at,
        reason,
        is_not_kept,
    });
    prop_oneof![
        12 => any_packet(version).prop_map(Box::new).prop_map(Step::Packet),
        8 => answer().prop_map(Box::new).prop_map(Step::Packet),
        8 => delivery,
        3 => decision,
        2 => prop_oneof![Just(0_usize), 1..4_usize, Just(usize::MAX)].prop_map(Step::Room),
        2 => prop_oneof![0..2_000_u64, 0..70_000_u64].prop_map(Step::Wait),
        1 => Just(Step::Farewell),
        1 => Just(Step::Close),
        8 => wish().prop_map(Step::Connect),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let parts = (
        prop::sample::select(vec![0_u16, 0, 5]),
        prop::sample::select(vec![0_u32, 10, 60]),
        prop::option::of((10..200_u32).prop_map(|bytes| NonZeroU32::MIN.saturating_add(bytes))),
        any::<bool>(),
    );
    parts.prop_map(
        |(keep_alive_s, session_expiry_s, maximum_packet_size, authenticates)| Wish {
            keep_alive_s,
            session_expiry_s,
            maximum_packet_size,
            authenticates,
        },
    )
}

/// Reads what the session sends, as its client would.
struct Wire {
    version: Version,
    max_bytes: usize,
    room: usize,
    is_open: bool,
}

impl Wire {
    fn check(&self, bytes: &[u8]) {
        assert!(self.is_open, "sent after the end");
        assert!(bytes.len() <= self.max_bytes, "too large for the client");
        let Ok(Split::Whole { frame, bytes: used }) = split(bytes, self.max_bytes) else {
            panic!("no frame: {bytes:02x?}");
        };
        assert_eq!(used, bytes.len());
        let packet = decode(self.version, frame).unwrap();
        let of_clients = matches!(
            packet,
            Packet::Connect(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) | Packet::PingReq
        );
        assert!(!of_clients, "{packet:?}");
    }
}

impl Outbox for Wire {
    fn has_room(&self) -> bool {
        self.room > 0
    }

    fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        // What does not fit is left out, as by every outbox.
        if encode_within(self.version, packet, self.max_bytes, &mut bytes).is_ok() {
            self.check(&bytes);
        }
    }

    fn send_message(&mut self, head: &PublishHead<'_>, message: &Passing<'_>) {
        assert!(self.room > 0);
        self.room -= 1;
        let mut bytes = Vec::new();
        head.write(&mut bytes);
        bytes.extend_from_slice(message.payload);
        self.check(&bytes);
    }
}

struct World {
    version: Version,
    limits: Limits,
    now: Moment,
    session: Option<Session>,
    wire: Wire,
    tickets: Vec<Ticket>,
}

impl World {
    fn new(version: Version) -> Self {
        let limits = Limits {
            max_inflight: NonZeroU16::new(4).unwrap(),
            receive_maximum: NonZeroU16::new(3).unwrap(),
            max_queue_messages: 6,
            topic_alias_maximum: 2,
            session_expiry_v3_s: 60,
            ..Limits::default()
        };
        Self {
            version,
            limits,
            now: Moment::from_millis(1),
            session: None,
            wire: Wire {
                version,
                max_bytes: usize::MAX,
                room: usize::MAX,
                is_open: false,
            },
            tickets: Vec::new(),
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
        let output = session.handle(context, input, &mut self.wire);
        session.validate();
        assert!(session.queued_messages() <= self.limits.max_queue_messages);
        match output {
            Output::Publish(arrival) => self.tickets.extend(arrival.ticket),
            Output::Close(_) | Output::Detached { .. } => self.wire.is_open = false,
            Output::Ended { .. } => {
                self.wire.is_open = false;
                self.session = None;
            }
            _ => {}
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Packet(packet) => self.handle(Input::Packet(*packet)),
            Step::Deliver {
                qos,
                expires_ms,
                subscription_id,
                is_shared,
            } => {
                let expires = expires_ms.map(|millis| self.now.plus_millis(millis));
                let traits = Traits {
                    qos: QOS[qos],
                    retain: false,
                    expires: expires.unwrap_or(Moment::NEVER),
                    publisher: None,
                };
                self.handle(Input::Delivery(Delivery {
                    message: &Passing::new(traits, "a/b", &[], b"payload"),
                    qos: QOS[qos],
                    retain: false,
                    subscription_ids: NonZeroU32::new(subscription_id).as_slice(),
                    group: is_shared.then_some(GroupNumber(NonZeroU64::MIN)),
                }));
            }
            Step::Decide {
                at,
                reason,
                is_not_kept,
            } => self.decide(at, reason, is_not_kept),
            Step::Room(room) => {
                self.wire.room = room;
                self.handle(Input::Room);
            }
            Step::Wait(millis) => self.wait(millis),
            Step::Farewell => {
                let reason = ReasonCode::AdministrativeAction;
                self.handle(Input::Disconnect(Farewell::new(reason)));
            }
            Step::Close => self.close(),
            Step::Connect(wish) => self.connect(wish),
        }
    }

    fn decide(&mut self, at: usize, reason: ReasonCode, is_not_kept: bool) {
        if self.tickets.is_empty() {
            return;
        }
        let ticket = self.tickets.remove(at % self.tickets.len());
        self.handle(match reason {
            ReasonCode::Success => Input::Verdict(ticket, Ok(Accepted { is_matched: true })),
            reason if is_not_kept => Input::NotKept(ticket, reason),
            reason => Input::Verdict(ticket, Err(reason)),
        });
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
        }
    }

    fn connect(&mut self, wish: Wish) {
        self.close();
        let mut connect = Connect::new(self.version, "c");
        connect.clean_start = self.session.is_none() && wish.session_expiry_s == 0;
        connect.keep_alive_s = wish.keep_alive_s;
        connect.will = Some(will("w", wish.session_expiry_s / 2));
        if self.version.is_5() {
            connect.session_expiry_s = Some(wish.session_expiry_s);
            connect.maximum_packet_size = wish.maximum_packet_size;
            connect.auth_method = wish.authenticates.then_some("m");
        }
        let fresh = || ClientId::new("fresh").unwrap();
        let opening = Opening::negotiate(&connect, &self.limits, fresh).unwrap();
        self.wire.max_bytes = opening.terms.max_packet_bytes as usize;
        self.wire.room = usize::MAX;
        self.wire.is_open = true;
        match &mut self.session {
            Some(session) => drop(session.attach(opening, self.now)),
            None => {
                self.tickets.clear();
                self.session = Some(Session::open(opening, SessionNumber(1), self.now));
            }
        }
        self.handle(Input::Room);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_packets_leave_a_session_valid(
        wish in wish(),
        (version, steps) in any_version().prop_flat_map(|version| {
            (Just(version), prop::collection::vec(step(version), 1..100))
        }),
    ) {
        let mut world = World::new(version);
        world.connect(wish);
        for step in steps {
            world.take(step);
        }
    }
}
