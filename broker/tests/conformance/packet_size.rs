//! The largest packet that a client takes.

use std::num::{NonZeroU16, NonZeroU32};

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{
    PUBACK, PUBCOMP, PUBREC, PUBREL, acknowledgement, publish, refusal, subscribe, unsubscribe,
    user_property,
};
use crate::connect::lasting;
use crate::support::{Client, Received, TestBroker, message};

conformance! {
    a_message_that_is_too_large_is_not_sent: v5 ["3.1.2-24", "3.1.2-25"];
    a_message_that_is_too_large_takes_no_quota: v5 ["3.1.2-25"];
    a_message_that_is_too_large_for_one_reaches_the_others: v5 ["3.1.2-24", "3.1.2-25"];
    a_message_that_waits_can_be_too_large_for_the_next_connection: v5 ["3.1.2-24", "3.1.2-25"];
    what_goes_with_a_message_counts: v5 ["3.1.2-24"];
    a_puback_leaves_out_what_makes_it_too_large: v5 ["3.4.2-2", "3.4.2-3", "3.1.2-24"];
    a_pubrec_leaves_out_what_makes_it_too_large: v5 ["3.5.2-2", "3.5.2-3", "3.1.2-24"];
    a_pubrel_leaves_out_what_makes_it_too_large: v5 ["3.6.2-2", "3.6.2-3", "3.1.2-24"];
    a_pubcomp_leaves_out_what_makes_it_too_large: v5 ["3.7.2-2", "3.7.2-3", "3.1.2-24"];
    a_suback_leaves_out_what_makes_it_too_large: v5 ["3.9.2-1", "3.9.2-2", "3.1.2-24"];
    an_unsuback_leaves_out_what_makes_it_too_large: v5 ["3.11.2-1", "3.11.2-2", "3.1.2-24"];
    who_asks_for_more_than_fits_into_the_answer_is_sent_away: v5 ["3.1.2-24"];
    a_disconnect_leaves_out_what_makes_it_too_large: v5 ["3.14.2-3", "3.14.2-4", "3.1.2-24"];
    a_client_that_wants_no_reasons_gets_none: v5 ["3.1.2-29"];
}

fn of_size(size: u32) -> Connect<'static> {
    let mut connect = lasting(Version::V5, "client", true);
    connect.maximum_packet_size = NonZeroU32::new(size);
    connect
}

/// The least that a client must take to be let in: nothing else is that large here.
fn least(broker: &TestBroker) -> u32 {
    let connack = broker.socket(Version::V5).connect(&of_size(1_000));
    connack.body.len() as u32 + 2
}

fn size_of(received: &Received) -> u32 {
    received.body.len() as u32 + 2
}

/// What makes a PUBLISH to `t` without properties that large, up to 129 bytes: from there
/// on its length takes one more.
fn payload_of_packet(size: u32, qos: QoS) -> Vec<u8> {
    let head = 6 + if qos == QoS::AtMostOnce { 0 } else { 2 };
    vec![b'x'; size as usize - head]
}

const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn a_message_that_is_too_large_is_not_sent() {
    let broker = TestBroker::start();
    let mut publisher = broker.client(Version::V5, "publisher");
    for size in [least(&broker), 100, 127, 128] {
        let mut client = broker.connect(&of_size(size));
        client.subscribe_to("t", QoS::ExactlyOnce);
        for qos in EVERY_QOS {
            let fits = payload_of_packet(size, qos);
            let too_large = payload_of_packet(size + 1, qos);
            for payload in [&too_large, &fits, &too_large, &vec![7; 100_000], &fits] {
                publisher.publish(&message("t", qos, payload));
            }
            for _ in 0..2 {
                let received = client.take_message("t", &fits);
                assert_eq!(size_of(&received), size);
            }
            client.expect_silence();
        }
    }
}

fn a_message_that_is_too_large_takes_no_quota() {
    let broker = TestBroker::start();
    let mut connect = of_size(least(&broker));
    connect.receive_maximum = NonZeroU16::new(1);
    let mut client = broker.connect(&connect);
    client.subscribe_to("t", QoS::ExactlyOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    let too_large = [7; 100];
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        for _ in 0..40 {
            publisher.publish(&message("t", qos, &too_large));
        }
        publisher.publish(&message("t", qos, b"fits"));
        publisher.publish(&message("t", qos, &too_large));
        publisher.publish(&message("t", qos, b"waits"));
        client.take_message("t", b"fits");
        client.take_message("t", b"waits");
        client.expect_silence();
    }
}

fn a_message_that_is_too_large_for_one_reaches_the_others() {
    let broker = TestBroker::start();
    let mut narrow = broker.connect(&of_size(least(&broker)));
    narrow.subscribe_to("t", QoS::AtLeastOnce);
    let mut others = [Version::V3_1_1, Version::V5].map(|version| {
        let mut other = broker.client(version, &version.to_string());
        other.subscribe_to("t", QoS::AtLeastOnce);
        other
    });
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("t", QoS::AtLeastOnce, &[7; 1_000]));
    publisher.publish(&message("t", QoS::AtLeastOnce, b"small"));
    for other in &mut others {
        other.take_message("t", &[7; 1_000]);
        other.take_message("t", b"small");
    }
    narrow.take_message("t", b"small");
    narrow.expect_silence();
}

