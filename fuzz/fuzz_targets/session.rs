//! Whatever a client sends, whatever the broker decides and whenever both happen: a
//! session stays valid, and what it sends are packets that its client can take.
#![no_main]

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};

use libfuzzer_sys::fuzz_target;
use quorate_model::client_id::ClientId;
use quorate_model::retained::QoS;
use quorate_mqtt::codec::frame::{MAX_FIXED_HEADER_BYTES, MAX_VARIABLE_INTEGER, Split, split};
use quorate_mqtt::codec::{PublishHead, decode, encode};
use quorate_mqtt::limits::Limits;
use quorate_mqtt::message::{Passing, SessionNumber, Traits};
use quorate_mqtt::moment::Moment;
use quorate_mqtt::packet::{Connect, LastWill, Packet, PublishProperties};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::{
    Accepted, Context, Delivery, Farewell, GroupNumber, Input, Opening, Outbox, Output, Session,
    Ticket,
};
use quorate_mqtt::version::Version;

const LARGEST: usize = MAX_FIXED_HEADER_BYTES + MAX_VARIABLE_INTEGER;
const QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
const TOPICS: [&str; 4] = ["a", "a/b", "$x", "é"];

/// Decodes all that it gets.
struct Wire {
    version: Version,
    max_bytes: usize,
    room: usize,
}

struct World<'a> {
    bytes: &'a [u8],
    limits: Limits,
    now: Moment,
    session: Option<Session>,
    wire: Wire,
    tickets: Vec<Ticket>,
}

impl Wire {
    fn check(&self, bytes: &[u8]) {
        let Ok(Split::Whole { frame, bytes: used }) = split(bytes, LARGEST) else {
            panic!("no frame: {bytes:?}");
        };
        assert_eq!(used, bytes.len());
        let packet = decode(self.version, frame);
        assert!(packet.is_ok(), "{packet:?}");
    }
}

impl Outbox for Wire {
    fn has_room(&self) -> bool {
        self.room > 0
    }

    fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        encode(self.version, packet, &mut bytes);
        self.check(&bytes);
    }

    fn send_message(&mut self, head: &PublishHead<'_>, message: &Passing<'_>) {
        assert!(self.room > 0);
        self.room -= 1;
        let mut bytes = Vec::new();
        head.write(&mut bytes);
        bytes.extend_from_slice(message.payload);
        assert!(bytes.len() <= self.max_bytes);
        self.check(&bytes);
    }
}

impl<'a> World<'a> {
    fn byte(&mut self) -> u8 {
        let byte = self.bytes.split_off_first();
        byte.copied().unwrap_or_default()
    }

    fn opening(&mut self) -> Opening {
        let [flags, quota, aliases, expiry_s] = [(); 4].map(|()| self.byte());
        let version = [Version::V3_1, Version::V3_1_1, Version::V5][usize::from(flags) % 3];
        let mut connect = Connect::new(version, "c");
        connect.clean_start = self.session.is_none();
        connect.keep_alive_s = u16::from(flags & 4);
        if flags & 8 != 0 {
            connect.will = Some(LastWill {
                topic: "will",
                payload: b"",
                qos: QoS::AtLeastOnce,
                retain: false,
                delay_s: u32::from(quota),
                properties: PublishProperties::default(),
            });
        }
        if version.is_5() {
            connect.session_expiry_s = Some(u32::from(expiry_s));
            connect.receive_maximum = NonZeroU16::new(u16::from(quota % 4));
            connect.topic_alias_maximum = u16::from(aliases % 4);
            connect.maximum_packet_size = NonZeroU32::new(u32::from(aliases / 4));
            connect.auth_method = (flags & 16 != 0).then_some("m");
        }
        let fresh = || ClientId::new("fresh").unwrap();
        let opening = Opening::negotiate(&connect, &self.limits, fresh).unwrap();
        self.wire = Wire {
            version,
            max_bytes: opening.terms.max_packet_bytes as usize,
            room: usize::MAX,
        };
        opening
    }

