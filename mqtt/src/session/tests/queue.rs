//! What waits for a client, and what does not fit.

use super::harness::{Client, parcel, v3, v5};

/// What a message weighs beside its texts and payload.
const FIXED: usize = 96;

fn with_messages(messages: usize) -> Client {
    v5().limits(|limits| limits.max_queue_messages = messages)
        .open()
}

fn with_bytes(bytes: usize) -> Client {
    v5().limits(|limits| limits.max_queue_bytes = bytes).open()
}

#[test]
fn what_has_no_room_waits() {
    for qos in 0..3 {
        let mut client = v5().open();
        client.room(0);
        assert_eq!(client.deliver_all(&["a", "b"], qos), "queued; queued");
        assert_eq!(client.session().queued_messages(), 2);
        let sent = client.room(usize::MAX);
        assert_eq!(sent.matches("PUBLISH").count(), 2, "{sent}");
        assert_eq!(client.session().queued_messages(), 0);
        assert_eq!(client.session().queued_bytes(), 0);
    }
}

#[test]
fn a_message_does_not_pass_those_of_its_kind_that_wait() {
    for qos in 0..3 {
        let mut client = v5().open();
        client.room(0);
        client.deliver(&parcel("a", qos));
        client.wire.room = 2;
        assert_eq!(client.deliver(&parcel("b", qos)), "queued");
        let sent = client.room(2);
        let at = |topic| sent.find(topic).unwrap();
        assert!(at("PUBLISH a") < at("PUBLISH b"), "{sent}");
    }
}

#[test]
fn qos_0_passes_what_waits_for_acknowledgements() {
    let mut client = v5()
        .with(|connect| connect.receive_maximum = 1.try_into().ok())
        .open();
    client.deliver_all(&["a", "b"], 1);
    assert_eq!(client.deliver(&parcel("c", 0)), "PUBLISH c q0");
}

#[test]
fn room_for_one_message_is_room_for_one() {
    let mut client = v5().open();
    client.room(0);
    client.deliver_all(&["a", "b"], 0);
    client.deliver_all(&["c", "d"], 1);
    assert_eq!(client.room(1), "PUBLISH a q0");
    assert_eq!(client.room(2), "PUBLISH b q0; PUBLISH c q1 #1");
    assert_eq!(client.room(0), "");
    assert_eq!(client.room(1), "PUBLISH d q1 #2");
}

#[test]
fn the_oldest_of_qos_0_make_place() {
    let mut client = with_messages(3);
    client.room(0);
    client.deliver_all(&["a", "b", "c"], 0);
    assert_eq!(client.deliver(&parcel("d", 0)), "queued in place of 1");
    assert_eq!(client.deliver(&parcel("e", 1)), "queued in place of 1");
    assert_eq!(
        client.room(usize::MAX),
        "PUBLISH c q0; PUBLISH d q0; PUBLISH e q1 #1"
    );
}

#[test]
fn what_must_not_be_dropped_fills_the_queue() {
    let mut client = with_messages(2);
    client.room(0);
    client.deliver_all(&["a", "b"], 1);
    for qos in 0..3 {
        assert_eq!(client.deliver(&parcel("c", qos)), "dropped, QueueFull");
    }
    assert_eq!(client.room(usize::MAX), "PUBLISH a q1 #1; PUBLISH b q1 #2");
}

#[test]
fn bytes_are_counted_as_well() {
    let mut client = with_bytes(2 * (FIXED + 1) + 10);
    client.room(0);
    client.deliver(&parcel("a", 1).payload(10));
    assert_eq!(
        client.deliver(&parcel("b", 1).payload(1)),
        "dropped, QueueFull"
    );
    assert_eq!(client.deliver(&parcel("b", 1)), "queued");
    assert_eq!(client.session().queued_bytes(), 2 * (FIXED + 1) + 10);
    assert_eq!(client.session().queued_messages(), 2);
}

#[test]
fn identifiers_of_subscriptions_are_counted() {
    let one_with_ids = FIXED + 1 + 10 * 4;
    let mut client = with_bytes(one_with_ids + FIXED + 1);
    client.room(0);
    let ids: Vec<u32> = (1..=10).collect();
    assert_eq!(client.deliver(&parcel("a", 1).ids(&ids)), "queued");
    assert_eq!(client.session().queued_bytes(), one_with_ids);
    let two = parcel("b", 1).ids(&ids[..2]);
    assert_eq!(client.deliver(&two), "dropped, QueueFull");
    assert_eq!(client.deliver(&parcel("b", 1).ids(&ids[..1])), "queued");
    let sent = client.room(usize::MAX);
    assert!(sent.contains(&format!("ids {ids:?}")), "{sent}");
    assert!(sent.ends_with("ids [1]"), "{sent}");
}

