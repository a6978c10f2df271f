//! What a client is told when the broker ends its connection, and how much.

use super::harness::{Client, v3, v5};
use crate::message::SessionNumber;
use crate::reason::ReasonCode;
use crate::session::Farewell;

fn without_problem_information() -> Client {
    v5().with(|connect| connect.request_problem_information = false)
        .open()
}

#[test]
fn version_5_is_told_why_and_version_3_is_not() {
    for reason in [
        ReasonCode::ServerShuttingDown,
        ReasonCode::SessionTakenOver,
        ReasonCode::NotAuthorized,
    ] {
        let farewell = Farewell::new(reason);
        assert_eq!(
            v5().open().farewell(&farewell),
            format!("DISCONNECT ({reason}); close ({reason})")
        );
        assert_eq!(v3().open().farewell(&farewell), format!("close ({reason})"));
    }
}

#[test]
fn a_client_may_be_told_where_to_go() {
    let farewell = Farewell {
        server_reference: Some("other:1883"),
        ..Farewell::new(ReasonCode::UseAnotherServer)
    };
    assert_eq!(
        v5().open().farewell(&farewell),
        "DISCONNECT (use another server) to other:1883; close (use another server)"
    );
}

#[test]
fn a_connection_is_ended_once() {
    let farewell = Farewell::new(ReasonCode::ServerShuttingDown);
    let mut client = v5().open();
    client.disconnect(ReasonCode::Success);
    assert_eq!(client.farewell(&farewell), "");
    assert_eq!(client.close(), "detached");
    assert_eq!(client.farewell(&farewell), "");
}

#[test]
#[should_panic(expected = "no connection to be closed")]
fn a_connection_is_closed_once() {
    let mut client = v5().open();
    client.close();
    client.close();
}

#[test]
fn a_reason_in_words_goes_with_a_disconnect() {
    for mut client in [v5().open(), without_problem_information()] {
        client.publish_with(|packet| packet.topic_alias = 9999.try_into().ok());
        assert_eq!(client.wire.explained, ["DISCONNECT"]);
    }
}

#[test]
fn no_reason_in_words_goes_with_anything_else() {
    let mut client = without_problem_information();
    client.publish("a", 1, 1);
    client.refuse(1, ReasonCode::NotAuthorized);
    client.publish("a", 2, 2);
    client.refuse(2, ReasonCode::NotAuthorized);
    client.pubrel(9);
    client.pubrec(9);
    client.publish_with(|packet| {
        *packet = super::harness::publish("a", 1, 3);
        packet.properties.payload_is_text = Some(true);
        packet.payload = b"\xff";
    });
    assert!(client.wire.explained.is_empty());
}

#[test]
fn a_session_says_what_it_is() {
    let client = v5().open();
    let session = client.session();
    assert_eq!(session.client_id().as_str(), "c");
    assert_eq!(session.number(), SessionNumber(7));
    assert!(session.is_attached());
    assert_eq!(session.session_expiry_s(), 100);
    assert_eq!(session.terms().max_packet_bytes, 268_435_460);
    assert_eq!(session.queued_messages(), 0);
    assert_eq!(session.inflight_messages(), 0);
}
