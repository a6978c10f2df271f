//! The first byte of every packet, in both directions, and the length of properties.

use quorate_model::retained::QoS;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{
    ConnectBytes, PINGREQ, PINGRESP, PUBREC, PUBREL, acknowledgement, join, packet, publish,
    subscribe, unsubscribe,
};
use crate::support::{TestBroker, VERSIONS, message};

conformance! {
    reserved_flags_end_the_connection:
        v5 ["2.1.3-1", "4.13.1-1"], v3 ["2.2.2-1", "2.2.2-2"];
    reserved_flags_of_a_connect_refuse_it:
        v5 ["2.1.3-1", "3.1.4-1"], v3 ["2.2.2-1", "2.2.2-2", "3.1.4-1"];
    reserved_types_end_the_connection: v5 ["2.1.3-1"], v3 ["2.2.2-2"];
    wrong_flags_of_a_pubrel_end_the_connection: v5 ["3.6.1-1"], v3 ["3.6.1-1"];
    wrong_flags_of_a_subscribe_end_the_connection: v5 ["3.8.1-1"], v3 ["3.8.1-1"];
    wrong_flags_of_an_unsubscribe_end_the_connection: v5 ["3.10.1-1"], v3 ["3.10.1-1"];
    wrong_flags_of_a_disconnect_are_malformed_and_leave_the_will:
        v5 ["3.14.1-1"], v3 ["3.14.1-1"];
    wrong_flags_of_an_auth_end_the_connection: v5 ["3.15.1-1"];
    the_broker_sets_no_reserved_flag: v5 ["2.1.3-1"], v3 ["2.2.2-1"];
    packets_without_properties_say_so: v5 ["2.2.2-1"];
    a_packet_that_does_not_say_so_is_malformed: v5 ["2.2.2-1"];
}

const MALFORMED: ReasonCode = ReasonCode::MalformedPacket;

/// Sends the packet with every wrong combination of flags, each over a connection of
/// its own. In 3.1 some packets have a duplicate flag, which is not wrong.
fn expect_wrong_flags_refused(right: &[u8], may_be_duplicate: bool, versions: &[Version]) {
    let broker = TestBroker::start();
    for version in versions {
        for flags in 0..16 {
            let is_duplicate = *version == Version::V3_1 && may_be_duplicate;
            let expected = flags & if is_duplicate { 0b0111 } else { 0b1111 };
            if expected == right[0] & 0x0f {
                continue;
            }
            let mut client = broker.client(*version, "hostile");
            let mut bytes = right.to_vec();
            bytes[0] = right[0] & 0xf0 | flags;
            client.send_bytes(&bytes);
            client.expect_end(MALFORMED);
        }
    }
}

fn reserved_flags_end_the_connection() {
    for right in [
        acknowledgement(0x40, 1),
        acknowledgement(0x50, 1),
        acknowledgement(0x70, 1),
        PINGREQ.to_vec(),
    ] {
        expect_wrong_flags_refused(&right, false, &VERSIONS);
    }
}

fn reserved_flags_of_a_connect_refuse_it() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for flags in 1..16 {
            let mut connect = ConnectBytes::new(version, "hostile");
            connect.first |= flags;
            let mut client = broker.socket(version);
            client.send_bytes(&connect.bytes());
            client.expect_refused_as_malformed();
        }
    }
}

fn reserved_types_end_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut first = vec![0x00, 0x0f];
        if !version.is_5() {
            first.push(0xf0);
        }
        for first in first {
            let mut client = broker.client(version, "hostile");
            client.send_bytes(&[first, 0]);
            if version.is_5() {
                client.expect_end(MALFORMED);
            } else {
                client.expect_closed();
            }
        }
    }
}

fn wrong_flags_of_a_pubrel_end_the_connection() {
    expect_wrong_flags_refused(&acknowledgement(PUBREL, 1), true, &VERSIONS);
}

fn wrong_flags_of_a_subscribe_end_the_connection() {
    for version in VERSIONS {
        let right = subscribe(version, 1, &[], &[(b"a", 0)]);
        expect_wrong_flags_refused(&right, true, &[version]);
    }
}

fn wrong_flags_of_an_unsubscribe_end_the_connection() {
    for version in VERSIONS {
        let right = unsubscribe(version, 1, &[b"a"]);
        expect_wrong_flags_refused(&right, true, &[version]);
    }
}

