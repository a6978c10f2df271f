//! Messages that are valid for a while.

use std::thread::sleep;
use std::time::Duration;

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Packet, Publish};
use quorate_mqtt::version::Version;

use crate::bytes::{PUBCOMP, PUBREC, PUBREL, acknowledgement};
use crate::connect::lasting;
use crate::support::{TestBroker, message};

conformance! {
    what_has_expired_is_not_delivered: v5 ["3.3.2-5"];
    what_is_left_of_the_expiry_goes_with_the_message: v5 ["3.3.2-6"];
    a_message_that_was_sent_does_not_expire: v5 ["4.3.3-7", "4.3.3-6"];
    an_expired_message_is_acknowledged_to_its_end: v5 ["4.3.3-13"];
}

fn expiring<'a>(topic: &'a str, qos: QoS, payload: &'a [u8], expiry_s: u32) -> Publish<'a> {
    let mut publish = message(topic, qos, payload);
    publish.properties.expiry_s = Some(expiry_s);
    publish
}

/// For one who is away, for one whose quota is used up, and for one who comes later.
fn what_has_expired_is_not_delivered() {
    let broker = TestBroker::start();
    let connect = lasting(Version::V5, "away", false);
    let mut away = broker.connect(&connect);
    away.subscribe_to("t", QoS::ExactlyOnce);
    away.leave();
    let mut narrow = lasting(Version::V5, "narrow", false);
    narrow.receive_maximum = std::num::NonZeroU16::new(1);
    let mut narrow = broker.connect(&narrow);
    narrow.subscribe_to("t", QoS::ExactlyOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("t", QoS::AtLeastOnce, b"first"));
    let first = narrow.expect_message("t", b"first");
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        publisher.publish(&expiring("t", qos, b"brief", 1));
        publisher.publish(&expiring("t", qos, b"long", 600));
    }
    let mut retained = expiring("kept", QoS::AtLeastOnce, b"brief", 1);
    retained.retain = true;
    publisher.publish(&retained);
    sleep(Duration::from_millis(1_200));
    let mut away = broker.connect(&connect);
    away.take_message("t", b"first");
    away.take_message("t", b"long");
    away.take_message("t", b"long");
    away.expect_silence();
    narrow.acknowledge(&first.publish());
    narrow.take_message("t", b"long");
    narrow.take_message("t", b"long");
    narrow.expect_silence();
    narrow.subscribe_to("kept", QoS::AtLeastOnce);
    narrow.expect_silence();
}

fn what_is_left_of_the_expiry_goes_with_the_message() {
    let broker = TestBroker::start();
    let mut publisher = broker.client(Version::V5, "publisher");
    let connect = lasting(Version::V5, "away", false);
    let mut away = broker.connect(&connect);
    away.subscribe_to("t", QoS::AtLeastOnce);
    // What does not wait loses nothing, and without an expiry there is none.
    publisher.publish(&expiring("t", QoS::AtLeastOnce, b"at once", 100));
    let received = away.take_message("t", b"at once");
    assert!((99..=100).contains(&received.publish().properties.expiry_s.unwrap()));
    publisher.publish(&message("t", QoS::AtLeastOnce, b"for ever"));
    let received = away.take_message("t", b"for ever");
    assert_eq!(received.publish().properties.expiry_s, None);
    away.leave();
    publisher.publish(&expiring("t", QoS::AtLeastOnce, b"waits", 100));
    publisher.publish(&expiring("t", QoS::AtLeastOnce, b"waits long", u32::MAX));
    let mut retained = expiring("kept", QoS::AtLeastOnce, b"waits", 100);
    retained.retain = true;
    publisher.publish(&retained);
    sleep(Duration::from_millis(2_100));
    let mut away = broker.connect(&connect);
    let received = away.take_message("t", b"waits");
    let left = received.publish().properties.expiry_s.unwrap();
    assert!((90..=98).contains(&left), "{left}");
    let received = away.take_message("t", b"waits long");
    let left = u32::MAX - received.publish().properties.expiry_s.unwrap();
    assert!((2..=10).contains(&left), "{left}");
    away.subscribe_to("kept", QoS::AtLeastOnce);
    let received = away.take_message("kept", b"waits");
    let left = received.publish().properties.expiry_s.unwrap();
    assert!((90..=98).contains(&left), "{left}");
}

fn a_message_that_was_sent_does_not_expire() {
    let broker = TestBroker::start();
    let connect = lasting(Version::V5, "client", false);
    let mut client = broker.connect(&connect);
    client.subscribe_to("t", QoS::ExactlyOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    for payload in [b"released", b"received"] {
        publisher.publish(&expiring("t", QoS::ExactlyOnce, payload, 1));
    }
    let released = client.expect_message("t", b"released");
    let released = released.publish().packet_id.unwrap().get();
    let received = client.expect_message("t", b"received");
    let received = received.publish().packet_id;
    client.send_bytes(&acknowledgement(PUBREC, released));
    assert_eq!(client.receive().first, PUBREL);
    client.vanish();
    sleep(Duration::from_millis(1_200));
    let mut client = broker.connect(&connect);
    let again = client.receive();
    assert_eq!(
        (again.first, &again.body[..]),
        (PUBREL, &released.to_be_bytes()[..])
    );
    let again = client.expect_message("t", b"received");
    assert_eq!(
        (again.publish().packet_id, again.publish().duplicate),
        (received, true)
    );
    client.send_bytes(&acknowledgement(PUBCOMP, released));
    client.acknowledge(&again.publish());
    client.expect_silence();
}

/// One that expires after its publisher was told of its receipt.
fn an_expired_message_is_acknowledged_to_its_end() {
    let broker = TestBroker::start();
    let connect = lasting(Version::V5, "away", false);
    let mut away = broker.connect(&connect);
    away.subscribe_to("t", QoS::ExactlyOnce);
    away.leave();
    let mut publisher = broker.client(Version::V5, "publisher");
    let expiring = expiring("t", QoS::ExactlyOnce, b"x", 1);
    publisher.send(&Packet::Publish(expiring.clone()));
    assert_eq!(publisher.receive().body, [0, 1]);
    sleep(Duration::from_millis(1_200));
    let mut away = broker.connect(&connect);
    away.expect_silence();
    // Until it is released it is not taken again, expired or not.
    publisher.send(&Packet::Publish(Publish {
        duplicate: true,
        ..expiring
    }));
    assert_eq!(publisher.receive().body, [0, 1]);
    publisher.send_bytes(&acknowledgement(PUBREL, 1));
    let pubcomp = publisher.receive();
    assert_eq!((pubcomp.first, &pubcomp.body[..]), (PUBCOMP, &[0, 1][..]));
    away.expect_silence();
}
