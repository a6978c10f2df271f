//! Subscriptions that several clients share.

use quorate_model::retained::QoS;
use quorate_mqtt::version::Version;

use crate::bytes::{PUBACK, PUBREC, PUBREL, acknowledgement, refusal};
use crate::connect::lasting;
use crate::support::{Client, TestBroker, message};

conformance! {
    each_member_has_its_own_qos: v5 ["4.8.2-3"];
    a_message_of_qos_2_is_completed_with_the_member_that_has_it: v5 ["4.8.2-4"];
    a_message_of_qos_2_dies_with_the_session_that_has_it: v5 ["4.8.2-5"];
    a_message_that_a_member_refuses_goes_to_nobody_else: v5 ["4.8.2-6", "4.4.0-2"];
}

fn member(broker: &TestBroker, id: &str, qos: QoS) -> Client {
    let mut member = broker.connect(&lasting(Version::V5, id, false));
    member.subscribe_to("$share/g/t", qos);
    member
}

fn each_member_has_its_own_qos() {
    let broker = TestBroker::start();
    let all = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    let mut members = all.map(|qos| member(&broker, &format!("{}", qos as u8), qos));
    let mut publisher = broker.client(Version::V5, "publisher");
    for published in all {
        for number in 0..3 {
            publisher.publish(&message("t", published, &[number]));
        }
        for (member, granted) in members.iter_mut().zip(all) {
            // One of the three came to each.
            let received = member.receive();
            member.acknowledge(&received.publish());
            assert_eq!(received.publish().qos, published.min(granted));
            member.expect_silence();
        }
    }
}

/// Two members, the first of which has a message of QoS 2 and goes.
fn lose_the_member_with_a_message(broker: &TestBroker, released: bool) -> (Client, u16) {
    let mut first = member(broker, "first", QoS::ExactlyOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("t", QoS::ExactlyOnce, b"x"));
    let received = first.expect_message("t", b"x");
    let id = received.publish().packet_id.unwrap().get();
    if released {
        first.send_bytes(&acknowledgement(PUBREC, id));
        assert_eq!(first.receive().first, PUBREL);
    }
    let second = member(broker, "second", QoS::ExactlyOnce);
    first.vanish();
    (second, id)
}

fn a_message_of_qos_2_is_completed_with_the_member_that_has_it() {
    for released in [false, true] {
        let broker = TestBroker::start();
        let (mut second, id) = lose_the_member_with_a_message(&broker, released);
        second.expect_silence();
        let mut first = broker.connect(&lasting(Version::V5, "first", false));
        if released {
            let pubrel = first.receive();
            assert_eq!(
                (pubrel.first, &pubrel.body[..]),
                (PUBREL, &id.to_be_bytes()[..])
            );
            first.send_bytes(&acknowledgement(0x70, id));
        } else {
            let again = first.expect_message("t", b"x");
            assert_eq!(again.publish().packet_id.unwrap().get(), id);
            assert!(again.publish().duplicate);
            first.acknowledge(&again.publish());
        }
        first.expect_silence();
        second.expect_silence();
    }
}

fn a_message_of_qos_2_dies_with_the_session_that_has_it() {
    for released in [false, true] {
        let broker = TestBroker::start();
        let (mut second, _) = lose_the_member_with_a_message(&broker, released);
        broker.client(Version::V5, "first").leave();
        second.expect_silence();
        // The group goes on with those who are left.
        let mut publisher = broker.client(Version::V5, "publisher");
        publisher.publish(&message("t", QoS::ExactlyOnce, b"y"));
        second.take_message("t", b"y");
    }
}

fn a_message_that_a_member_refuses_goes_to_nobody_else() {
    let broker = TestBroker::start();
    for (qos, first_byte) in [(QoS::AtLeastOnce, PUBACK), (QoS::ExactlyOnce, PUBREC)] {
        for reason in [0x80, 0x83, 0x87, 0x97, 0x99] {
            let mut first = member(&broker, "first", qos);
            let mut publisher = broker.client(Version::V5, "publisher");
            publisher.publish(&message("t", qos, b"x"));
            let received = first.expect_message("t", b"x");
            let id = received.publish().packet_id.unwrap().get();
            let mut second = member(&broker, "second", qos);
            first.send_bytes(&refusal(first_byte, id, reason));
            first.expect_silence();
            second.expect_silence();
            // Nor later, when the one that refused it has gone for good.
            first.vanish();
            broker.client(Version::V5, "first").leave();
            second.expect_silence();
            second.vanish();
            broker.client(Version::V5, "second").leave();
        }
    }
}
