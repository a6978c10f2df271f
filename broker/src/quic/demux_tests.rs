use std::num::NonZeroU16;

use proptest::prelude::*;
use quorate_model::retained::QoS;
use quorate_mqtt::codec::encode;
use quorate_mqtt::codec::frame::{Split, split};
use quorate_mqtt::packet::{
    FilterRequest, Publish, PublishProperties, Subscribe, SubscribeRequests, SubscriptionOptions,
};
use quorate_mqtt::packet_id::PacketId;

use super::*;

const FIRST: Lane = Lane::Data(StreamKey(4));
const SECOND: Lane = Lane::Data(StreamKey(8));

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(Version::V5, packet, &mut bytes);
    bytes
}

fn frame(bytes: &[u8]) -> Frame<'_> {
    match split(bytes, usize::MAX).unwrap() {
        Split::Whole { frame, bytes: all } if all == bytes.len() => frame,
        other => panic!("{other:?}"),
    }
}

fn message(topic: &str, number: Option<u16>, qos: QoS) -> Vec<u8> {
    bytes(&Packet::Publish(Publish {
        duplicate: false,
        qos,
        retain: false,
        topic,
        packet_id: number.map(id),
        topic_alias: None,
        subscription_ids: Default::default(),
        properties: PublishProperties::default(),
        payload: b"payload",
    }))
}

fn subscribe(number: u16, filters: &[&str]) -> Vec<u8> {
    let mut requests = Vec::new();
    let wanted = filters.iter().map(|filter| FilterRequest {
        filter,
        options: SubscriptionOptions::of_qos(QoS::AtMostOnce),
    });
    SubscribeRequests::write(wanted, Version::V5, &mut requests);
    bytes(&Packet::Subscribe(Subscribe {
        packet_id: id(number),
        subscription_id: None,
        user_properties: Default::default(),
        requests: SubscribeRequests::of(&requests),
    }))
}

/// A packet that is its id, and a reason if there is one.
fn short(first: u8, number: u16, reason: Option<u8>) -> Vec<u8> {
    let mut body = number.to_be_bytes().to_vec();
    body.extend(reason);
    let mut packet = vec![first, body.len() as u8];
    packet.extend(body);
    packet
}

fn two_streams() -> Demux {
    let mut demux = Demux::new(Version::V5, 1);
    demux.open(StreamKey(4));
    demux.open(StreamKey(8));
    demux
}

impl Demux {
    fn says(&mut self, from: Lane, packet: &[u8]) -> Result<(), Misuse> {
        let result = self.on_client_packet(from, frame(packet));
        self.validate();
        result
    }

    fn sends(&mut self, packet: &[u8]) -> Lane {
        let lane = self.route(frame(packet));
        self.validate();
        lane
    }

    fn validate(&self) {
        self.subscriptions.validate();
        assert!(self.subscriptions.owners().all(|key| {
            let stream = self.streams.get(&key);
            stream.is_some_and(|stream| !stream.is_ending)
        }));
        for (key, stream) in &self.streams {
            let lane = Lane::Data(*key);
            let asked = self.asked.values().filter(|asked| **asked == lane);
            assert_eq!(asked.count(), stream.asked);
            let delivered = self.delivered.values().filter(|to| *to == key);
            assert_eq!(delivered.count(), stream.delivered);
        }
    }
}

#[test]
fn answers_go_to_who_has_asked() {
    let mut demux = two_streams();
    demux
        .says(FIRST, &message("a", Some(1), QoS::AtLeastOnce))
        .unwrap();
    demux
        .says(SECOND, &message("a", Some(2), QoS::ExactlyOnce))
        .unwrap();
    demux
        .says(Lane::Control, &message("a", Some(3), QoS::AtLeastOnce))
        .unwrap();
    demux.says(FIRST, &subscribe(4, &["x"])).unwrap();
    demux.says(SECOND, &[0xa2, 6, 0, 5, 0, 0, 1, b'x']).unwrap();
    let table = [
        (short(0x40, 3, None), Lane::Control),
        (short(0x40, 1, None), FIRST),
        (short(0x50, 2, None), SECOND),
        (vec![0x90, 4, 0, 4, 0, 0], FIRST),
        (vec![0xb0, 4, 0, 5, 0, 0], SECOND),
        // Nobody waits for them any more, or ever has.
        (short(0x40, 1, None), Lane::Control),
        (short(0x40, 9, None), Lane::Control),
        (vec![0xd0, 0], Lane::Control),
        (vec![0xe0, 2, 0x8b, 0], Lane::Control),
    ];
    for (packet, lane) in table {
        assert_eq!(demux.sends(&packet), lane, "{packet:?}");
    }
    // The exchange of QoS 2 is not over, and goes on where the client goes on.
    demux.says(SECOND, &short(0x62, 2, None)).unwrap();
    assert_eq!(demux.sends(&short(0x70, 2, None)), SECOND);
    assert_eq!(demux.sends(&short(0x70, 2, None)), Lane::Control);
}