fn a_message_that_waits_can_be_too_large_for_the_next_connection() {
    let broker = TestBroker::start();
    let least = least(&broker);
    let mut client = broker.connect(&of_size(1_000));
    client.subscribe_to("t", QoS::AtLeastOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("t", QoS::AtLeastOnce, &[7; 100]));
    client.expect_message("t", &[7; 100]);
    client.vanish();
    publisher.publish(&message("t", QoS::AtLeastOnce, &[8; 100]));
    publisher.publish(&message("t", QoS::AtLeastOnce, b"small"));
    let mut connect = of_size(least);
    connect.clean_start = false;
    let mut client = broker.connect(&connect);
    client.take_message("t", b"small");
    client.expect_silence();
    client.vanish();
    // They were dropped as if they had been sent.
    connect.maximum_packet_size = None;
    broker.connect(&connect).expect_silence();
}

fn what_goes_with_a_message_counts() {
    let broker = TestBroker::start();
    let mut publisher = broker.client(Version::V5, "publisher");
    let mut client = broker.connect(&of_size(100));
    // An identifier of a subscription, user properties, an expiry.
    client.send_bytes(&subscribe(Version::V5, 1, &[0x0b, 1], &[(b"t", 0)]));
    assert_eq!(client.receive().first, 0x90);
    let expiry = [0x02, 0, 0, 1, 0];
    for block in [
        user_property("key", "v".repeat(40)),
        expiry.to_vec(),
        Vec::new(),
    ] {
        let room = 100 - 6 - 2 - block.len();
        for bytes in [room + 1, room] {
            let payload = vec![7; bytes];
            publisher.send_bytes(&publish(Version::V5, 0, "t", None, &block, &payload));
        }
        let received = client.expect_message("t", &vec![7; room]);
        assert_eq!(size_of(&received), 100);
    }
    client.expect_silence();
}

/// A client that takes nothing larger than its CONNACK, and the limit.
fn narrow(broker: &TestBroker) -> (Client, u32) {
    let least = least(broker);
    (broker.connect(&of_size(least)), least)
}

/// The code must be there and the packet must fit, with or without more in it.
fn assert_short(received: &Received, first: u8, reason: u8, limit: u32) {
    assert_eq!((received.first, received.body[2]), (first, reason));
    assert!(size_of(received) <= limit, "{received:?}");
}

fn not_text(flags: u8) -> Vec<u8> {
    publish(Version::V5, flags, "t", Some(9), &[0x01, 1], b"\xff")
}

fn a_puback_leaves_out_what_makes_it_too_large() {
    let broker = TestBroker::start();
    let (mut client, limit) = narrow(&broker);
    client.send_bytes(&publish(Version::V5, 0b0010, "t", Some(9), &[], b"x"));
    assert_short(&client.receive(), PUBACK, 0x10, limit);
    client.send_bytes(&not_text(0b0010));
    assert_short(&client.receive(), PUBACK, 0x99, limit);
    broker.plane.cut_off(true);
    client.send_bytes(&publish(Version::V5, 0b0011, "t", Some(9), &[], b"x"));
    assert_short(&client.receive(), PUBACK, 0x80, limit);
}

fn a_pubrec_leaves_out_what_makes_it_too_large() {
    let broker = TestBroker::start();
    let (mut client, limit) = narrow(&broker);
    client.send_bytes(&publish(Version::V5, 0b0100, "t", Some(8), &[], b"x"));
    assert_short(&client.receive(), PUBREC, 0x10, limit);
    client.send_bytes(&not_text(0b0100));
    assert_short(&client.receive(), PUBREC, 0x99, limit);
    broker.plane.cut_off(true);
    client.send_bytes(&publish(Version::V5, 0b0101, "t", Some(9), &[], b"x"));
    assert_short(&client.receive(), PUBREC, 0x80, limit);
}

fn a_pubrel_leaves_out_what_makes_it_too_large() {
    let broker = TestBroker::start();
    let (mut client, limit) = narrow(&broker);
    client.send_bytes(&acknowledgement(PUBREC, 9));
    assert_short(&client.receive(), PUBREL, 0x92, limit);
}

fn a_pubcomp_leaves_out_what_makes_it_too_large() {
    let broker = TestBroker::start();
    let (mut client, limit) = narrow(&broker);
    client.send_bytes(&acknowledgement(PUBREL, 9));
    assert_short(&client.receive(), PUBCOMP, 0x92, limit);
}

