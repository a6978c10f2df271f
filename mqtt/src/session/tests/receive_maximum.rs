//! How many messages a client may have under way.

use std::num::NonZeroU16;

use super::harness::{Client, v3, v5};
use crate::reason::ReasonCode;

const EXCEEDED: &str = "DISCONNECT (receive maximum exceeded); close (receive maximum exceeded)";

fn with_maximum(maximum: u16) -> Client {
    let maximum = NonZeroU16::new(maximum).unwrap();
    v5().limits(|limits| limits.receive_maximum = maximum)
        .open()
}

#[test]
fn one_more_than_the_maximum_is_too_many() {
    for (first, second, third) in [(1, 1, 1), (2, 2, 2), (1, 2, 1), (2, 1, 2)] {
        let mut client = with_maximum(2);
        client.publish("a", first, 1);
        client.publish("a", second, 2);
        assert_eq!(client.publish("a", third, 3), EXCEEDED);
    }
}

#[test]
fn qos_0_does_not_count() {
    let mut client = with_maximum(1);
    for _ in 0..3 {
        assert_eq!(client.publish("a", 0, 0), "arrives a q0");
    }
    assert_eq!(client.publish("a", 1, 1), "arrives a q1 #1");
    assert_eq!(client.publish("a", 0, 0), "arrives a q0");
}

#[test]
fn puback_gives_the_place_back() {
    let mut client = with_maximum(1);
    for id in 1..5 {
        assert_eq!(client.publish("a", 1, id), format!("arrives a q1 #{id}"));
        client.accept(id);
    }
}

#[test]
fn pubrec_with_a_refusal_gives_the_place_back() {
    let mut client = with_maximum(1);
    for id in 1..5 {
        assert_eq!(client.publish("a", 2, id), format!("arrives a q2 #{id}"));
        client.refuse(id, ReasonCode::QuotaExceeded);
    }
}

#[test]
fn pubrec_alone_does_not_give_the_place_back() {
    let mut client = with_maximum(1);
    client.publish("a", 2, 1);
    client.accept(1);
    assert_eq!(client.publish("a", 2, 2), EXCEEDED);
}

#[test]
fn pubcomp_gives_the_place_back() {
    let mut client = with_maximum(1);
    for id in 1..5 {
        assert_eq!(client.publish("a", 2, id), format!("arrives a q2 #{id}"));
        client.accept(id);
        client.pubrel(id);
    }
}

#[test]
fn a_duplicate_takes_no_second_place() {
    let mut client = with_maximum(2);
    client.publish("a", 2, 1);
    for _ in 0..3 {
        assert_eq!(client.publish("a", 2, 1), "");
    }
    assert_eq!(client.publish("a", 1, 2), "arrives a q1 #2");
}

#[test]
fn a_payload_that_is_no_text_takes_no_place() {
    let mut client = with_maximum(1);
    for id in 1..4 {
        let line = client.publish_with(|publish| {
            *publish = super::harness::publish("a", 2, id);
            publish.properties.payload_is_text = Some(true);
            publish.payload = b"\xff";
        });
        assert_eq!(line, format!("PUBREC #{id} (payload format invalid)"));
    }
}

#[test]
fn a_connection_begins_with_the_whole_maximum() {
    let mut client = with_maximum(1);
    client.publish("a", 1, 1);
    client.close();
    client.reconnect();
    assert_eq!(client.publish("a", 1, 1), "arrives a q1 #1");

    let mut client = with_maximum(1);
    client.publish("a", 2, 1);
    client.accept(1);
    client.close();
    client.reconnect();
    // The PUBREL of the first one is still to come, and takes no place.
    assert_eq!(client.publish("a", 2, 2), "arrives a q2 #2");
}

#[test]
fn what_an_earlier_connection_left_makes_no_room_when_it_goes() {
    let mut client = with_maximum(2);
    for id in [1, 2] {
        client.publish("a", 2, id);
        client.accept(id);
    }
    client.close();
    client.reconnect();
    client.pubrel(1);
    client.pubrel(2);
    client.publish("a", 2, 3);
    client.publish("a", 2, 4);
    assert_eq!(client.publish("a", 2, 5), EXCEEDED);
}

#[test]
fn what_is_sent_again_takes_a_place_again() {
    let mut client = with_maximum(2);
    client.publish("a", 2, 1);
    client.accept(1);
    client.close();
    client.reconnect();
    assert_eq!(client.publish("a", 2, 1), "PUBREC #1");
    assert_eq!(client.publish("a", 2, 2), "arrives a q2 #2");
    assert_eq!(client.publish("a", 2, 3), EXCEEDED);
}

#[test]
fn pubrel_before_pubrec_makes_no_room() {
    let mut client = with_maximum(1);
    client.publish("a", 2, 1);
    assert_eq!(
        client.pubrel(1),
        "DISCONNECT (protocol error); close (protocol error)"
    );
}

#[test]
fn version_3_has_as_many_as_there_are_packet_ids() {
    let mut client = v3().open();
    for id in 1..=u16::MAX {
        assert_eq!(client.publish("a", 1, id), format!("arrives a q1 #{id}"));
    }
    assert_eq!(
        client.publish("a", 1, 1),
        "close (receive maximum exceeded)"
    );
}
