//! How much may be under way, to a client and from it.

use std::num::NonZeroU16;

use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{
    PUBACK, PUBCOMP, PUBREC, PUBREL, acknowledgement, publish, refusal, subscribe, unsubscribe,
};
use crate::connect::lasting;
use crate::support::{Client, TestBroker, id, message};

conformance! {
    no_more_is_under_way_than_the_client_takes: v5 ["3.3.4-9", "4.9.0-1", "4.9.0-2"];
    an_acknowledgement_makes_room_for_one_message: v5 ["3.3.4-9", "4.9.0-2"];
    a_pubrec_alone_makes_no_room: v5 ["3.3.4-9", "4.9.0-2"];
    a_refusal_makes_room: v5 ["3.3.4-9", "4.4.0-2"];
    everything_else_goes_on_without_quota: v5 ["3.3.4-10", "4.9.0-3"];
    what_is_sent_again_counts: v5 ["3.3.4-9", "4.9.0-1"];
    a_client_that_sends_too_much_is_sent_away: v5 ["3.3.4-7"];
    messages_of_qos_1_count_while_they_are_not_answered: v5 ["3.3.4-7"];
    answers_give_a_client_its_quota_back: v5 ["3.3.4-7"];
    a_client_without_quota_may_send_everything_else: v5 ["3.3.4-8", "4.9.0-3"];
    qos_0_takes_no_quota: v5 ["3.3.4-10", "4.9.0-2"];
}

/// A client that takes so many at a time, with more than enough waiting for it.
fn with_waiting(broker: &TestBroker, receive_maximum: u16, qos: QoS) -> Client {
    let mut connect = lasting(Version::V5, "client", true);
    connect.receive_maximum = NonZeroU16::new(receive_maximum);
    let mut client = broker.connect(&connect);
    client.subscribe_to("t", QoS::ExactlyOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    for number in 0..40 {
        publisher.publish(&message("t", qos, &[number]));
    }
    client
}

fn expect_id(client: &mut Client, number: u8) -> u16 {
    let received = client.expect_message("t", &[number]);
    received.publish().packet_id.unwrap().get()
}

fn no_more_is_under_way_than_the_client_takes() {
    let broker = TestBroker::start();
    for maximum in [1, 2, 7, 20] {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut client = with_waiting(&broker, maximum, qos);
            for number in 0..maximum {
                expect_id(&mut client, number as u8);
            }
            client.expect_silence();
        }
    }
}

fn an_acknowledgement_makes_room_for_one_message() {
    let broker = TestBroker::start();
    let mut client = with_waiting(&broker, 3, QoS::AtLeastOnce);
    let mut under_way: Vec<u16> = (0..3)
        .map(|number| expect_id(&mut client, number))
        .collect();
    for number in 3..40 {
        client.expect_silence();
        // Not always the oldest.
        let id = under_way.remove(usize::from(number) % 3);
        client.send_bytes(&acknowledgement(PUBACK, id));
        under_way.push(expect_id(&mut client, number));
        // The same once more is no acknowledgement of anything.
        if !under_way.contains(&id) {
            client.send_bytes(&acknowledgement(PUBACK, id));
        }
    }
    client.expect_silence();
}

fn a_pubrec_alone_makes_no_room() {
    let broker = TestBroker::start();
    let mut client = with_waiting(&broker, 2, QoS::ExactlyOnce);
    let mut under_way: Vec<u16> = (0..2)
        .map(|number| expect_id(&mut client, number))
        .collect();
    for number in 2..20 {
        let id = under_way.remove(0);
        client.send_bytes(&acknowledgement(PUBREC, id));
        assert_eq!(client.receive().first, PUBREL);
        client.expect_silence();
        client.send_bytes(&acknowledgement(PUBCOMP, id));
        under_way.push(expect_id(&mut client, number));
        client.expect_silence();
    }
}

fn a_refusal_makes_room() {
    let broker = TestBroker::start();
    for (qos, first) in [(QoS::AtLeastOnce, PUBACK), (QoS::ExactlyOnce, PUBREC)] {
        let mut client = with_waiting(&broker, 1, qos);
        for number in 0..20 {
            let id = expect_id(&mut client, number);
            client.expect_silence();
            client.send_bytes(&refusal(first, id, 0x80));
        }
    }
}

/// While the window is full the broker answers, and sends what is not limited.
fn everything_else_goes_on_without_quota() {
    let broker = TestBroker::start();
    let mut client = with_waiting(&broker, 1, QoS::ExactlyOnce);
    let id = expect_id(&mut client, 0);
    client.expect_silence();
    client.subscribe_to("other", QoS::AtMostOnce);
    assert_eq!(
        client.unsubscribe(&["never"]),
        [ReasonCode::NoSubscriptionExisted]
    );
    client.publish(&message("nobody", QoS::AtLeastOnce, b"x"));
    client.publish(&message("nobody", QoS::ExactlyOnce, b"x"));
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("other", QoS::ExactlyOnce, b"qos 0"));
    client.expect_message("other", b"qos 0");
    client.send_bytes(&acknowledgement(PUBREC, id));
    assert_eq!(client.receive().first, PUBREL);
    client.expect_silence();
}

fn what_is_sent_again_counts() {
    let broker = TestBroker::start();
    let mut client = with_waiting(&broker, 5, QoS::AtLeastOnce);
    let ids: Vec<u16> = (0..5)
        .map(|number| expect_id(&mut client, number))
        .collect();
    client.vanish();
    // The next connection takes fewer than are under way.
    let mut connect = lasting(Version::V5, "client", false);
    connect.receive_maximum = NonZeroU16::new(2);
    let mut client = broker.connect(&connect);
    for number in 0..5 {
        let id = expect_id(&mut client, number);
        assert_eq!(id, ids[usize::from(number)]);
        if number > 0 {
            client.expect_silence();
            client.send_bytes(&acknowledgement(PUBACK, ids[usize::from(number) - 1]));
        }
    }
    expect_id(&mut client, 5);
    client.expect_silence();
}

