//! SUBACK and UNSUBACK: a code for each filter, and nothing else.

use quorate_model::retained::QoS;
use quorate_mqtt::packet::SubscriptionOptions;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{subscribe, unsubscribe};
use crate::support::{TestBroker, VERSIONS};

conformance! {
    codes_are_in_the_order_of_the_filters: v5 ["3.9.3-1", "3.8.4-6"], v3 ["3.9.3-1"];
    codes_are_those_of_the_standard: v5 ["3.9.3-2", "3.8.4-7"], v3 ["3.9.3-2"];
    codes_of_an_unsuback_are_in_the_order_of_the_filters: v5 ["3.11.3-1"];
    codes_of_an_unsuback_are_those_of_the_standard: v5 ["3.11.3-2"];
    an_unsuback_of_version_3_has_none: v3 ["3.10.4-4"];
}

/// Filters, and for each the QoS that is asked for.
fn asked(count: usize) -> Vec<(String, u8)> {
    let qos = |at: usize| (at * at % 3) as u8;
    (0..count)
        .map(|at| (format!("filter/{at}"), (qos(at) + (at as u8 / 5)) % 3))
        .collect()
}

fn codes_are_in_the_order_of_the_filters() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        let asked = asked(50);
        let filters: Vec<_> = asked
            .iter()
            .map(|(filter, qos)| (filter.as_bytes(), *qos))
            .collect();
        let codes: Vec<u8> = asked.iter().map(|(_, qos)| *qos).collect();
        // When all are new, and when none is.
        for _ in 0..2 {
            client.send_bytes(&subscribe(version, 1, &[], &filters));
            let suback = client.receive();
            let head = if version.is_5() { 3 } else { 2 };
            assert_eq!(suback.body[head..], codes);
        }
    }
}

/// Also when some of them are decided by the cluster and it does not decide.
fn codes_are_those_of_the_standard() {
    let broker = TestBroker::start();
    for version in [Version::V3_1_1, Version::V5] {
        let mut client = broker.client(version, "client");
        client.subscribe_to("old", QoS::AtMostOnce);
        broker.plane.cut_off(true);
        let filters: [(&[u8], u8); 4] = [(b"old", 2), (b"new", 1), (b"new/#", 2), (b"old", 1)];
        client.send_bytes(&subscribe(version, 1, &[], &filters));
        let suback = client.receive();
        let head = if version.is_5() { 3 } else { 2 };
        assert_eq!(suback.body[head..], [2, 0x80, 0x80, 1]);
        let filters: [(&[u8], u8); 3] = [(b"twice", 1), (b"old", 2), (b"twice", 2)];
        client.send_bytes(&subscribe(version, 2, &[], &filters));
        let suback = client.receive();
        assert_eq!(suback.body[head..], [0x80, 2, 0x80]);
        broker.plane.cut_off(false);
    }
}

fn codes_of_an_unsuback_are_in_the_order_of_the_filters() {
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    let options = SubscriptionOptions::of_qos(QoS::AtMostOnce);
    client.subscribe(&[("a", options), ("b/#", options), ("$share/g/c", options)]);
    let filters = ["x", "a", "b", "b/#", "a", "c", "$share/g/c", "$share/h/c"];
    let filters = filters.map(str::as_bytes);
    client.send_bytes(&unsubscribe(Version::V5, 7, &filters));
    let unsuback = client.receive();
    let (no, yes) = (0x11, 0);
    let expected = [0, 7, 0, no, yes, no, yes, no, no, yes, no];
    assert_eq!((unsuback.first, &unsuback.body[..]), (0xb0, &expected[..]));
}

fn codes_of_an_unsuback_are_those_of_the_standard() {
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    client.subscribe_to("t", QoS::AtMostOnce);
    // What was given up is given up, whatever the cluster thinks.
    broker.plane.cut_off(true);
    let codes = client.unsubscribe(&["t", "t"]);
    let expected = [ReasonCode::Success, ReasonCode::NoSubscriptionExisted];
    assert_eq!(codes, expected);
    broker.plane.cut_off(false);
}

fn an_unsuback_of_version_3_has_none() {
    let broker = TestBroker::start();
    for version in [Version::V3_1, Version::V3_1_1] {
        let mut client = broker.client(version, "client");
        client.subscribe_to("t", QoS::AtMostOnce);
        client.send_bytes(&unsubscribe(version, 0x0708, &[b"x", b"t", b"y"]));
        let unsuback = client.receive();
        assert_eq!((unsuback.first, &unsuback.body[..]), (0xb0, &[7, 8][..]));
    }
}