fn wrong_flags_of_a_disconnect_are_malformed_and_leave_the_will() {
    expect_wrong_flags_refused(&[0xe0, 0], false, &VERSIONS);
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut watcher = broker.client(Version::V5, "watcher");
        watcher.subscribe_to("will", QoS::AtMostOnce);
        let connect = ConnectBytes::new(version, "hostile").flags(0b0000_0110);
        let connect = connect.will_properties(&[]);
        let connect = connect.field(&join(&[&[0, 4], b"will", &[0, 3], b"bye"]));
        let mut client = broker.socket(version);
        client.send_bytes(&connect.bytes());
        assert_eq!(client.receive().first, 0x20);
        client.send_bytes(&[0xe1, 0]);
        client.expect_end(MALFORMED);
        watcher.expect_message("will", b"bye");
    }
}

fn wrong_flags_of_an_auth_end_the_connection() {
    let with_method = packet(0xf0, &[0x19, 4, 0x15, 0, 1, b'm']);
    for right in [vec![0xf0, 0], with_method] {
        expect_wrong_flags_refused(&right, false, &[Version::V5]);
    }
}

fn the_broker_sets_no_reserved_flag() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.socket(version);
        client.send_bytes(&ConnectBytes::new(version, "client").bytes());
        assert_eq!(client.receive().first, 0x20);
        client.send_bytes(&subscribe(version, 1, &[], &[(b"t", 2)]));
        assert_eq!(client.receive().first, 0x90);
        client.send_bytes(&unsubscribe(version, 2, &[b"other"]));
        assert_eq!(client.receive().first, 0xb0);
        client.send_bytes(&PINGREQ);
        let pong = client.receive();
        assert_eq!((pong.first, pong.body.len()), (PINGRESP[0], 0));
        // One to itself, so it is on both sides of the exchange.
        client.send_bytes(&publish(version, 0b0100, "t", Some(9), &[], b"x"));
        let mut first = [client.receive().first, client.receive().first];
        first.sort_unstable();
        assert_eq!(first, [0x34, 0x50]);
        client.send_bytes(&acknowledgement(PUBREL, 9));
        assert_eq!(client.receive().first, 0x70);
        client.send_bytes(&acknowledgement(PUBREC, 1));
        assert_eq!(client.receive().first, 0x62);
        let mut other = broker.client(version, "other");
        other.send_bytes(&publish(version, 0b0010, "none", Some(3), &[], b"x"));
        assert_eq!(other.receive().first, 0x40);
        if version.is_5() {
            other.send_bytes(&[0xc1, 0]);
            assert_eq!(other.receive().first, 0xe0);
        }
    }
}

fn packets_without_properties_say_so() {
    let broker = TestBroker::start();
    let version = Version::V5;
    let mut client = broker.client(version, "client");
    client.send_bytes(&subscribe(version, 0x0102, &[], &[(b"t", 1)]));
    assert_eq!(client.receive().body, [1, 2, 0, 1]);
    client.send_bytes(&publish(version, 0, "t", None, &[], b"x"));
    assert_eq!(client.receive().body, [0, 1, b't', 0, b'x']);
    client.send_bytes(&unsubscribe(version, 0x0304, &[b"t"]));
    assert_eq!(client.receive().body, [3, 4, 0, 0]);
    client.publish(&message("t", QoS::AtMostOnce, b""));
    client.expect_silence();
    // A refusal has a block of properties too.
    let mut refused = broker.socket(version);
    let mut connect = ConnectBytes::new(version, "client");
    connect.level = 6;
    refused.send_bytes(&connect.bytes());
    assert_eq!(refused.receive().body, [0, 0x84, 0]);
}

fn a_packet_that_does_not_say_so_is_malformed() {
    let broker = TestBroker::start();
    for bytes in [
        packet(0x30, &[0, 1, b't']),
        packet(0x82, &[0, 1]),
        packet(0xa2, &[0, 1]),
        // The length of properties that are not there.
        packet(0x30, &[0, 1, b't', 3, 1]),
        packet(0x82, &[0, 1, 9, 0, 1, b't', 0]),
    ] {
        let mut client = broker.client(Version::V5, "hostile");
        client.send_bytes(&bytes);
        client.expect_end(MALFORMED);
    }
    let mut connect = ConnectBytes::new(Version::V5, "");
    connect.payload = Vec::new();
    let mut bytes = connect.bytes();
    // Without the length of its properties the packet ends too early.
    bytes.pop();
    bytes[1] -= 1;
    let mut client = broker.socket(Version::V5);
    client.send_bytes(&bytes);
    client.expect_refused();
}