#[test]
fn a_refused_message_is_over() {
    let mut demux = two_streams();
    demux
        .says(FIRST, &message("a", Some(1), QoS::ExactlyOnce))
        .unwrap();
    assert_eq!(demux.sends(&short(0x50, 1, Some(0x97))), FIRST);
    demux
        .says(SECOND, &message("a", Some(1), QoS::ExactlyOnce))
        .unwrap();
    assert_eq!(demux.sends(&short(0x50, 1, Some(0x10))), SECOND);
    let again = message("a", Some(1), QoS::ExactlyOnce);
    assert_eq!(demux.says(FIRST, &again), Err(Misuse::PacketIdInUse(1)));
}

#[test]
fn messages_go_to_who_has_subscribed() {
    let mut demux = two_streams();
    demux
        .says(FIRST, &subscribe(1, &["a/#", "not#valid"]))
        .unwrap();
    demux.says(SECOND, &subscribe(2, &["b/+"])).unwrap();
    demux
        .says(Lane::Control, &subscribe(3, &["c", "a/#"]))
        .unwrap();
    for (topic, lane) in [
        ("a/x", Lane::Control),
        ("b/x", SECOND),
        ("c", Lane::Control),
    ] {
        assert_eq!(demux.sends(&message(topic, None, QoS::AtMostOnce)), lane);
    }
    demux.says(FIRST, &subscribe(3, &["a/#"])).unwrap_err();
    demux.says(FIRST, &subscribe(4, &["a/#"])).unwrap();
    assert_eq!(
        demux.sends(&message("a/x", Some(1), QoS::ExactlyOnce)),
        FIRST
    );
    assert_eq!(demux.sends(&short(0x62, 1, None)), FIRST);
    // Any stream may take it away, and any may acknowledge.
    demux
        .says(SECOND, &[0xa2, 8, 0, 6, 0, 0, 3, b'a', b'/', b'#'])
        .unwrap();
    assert_eq!(
        demux.sends(&message("a/x", None, QoS::AtMostOnce)),
        Lane::Control
    );
    demux.says(Lane::Control, &short(0x70, 1, None)).unwrap();
    assert_eq!(demux.sends(&short(0x62, 1, None)), Lane::Control);
}

#[test]
fn some_packets_belong_on_the_control_stream() {
    let mut demux = two_streams();
    for kind in 0..16_u8 {
        let packet = [kind << 4, 0];
        let result = demux.says(FIRST, &packet);
        match kind {
            3..=8 | 10 => assert_eq!(result, Ok(())),
            kind => assert_eq!(result, Err(Misuse::OfControl(kind))),
        }
        assert_eq!(demux.says(Lane::Control, &packet), Ok(()));
    }
    let mut aliased = message("a", None, QoS::AtMostOnce);
    // A topic alias of 1 in the properties.
    aliased.splice(5..6, [3, 0x23, 0, 1]);
    aliased[1] += 3;
    let Ok(Packet::Publish(publish)) = decode(Version::V5, frame(&aliased)) else {
        panic!("{aliased:?}");
    };
    assert_eq!(publish.topic_alias, NonZeroU16::new(1));
    assert_eq!(demux.says(FIRST, &aliased), Err(Misuse::TopicAlias));
    assert_eq!(demux.says(Lane::Control, &aliased), Ok(()));
}

#[test]
fn a_packet_id_is_on_one_stream() {
    let mut demux = two_streams();
    let publish = message("a", Some(7), QoS::ExactlyOnce);
    demux.says(FIRST, &publish).unwrap();
    demux.says(FIRST, &publish).unwrap();
    for elsewhere in [SECOND, Lane::Control] {
        let in_use = Err(Misuse::PacketIdInUse(7));
        assert_eq!(demux.says(elsewhere, &publish), in_use);
        assert_eq!(demux.says(elsewhere, &subscribe(7, &["a"])), in_use);
    }
    // Its stream is gone: it may be sent again on another.
    assert!(demux.close(StreamKey(4)));
    demux.says(SECOND, &publish).unwrap();
    assert_eq!(demux.sends(&short(0x50, 7, None)), SECOND);
}