fn a_suback_leaves_out_what_makes_it_too_large() {
    let broker = TestBroker::start();
    let (mut client, limit) = narrow(&broker);
    broker.plane.cut_off(true);
    // As many codes as there is room for.
    let filters: Vec<String> = (5..limit).map(|number| format!("t/{number}")).collect();
    let filters: Vec<_> = filters
        .iter()
        .map(|filter| (filter.as_bytes(), 0))
        .collect();
    client.send_bytes(&subscribe(Version::V5, 1, &[], &filters));
    let suback = client.receive();
    assert_eq!((suback.first, size_of(&suback)), (0x90, limit));
    assert!(suback.body[3..].iter().all(|code| *code == 0x80));
}

fn an_unsuback_leaves_out_what_makes_it_too_large() {
    let broker = TestBroker::start();
    let (mut client, limit) = narrow(&broker);
    let filters: Vec<String> = (5..limit).map(|number| format!("t/{number}")).collect();
    let filters: Vec<_> = filters.iter().map(|filter| filter.as_bytes()).collect();
    client.send_bytes(&unsubscribe(Version::V5, 1, &filters));
    let unsuback = client.receive();
    assert_eq!((unsuback.first, size_of(&unsuback)), (0xb0, limit));
    assert!(unsuback.body[3..].iter().all(|code| *code == 0x11));
}

fn who_asks_for_more_than_fits_into_the_answer_is_sent_away() {
    let broker = TestBroker::start();
    let limit = least(&broker);
    // The head, the packet id and the length of the properties.
    let more = limit as usize - 5 + 1;
    let asked = [
        subscribe(Version::V5, 1, &[], &vec![(&b"t"[..], 0); more]),
        unsubscribe(Version::V5, 1, &vec![&b"t"[..]; more]),
    ];
    for bytes in asked {
        let (mut client, limit) = narrow(&broker);
        client.send_bytes(&bytes);
        let received = client.receive();
        let Packet::Disconnect(disconnect) = received.packet() else {
            panic!("{received:?} instead of a DISCONNECT");
        };
        assert_eq!(disconnect.reason, ReasonCode::PacketTooLarge);
        assert!(size_of(&received) <= limit);
        client.expect_closed();
    }
}

fn a_disconnect_leaves_out_what_makes_it_too_large() {
    let broker = TestBroker::start();
    let goodbye = |mut client: Client| {
        // A second CONNECT, with an id that would not fit either.
        client.send(&Packet::Connect(Connect::new(
            Version::V5,
            &"x".repeat(100),
        )));
        let received = client.receive();
        let Packet::Disconnect(disconnect) = received.packet() else {
            panic!("{received:?} instead of a DISCONNECT");
        };
        assert_eq!(disconnect.reason, ReasonCode::ProtocolError);
        let has_reason = disconnect.diagnostics.reason_string.is_some();
        client.expect_closed();
        (has_reason, size_of(&received))
    };
    let (has_reason, full) = goodbye(broker.client(Version::V5, "client"));
    assert!(has_reason, "nothing is there to be left out");
    let least = least(&broker);
    for size in least..=full {
        let (has_reason, bytes) = goodbye(broker.connect(&of_size(size)));
        assert_eq!(has_reason, size >= full);
        assert!(bytes <= size);
    }
    assert!(full >= least, "no client is too narrow for it");
}

/// None of the packets that it forbids has more than a code.
fn a_client_that_wants_no_reasons_gets_none() {
    let broker = TestBroker::start();
    let mut connect = lasting(Version::V5, "client", true);
    connect.request_problem_information = false;
    let mut client = broker.connect(&connect);
    client.send_bytes(&publish(Version::V5, 0b0010, "t", Some(9), &[], b"x"));
    assert_eq!(client.receive().body, [0, 9, 0x10]);
    client.send_bytes(&not_text(0b0010));
    assert_eq!(client.receive().body, [0, 9, 0x99]);
    client.send_bytes(&not_text(0b0100));
    assert_eq!(client.receive().body, [0, 9, 0x99]);
    client.send_bytes(&acknowledgement(PUBREC, 9));
    assert_eq!(client.receive().body, [0, 9, 0x92]);
    client.send_bytes(&acknowledgement(PUBREL, 9));
    assert_eq!(client.receive().body, [0, 9, 0x92]);
    client.send_bytes(&unsubscribe(Version::V5, 9, &[b"never"]));
    assert_eq!(client.receive().body, [0, 9, 0, 0x11]);
    broker.plane.cut_off(true);
    client.send_bytes(&subscribe(Version::V5, 9, &[], &[(b"t", 0)]));
    assert_eq!(client.receive().body, [0, 9, 0, 0x80]);
    client.send_bytes(&publish(Version::V5, 0b0011, "t", Some(9), &[], b"x"));
    assert_eq!(client.receive().body, [0, 9, 0x80]);
    // A refused message of the broker is no reason to say more either.
    broker.plane.cut_off(false);
    client.subscribe_to("t", QoS::ExactlyOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("t", QoS::ExactlyOnce, b"x"));
    let received = client.expect_message("t", b"x");
    let id = received.publish().packet_id.unwrap().get();
    client.send_bytes(&refusal(PUBREC, id, 0x80));
    client.expect_silence();
}