fn narrow(receive_maximum: u16) -> TestBroker {
    TestBroker::with(Limits {
        receive_maximum: NonZeroU16::new(receive_maximum).unwrap(),
        ..Limits::default()
    })
}

fn receive_maximum(client: &mut Client) -> Option<u16> {
    let connack = client.connect(&Connect::new(Version::V5, "client"));
    match connack.packet() {
        Packet::ConnAck(connack) => connack.offer.receive_maximum.map(NonZeroU16::get),
        other => panic!("{other:?} instead of a CONNACK"),
    }
}

fn qos_2(id: u16) -> Vec<u8> {
    publish(Version::V5, 0b0100, "nobody", Some(id), &[], b"x")
}

fn a_client_that_sends_too_much_is_sent_away() {
    let broker = narrow(3);
    let mut client = broker.socket(Version::V5);
    assert_eq!(receive_maximum(&mut client), Some(3));
    for id in 1..=3 {
        client.send_bytes(&qos_2(id));
        assert_eq!(client.receive().first, PUBREC);
    }
    client.send_bytes(&qos_2(4));
    client.expect_end(ReasonCode::ReceiveMaximumExceeded);
    // Of whatever QoS the one too many is.
    let mut client = broker.client(Version::V5, "client");
    for id in 1..=3 {
        client.send_bytes(&qos_2(id));
        assert_eq!(client.receive().first, PUBREC);
    }
    client.send_bytes(&publish(Version::V5, 0b0010, "t", Some(4), &[], b"x"));
    client.expect_end(ReasonCode::ReceiveMaximumExceeded);
}

/// A message that is to be retained is answered when the cluster has decided it.
fn messages_of_qos_1_count_while_they_are_not_answered() {
    let broker = narrow(3);
    let retained = |id| publish(Version::V5, 0b0011, "t", Some(id), &[], b"x");
    let mut patient = broker.client(Version::V5, "patient");
    let mut greedy = broker.client(Version::V5, "greedy");
    broker.plane.hold_back();
    for client in [&mut patient, &mut greedy] {
        for id in 1..=3 {
            client.send_bytes(&retained(id));
        }
        client.expect_silence();
    }
    greedy.send_bytes(&retained(4));
    greedy.expect_end(ReasonCode::ReceiveMaximumExceeded);
    while broker.plane.undecided() > 0 {
        broker.plane.decide_one();
    }
    for id in 1..=3 {
        let puback = patient.receive();
        assert_eq!((puback.first, &puback.body[..2]), (PUBACK, &[0, id][..]));
    }
    // An answer gives the quota back.
    for id in 4..=6 {
        patient.send_bytes(&retained(id));
    }
    patient.expect_silence();
    patient.send_bytes(&retained(7));
    patient.expect_end(ReasonCode::ReceiveMaximumExceeded);
    while broker.plane.undecided() > 0 {
        broker.plane.decide_one();
    }
}

fn answers_give_a_client_its_quota_back() {
    let broker = narrow(2);
    let mut client = broker.client(Version::V5, "client");
    client.send_bytes(&qos_2(1));
    assert_eq!(client.receive().first, PUBREC);
    for _ in 0..10 {
        // A PUBACK, a PUBCOMP, and a PUBREC that is a refusal.
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut publish = message("nobody", qos, b"x");
            publish.packet_id = Some(id(2));
            client.publish(&publish);
        }
        let refused = publish(Version::V5, 0b0100, "t", Some(2), &[0x01, 1], b"\xff");
        client.send_bytes(&refused);
        assert_eq!(client.receive().body, [0, 2, 0x99]);
    }
    // The same message again is no further one.
    client.send_bytes(&qos_2(1));
    assert_eq!(client.receive().first, PUBREC);
    client.send_bytes(&qos_2(2));
    assert_eq!(client.receive().first, PUBREC);
    client.send_bytes(&qos_2(1));
    assert_eq!(client.receive().first, PUBREC);
    client.send_bytes(&qos_2(3));
    client.expect_end(ReasonCode::ReceiveMaximumExceeded);
}

fn a_client_without_quota_may_send_everything_else() {
    let broker = narrow(1);
    let mut client = broker.client(Version::V5, "client");
    client.send_bytes(&qos_2(1));
    assert_eq!(client.receive().first, PUBREC);
    client.expect_silence();
    client.send_bytes(&subscribe(Version::V5, 2, &[], &[(b"own", 0)]));
    assert_eq!(client.receive().first, 0x90);
    for _ in 0..3 {
        client.send_bytes(&publish(Version::V5, 0, "own", None, &[], b"x"));
        client.expect_message("own", b"x");
    }
    client.send_bytes(&unsubscribe(Version::V5, 3, &[b"own"]));
    assert_eq!(client.receive().first, 0xb0);
    client.send_bytes(&acknowledgement(PUBREL, 1));
    assert_eq!(client.receive().first, PUBCOMP);
    client.leave();
}

fn qos_0_takes_no_quota() {
    let broker = TestBroker::start();
    let mut client = with_waiting(&broker, 1, QoS::AtMostOnce);
    for number in 0..40 {
        assert_eq!(client.expect_message("t", &[number]).first, 0x30);
    }
    client.expect_silence();
}
