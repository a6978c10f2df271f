//! Authentication in several steps, as far as it takes no method.

use quorate_mqtt::packet::Packet;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{ConnectBytes, counted, packet, text_property};
use crate::support::users::UserFile;
use crate::support::{Client, TestBroker};

conformance! {
    a_client_without_a_method_is_sent_no_auth: v5 ["4.12.0-6"];
    an_auth_without_a_method_in_the_connect_ends_the_connection: v5 ["4.12.0-7"];
}

fn expect_connack_without_a_method(client: &mut Client, reason: ReasonCode) {
    let received = client.receive();
    let Packet::ConnAck(connack) = received.packet() else {
        panic!("{received:?} instead of a CONNACK");
    };
    assert_eq!(connack.reason, reason);
    assert_eq!(
        (connack.offer.auth_method, connack.offer.auth_data),
        (None, None)
    );
}

fn a_client_without_a_method_is_sent_no_auth() {
    let broker = TestBroker::start();
    for connect in [
        ConnectBytes::new(Version::V5, "client"),
        ConnectBytes::new(Version::V5, "client")
            .flags(0b1100_0010)
            .field(b"\0\x04user\0\x06secret"),
    ] {
        let mut client = broker.socket(Version::V5);
        client.send_bytes(&connect.bytes());
        expect_connack_without_a_method(&mut client, ReasonCode::Success);
        client.expect_silence();
    }
    // Nor when the password is looked at.
    let users = UserFile::new("conformance-no-method", &[("user", "secret")]);
    let guarded = TestBroker::guarded(users.config(false));
    for (password, reason) in [
        ("secret", ReasonCode::Success),
        ("Secret", ReasonCode::BadUserNameOrPassword),
    ] {
        let connect = ConnectBytes::new(Version::V5, "client")
            .flags(0b1100_0010)
            .field(&counted("user"))
            .field(&counted(password));
        let mut client = guarded.socket(Version::V5);
        client.send_bytes(&connect.bytes());
        expect_connack_without_a_method(&mut client, reason);
        match reason {
            ReasonCode::Success => client.expect_silence(),
            _ => client.expect_closed(),
        }
    }
    // Data without a method are no authentication.
    let data = text_property(0x16, b"data");
    let connect = ConnectBytes::new(Version::V5, "client").property(&data);
    let mut client = broker.socket(Version::V5);
    client.send_bytes(&connect.bytes());
    client.expect_refused();
}

fn an_auth_without_a_method_in_the_connect_ends_the_connection() {
    let broker = TestBroker::start();
    for code in [0x00, 0x18, 0x19] {
        let method = text_property(0x15, "SCRAM-SHA-256");
        let body = [&[code, method.len() as u8][..], &method].concat();
        let mut client = broker.client(Version::V5, "client");
        client.send_bytes(&packet(0xf0, &body));
        client.expect_end(ReasonCode::ProtocolError);
    }
    let mut client = broker.client(Version::V5, "client");
    client.send_bytes(&packet(0xf0, &[]));
    client.expect_end(ReasonCode::ProtocolError);
}