#[test]
fn as_many_of_qos_0_go_as_a_large_message_takes() {
    let mut client = with_bytes(4 * (FIXED + 1));
    client.room(0);
    client.deliver_all(&["a", "b", "c", "d"], 0);
    let large = parcel("e", 1).payload(FIXED + 2);
    assert_eq!(client.deliver(&large), "queued in place of 3");
}

#[test]
fn one_message_fits_however_large_it_is() {
    for qos in 1..3 {
        let mut client = with_bytes(200);
        client.room(0);
        client.deliver_all(&["a", "b"], 0);
        let huge = parcel("huge", qos).payload(1000);
        assert_eq!(client.deliver(&huge), "queued in place of 2");
        assert_eq!(client.deliver(&parcel("c", 0)), "dropped, QueueFull");
        assert_eq!(client.deliver(&parcel("c", 1)), "dropped, QueueFull");
        assert!(client.room(1).starts_with("PUBLISH huge"));
    }
}

#[test]
fn nothing_is_dropped_for_what_does_not_fit_anyway() {
    let mut client = with_bytes(4 * (FIXED + 1));
    client.room(0);
    client.deliver(&parcel("a", 1));
    client.deliver_all(&["b", "c"], 0);
    let huge = parcel("huge", 1).payload(1000);
    assert_eq!(client.deliver(&huge), "dropped, QueueFull");
    assert_eq!(
        client.room(usize::MAX),
        "PUBLISH b q0; PUBLISH c q0; PUBLISH a q1 #1"
    );
}

#[test]
fn what_has_expired_takes_no_place() {
    for qos in 0..3 {
        let mut client = with_messages(2);
        client.room(0);
        let soon = client.in_s(1);
        client.deliver(&parcel("a", qos).expires(soon));
        client.deliver(&parcel("b", qos));
        client.wait_s(1);
        assert_eq!(client.deliver(&parcel("c", qos)), "queued");
        let sent = client.room(usize::MAX);
        assert!(!sent.contains("PUBLISH a"), "{sent}");
        assert!(sent.contains("PUBLISH b"), "{sent}");
        assert!(sent.contains("PUBLISH c"), "{sent}");
    }
}

#[test]
fn the_next_to_expire_is_known_after_the_first_is_gone() {
    let mut client = with_messages(2);
    client.room(0);
    let (first, second) = (client.in_s(1), client.in_s(3));
    client.deliver(&parcel("a", 1).expires(first));
    client.deliver(&parcel("b", 1).expires(second));
    client.wait_s(1);
    assert_eq!(client.deliver(&parcel("c", 1)), "queued");
    assert_eq!(client.deliver(&parcel("d", 1)), "dropped, QueueFull");
    client.wait_s(2);
    assert_eq!(client.deliver(&parcel("d", 1)), "queued");
    assert_eq!(client.room(usize::MAX), "PUBLISH c q1 #1; PUBLISH d q1 #2");
}

#[test]
fn a_session_without_a_connection_keeps_what_must_arrive() {
    for setup in [v3(), v5()] {
        let mut client = setup.open();
        client.close();
        assert_eq!(client.deliver(&parcel("a", 0)), "dropped, Offline");
        assert_eq!(client.deliver(&parcel("b", 1)), "queued");
        assert_eq!(client.deliver(&parcel("c", 2)), "queued");
        assert_eq!(client.reconnect(), "PUBLISH b q1 #1; PUBLISH c q2 #2");
    }
}

#[test]
fn qos_0_that_waited_ends_with_the_connection() {
    let mut client = v5().open();
    client.room(0);
    client.deliver_all(&["a", "b"], 0);
    client.deliver_all(&["c"], 1);
    client.close();
    assert_eq!(client.session().queued_messages(), 1);
    assert_eq!(client.reconnect(), "PUBLISH c q1 #1");
}

#[test]
fn a_session_that_ends_with_its_connection_takes_nothing_once_it_closes() {
    let mut client = v5().with(|connect| connect.session_expiry_s = None).open();
    client.disconnect(crate::reason::ReasonCode::Success);
    for qos in 0..3 {
        assert_eq!(client.deliver(&parcel("a", qos)), "dropped, Offline");
    }
    assert_eq!(client.close(), "ended");
}

#[test]
fn what_comes_while_the_connection_closes_is_for_the_next_one() {
    let mut client = v5().open();
    client.disconnect(crate::reason::ReasonCode::Success);
    assert_eq!(client.deliver(&parcel("a", 0)), "dropped, Offline");
    assert_eq!(client.deliver(&parcel("b", 1)), "queued");
    assert_eq!(client.room(9), "");
    client.close();
    assert_eq!(client.reconnect(), "PUBLISH b q1 #1");
}
