//! The reason codes of PUBACK, PUBREC, PUBREL and PUBCOMP.

use quorate_model::retained::QoS;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{PUBACK, PUBCOMP, PUBREC, PUBREL, acknowledgement, publish, refusal};
use crate::support::{Client, TestBroker, message};

conformance! {
    a_puback_has_a_code_of_its_own: v5 ["3.4.2-1"];
    a_pubrec_has_a_code_of_its_own: v5 ["3.5.2-1"];
    a_pubrel_has_a_code_of_its_own: v5 ["3.6.2-1"];
    a_pubcomp_has_a_code_of_its_own: v5 ["3.7.2-1"];
}

/// The codes of PUBACK and PUBREC.
const OF_PUBLISH: [u8; 9] = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
/// The codes of PUBREL and PUBCOMP.
const OF_RELEASE: [u8; 2] = [0x00, 0x92];

/// Sends the packet with every code; those that it must not have end the connection.
fn expect_codes(first: u8, codes: &[u8]) {
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    for code in 0..=255 {
        client.send_bytes(&refusal(first, 9, code));
        if !codes.contains(&code) {
            client.expect_end(ReasonCode::ProtocolError);
            client = broker.client(Version::V5, "client");
            continue;
        }
        let is_answered = first == PUBREL || first == PUBREC && code < 0x80;
        if is_answered {
            assert_eq!(client.receive().body, [0, 9, 0x92]);
        }
        client.expect_silence();
    }
}

/// Publishes with all outcomes that there are, and returns the codes of the answers.
fn codes_of_answers(qos: QoS, answer: u8) -> Vec<u8> {
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    let mut subscriber = broker.client(Version::V5, "subscriber");
    subscriber.subscribe_to("wanted", QoS::AtMostOnce);
    let flags = (qos as u8) << 1;
    let code = |client: &mut Client, bytes: &[u8]| {
        client.send_bytes(bytes);
        let received = client.receive();
        assert_eq!((received.first, &received.body[..2]), (answer, &[0, 9][..]));
        if qos == QoS::ExactlyOnce {
            client.send_bytes(&acknowledgement(PUBREL, 9));
            assert_eq!(client.receive().first, PUBCOMP);
        }
        received.body.get(2).copied().unwrap_or(0)
    };
    let plain = |flags, topic| publish(Version::V5, flags, topic, Some(9), &[], b"x");
    let not_text = publish(Version::V5, flags, "wanted", Some(9), &[0x01, 1], b"\xff");
    let mut codes = vec![
        code(&mut client, &plain(flags, "wanted")),
        code(&mut client, &plain(flags, "unwanted")),
        code(&mut client, &not_text),
    ];
    broker.plane.cut_off(true);
    codes.push(code(&mut client, &plain(flags | 1, "wanted")));
    broker.plane.cut_off(false);
    codes.push(code(&mut client, &plain(flags | 1, "unwanted")));
    codes
}

fn a_puback_has_a_code_of_its_own() {
    expect_codes(PUBACK, &OF_PUBLISH);
    let codes = codes_of_answers(QoS::AtLeastOnce, PUBACK);
    assert_eq!(codes, [0x00, 0x10, 0x99, 0x80, 0x10]);
}

fn a_pubrec_has_a_code_of_its_own() {
    expect_codes(PUBREC, &OF_PUBLISH);
    let codes = codes_of_answers(QoS::ExactlyOnce, PUBREC);
    assert_eq!(codes, [0x00, 0x10, 0x99, 0x80, 0x10]);
}

fn a_pubrel_has_a_code_of_its_own() {
    expect_codes(PUBREL, &OF_RELEASE);
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    client.subscribe_to("t", QoS::ExactlyOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("t", QoS::ExactlyOnce, b"x"));
    let received = client.expect_message("t", b"x");
    let id = received.publish().packet_id.unwrap().get();
    client.send_bytes(&acknowledgement(PUBREC, id));
    assert_eq!(client.receive().body, id.to_be_bytes());
    client.send_bytes(&acknowledgement(PUBREC, 777));
    assert_eq!(client.receive().body, [3, 9, 0x92]);
}

fn a_pubcomp_has_a_code_of_its_own() {
    expect_codes(PUBCOMP, &OF_RELEASE);
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    client.publish(&message("t", QoS::ExactlyOnce, b"x"));
    client.send_bytes(&acknowledgement(PUBREL, 1));
    assert_eq!(client.receive().body, [0, 1, 0x92]);
}