    fn connect(&mut self) {
        if self.session.as_ref().is_some_and(Session::is_attached) {
            return;
        }
        let opening = self.opening();
        match &mut self.session {
            Some(session) => drop(session.attach(opening, self.now)),
            None => {
                self.tickets.clear();
                let session = Session::open(opening, SessionNumber(1), self.now);
                self.session = Some(session);
            }
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
        match session.handle(context, input, &mut self.wire) {
            Output::Publish(arrival) => self.tickets.extend(arrival.ticket),
            Output::Ended { .. } => {
                self.session = None;
                return;
            }
            _ => {}
        }
        session.validate();
    }

    /// A packet that lies at the beginning of the bytes.
    fn packet(&mut self) {
        let bytes = self.bytes;
        let Ok(Split::Whole { frame, bytes: used }) = split(bytes, LARGEST) else {
            return;
        };
        self.bytes = &bytes[used..];
        if let Ok(packet) = decode(self.wire.version, frame) {
            self.handle(Input::Packet(packet));
        }
    }

    fn verdict(&mut self) {
        let (at, reason) = (usize::from(self.byte()), self.byte());
        if self.tickets.is_empty() {
            return;
        }
        let ticket = self.tickets.swap_remove(at % self.tickets.len());
        let is_matched = reason & 1 != 0;
        self.handle(match ReasonCode::from_byte(reason) {
            Some(reason) if reason.is_error() && at & 1 != 0 => Input::NotKept(ticket, reason),
            Some(reason) if reason.is_error() => Input::Verdict(ticket, Err(reason)),
            _ => Input::Verdict(ticket, Ok(Accepted { is_matched })),
        });
    }

    fn deliver(&mut self) {
        let [shape, size, expiry_s] = [(); 3].map(|()| self.byte());
        let expires = match expiry_s {
            0 => Moment::NEVER,
            seconds => self.now.plus_seconds(u32::from(seconds)),
        };
        let qos = QOS[usize::from(shape & 3) % 3];
        let traits = Traits {
            qos,
            retain: false,
            expires,
            publisher: None,
        };
        let payload = vec![0; usize::from(size) * 8];
        let topic = TOPICS[usize::from(shape >> 2 & 3)];
        let id = NonZeroU32::new(u32::from(shape >> 4 & 3));
        self.handle(Input::Delivery(Delivery {
            message: &Passing::new(traits, topic, &[], &payload),
            qos,
            retain: shape & 64 != 0,
            subscription_ids: id.as_slice(),
            group: (shape & 128 != 0).then_some(GroupNumber(NonZeroU64::MIN)),
        }));
    }

    fn step(&mut self) {
        match self.byte() % 12 {
            0..4 => self.packet(),
            4 => self.verdict(),
            5 | 6 => self.deliver(),
            7 => {
                self.wire.room = usize::from(self.byte());
                self.handle(Input::SignOfLife);
                self.handle(Input::Room);
            }
            8 => {
                self.now = self.now.plus_millis(u64::from(self.byte()) * 500);
                self.handle(Input::Tick);
            }
            9 => {
                let is_attached = self.session.as_ref().is_some_and(Session::is_attached);
                if is_attached {
                    self.handle(Input::Closed);
                }
            }
            10 => self.connect(),
            _ => {
                let ends_session = self.byte() & 1 != 0;
                self.handle(Input::Disconnect(Farewell {
                    ends_session,
                    ..Farewell::new(ReasonCode::AdministrativeAction)
                }));
            }
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut world = World {
        bytes,
        limits: Limits {
            receive_maximum: NonZeroU16::new(3).unwrap(),
            max_queue_messages: 4,
            max_queue_bytes: 1_000,
            topic_alias_maximum: 3,
            ..Limits::default()
        },
        now: Moment::from_millis(0),
        session: None,
        wire: Wire {
            version: Version::V5,
            max_bytes: 0,
            room: 0,
        },
        tickets: Vec::new(),
    };
    world.connect();
    while !world.bytes.is_empty() {
        world.step();
    }
});