#[test]
fn a_stream_that_has_ended_still_gets_its_answers() {
    let mut demux = two_streams();
    demux
        .says(FIRST, &message("a", Some(1), QoS::AtLeastOnce))
        .unwrap();
    demux.says(FIRST, &subscribe(2, &["a"])).unwrap();
    demux.end(StreamKey(4));
    assert!(!demux.is_done(StreamKey(4)));
    assert_eq!(
        demux.sends(&message("a", None, QoS::AtMostOnce)),
        Lane::Control
    );
    assert_eq!(demux.sends(&short(0x40, 1, None)), FIRST);
    assert!(!demux.is_done(StreamKey(4)));
    assert_eq!(demux.sends(&[0x90, 4, 0, 2, 0, 0]), FIRST);
    assert!(demux.is_done(StreamKey(4)));
    assert!(!demux.close(StreamKey(4)));
    assert!(!demux.is_done(StreamKey(8)));
}

#[test]
fn what_was_on_a_lost_stream_is_missed() {
    let mut demux = two_streams();
    demux.says(FIRST, &subscribe(1, &["a"])).unwrap();
    demux.sends(&[0x90, 4, 0, 1, 0, 0]);
    assert_eq!(demux.sends(&message("a", Some(1), QoS::AtLeastOnce)), FIRST);
    assert!(demux.close(StreamKey(4)));
    demux.says(Lane::Control, &short(0x40, 1, None)).unwrap();
    assert_eq!(
        demux.sends(&message("a", Some(1), QoS::AtLeastOnce)),
        Lane::Control
    );
    assert!(!demux.close(StreamKey(8)));
    assert!(!demux.close(StreamKey(8)));
}

#[derive(Clone, Debug)]
enum Step {
    Client(u64, Vec<u8>),
    Broker(Vec<u8>),
    Open,
    End(u64),
    Close(u64),
}

fn packet() -> impl Strategy<Value = Vec<u8>> {
    let topic = prop_oneof!["[ab]", "[ab]/[ab]"];
    let filter = prop_oneof!["[ab]", "[ab]/\\+", "#", "\\$share/g/[ab]"];
    let number = 1_u16..5;
    prop_oneof![
        (topic, number.clone(), 0_u8..3).prop_map(|(topic, number, qos)| {
            let (qos, number) = match qos {
                0 => (QoS::AtMostOnce, None),
                1 => (QoS::AtLeastOnce, Some(number)),
                _ => (QoS::ExactlyOnce, Some(number)),
            };
            message(&topic, number, qos)
        }),
        (number.clone(), filter).prop_map(|(number, filter)| subscribe(number, &[&filter])),
        (
            4_u8..8,
            number,
            proptest::option::of(prop_oneof![Just(0), Just(0x80_u8)])
        )
            .prop_map(|(kind, number, reason)| short(kind << 4, number, reason)),
        (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..6)).prop_map(|(first, body)| {
            let mut packet = vec![first, body.len() as u8];
            packet.extend(body);
            packet
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..4, packet()).prop_map(|(from, packet)| Step::Client(from, packet)),
        4 => packet().prop_map(Step::Broker),
        1 => Just(Step::Open),
        1 => (1_u64..4).prop_map(Step::End),
        1 => (1_u64..4).prop_map(Step::Close),
    ]
}

proptest! {
    #[test]
    fn whatever_is_said_the_books_are_right(steps in proptest::collection::vec(step(), 0..80)) {
        let mut demux = Demux::new(Version::V5, 1);
        let mut open: Vec<u64> = Vec::new();
        let mut next = 4;
        for step in steps {
            // Streams are chosen by their place, so that most steps mean one that there is.
            let chosen = |place: u64| open.get(place.wrapping_sub(1) as usize).copied();
            match step {
                Step::Client(place, packet) => {
                    let from = chosen(place).map_or(Lane::Control, |key| Lane::Data(StreamKey(key)));
                    let _ = demux.says(from, &packet);
                }
                Step::Broker(packet) => {
                    if let Lane::Data(StreamKey(key)) = demux.sends(&packet) {
                        prop_assert!(demux.streams.contains_key(&StreamKey(key)));
                    }
                }
                Step::Open => {
                    demux.open(StreamKey(next));
                    open.push(next);
                    next += 4;
                }
                Step::End(place) | Step::Close(place) if chosen(place).is_none() => {}
                Step::End(place) => {
                    let key = open.remove(place as usize - 1);
                    demux.end(StreamKey(key));
                }
                Step::Close(place) => {
                    let key = open.remove(place as usize - 1);
                    demux.close(StreamKey(key));
                    prop_assert!(demux.is_done(StreamKey(key)));
                }
            }
            demux.validate();
        }
    }
}
