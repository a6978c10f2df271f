//! How many messages are under way to a client.

use super::harness::{Client, parcel, v3, v5};
use crate::reason::ReasonCode;

fn with_quota(quota: u16) -> Client {
    v5().with(|connect| connect.receive_maximum = quota.try_into().ok())
        .open()
}

#[test]
fn no_more_than_the_client_takes() {
    let mut client = with_quota(2);
    assert_eq!(
        client.deliver_all(&["a", "b", "c"], 1),
        "PUBLISH a q1 #1; PUBLISH b q1 #2; queued"
    );
    assert_eq!(client.session().inflight_messages(), 2);
    assert_eq!(client.session().queued_messages(), 1);
}

#[test]
fn no_more_than_the_broker_allows() {
    for setup in [v3(), v5()] {
        let mut client = setup
            .limits(|limits| limits.max_inflight = 2.try_into().unwrap())
            .open();
        client.deliver_all(&["a", "b"], 1);
        assert_eq!(client.deliver(&parcel("c", 1)), "queued");
    }
}

#[test]
fn puback_gives_the_place_back_even_with_a_refusal() {
    for reason in [ReasonCode::Success, ReasonCode::NotAuthorized] {
        let mut client = with_quota(1);
        client.deliver_all(&["a", "b"], 1);
        let ack = crate::packet::Acknowledgement::new(super::harness::id(1), reason);
        let line = client.send(crate::packet::Packet::PubAck(ack));
        assert_eq!(line, "PUBLISH b q1 #2");
    }
}

#[test]
fn pubcomp_gives_the_place_back_and_pubrec_does_not() {
    let mut client = with_quota(1);
    client.deliver_all(&["a", "b"], 2);
    assert_eq!(client.pubrec(1), "PUBREL #1");
    assert_eq!(client.pubcomp(1), "PUBLISH b q2 #2");
}

#[test]
fn pubrec_with_a_refusal_gives_the_place_back() {
    let mut client = with_quota(1);
    client.deliver_all(&["a", "b", "c"], 2);
    for (id, next) in [(1, "PUBLISH b q2 #2"), (2, "PUBLISH c q2 #3")] {
        assert_eq!(client.pubrec_with(id, ReasonCode::UnspecifiedError), next);
    }
    assert_eq!(client.pubrec_with(3, ReasonCode::UnspecifiedError), "");
    assert_eq!(client.session().inflight_messages(), 0);
}

#[test]
fn what_was_not_sent_cannot_be_acknowledged() {
    let mut client = with_quota(1);
    client.deliver_all(&["a", "b"], 1);
    assert_eq!(client.puback(2), "");
    assert_eq!(client.puback(9), "");
    assert_eq!(client.session().inflight_messages(), 1);
    assert_eq!(client.puback(1), "PUBLISH b q1 #2");
    assert_eq!(client.puback(1), "");
    assert_eq!(client.session().inflight_messages(), 1);
}

#[test]
fn the_wrong_acknowledgement_is_none() {
    let mut client = with_quota(2);
    client.deliver(&parcel("a", 1));
    client.deliver(&parcel("b", 2));
    assert_eq!(client.pubrec(1), "");
    assert_eq!(client.pubcomp(1), "");
    assert_eq!(client.puback(2), "");
    assert_eq!(client.pubcomp(2), "");
    assert_eq!(client.session().inflight_messages(), 2);
    assert_eq!(client.pubrec(2), "PUBREL #2");
    assert_eq!(client.puback(2), "");
    assert_eq!(client.session().inflight_messages(), 2);
}

#[test]
fn order_holds_under_a_window_of_1() {
    let mut client = with_quota(1);
    client.deliver(&parcel("a", 1));
    client.deliver(&parcel("b", 2));
    client.deliver(&parcel("c", 1));
    client.deliver(&parcel("d", 2));
    assert_eq!(client.puback(1), "PUBLISH b q2 #2");
    assert_eq!(client.pubrec(2), "PUBREL #2");
    assert_eq!(client.pubcomp(2), "PUBLISH c q1 #3");
    assert_eq!(client.deliver(&parcel("e", 1)), "queued");
    assert_eq!(client.puback(3), "PUBLISH d q2 #4");
    assert_eq!(client.pubrec(4), "PUBREL #4");
    assert_eq!(client.pubcomp(4), "PUBLISH e q1 #5");
}

#[test]
fn a_place_that_a_dropped_message_would_take_goes_to_the_next() {
    let mut client = with_quota(1);
    let soon = client.in_s(1);
    client.deliver(&parcel("a", 1));
    client.deliver(&parcel("b", 1).expires(soon));
    client.deliver(&parcel("c", 1));
    client.wait_s(1);
    let sent = client.puback(1);
    assert!(sent.starts_with("PUBLISH c q1"), "{sent}");
}

#[test]
fn acknowledgements_out_of_order_are_as_good() {
    let mut client = with_quota(3);
    client.deliver_all(&["a", "b", "c", "d", "e"], 1);
    assert_eq!(client.puback(2), "PUBLISH d q1 #4");
    assert_eq!(client.puback(4), "PUBLISH e q1 #5");
    assert_eq!(client.puback(1), "");
    assert_eq!(client.session().inflight_messages(), 2);
}

#[test]
fn ids_go_round_and_leave_out_those_in_use() {
    let mut client = with_quota(2);
    client.deliver(&parcel("old", 1));
    for id in 2..=u16::MAX {
        assert_eq!(
            client.deliver(&parcel("a", 1)),
            format!("PUBLISH a q1 #{id}")
        );
        client.puback(id);
    }
    assert_eq!(client.deliver(&parcel("a", 1)), "PUBLISH a q1 #2");
}

#[test]
fn messages_that_are_never_released_do_not_pile_up() {
    let mut client = with_quota(2);
    for _ in 0..10 {
        client.deliver_all(&["a", "b"], 2);
        for id in 1..=2 {
            client.pubrec(id);
        }
        client.close();
        assert_eq!(client.session().inflight_messages(), 2);
        client.reconnect();
    }
    assert!(client.pubcomp(1).starts_with("PUBLISH a q2"));
}

#[test]
fn a_smaller_window_holds_for_what_is_sent_again() {
    let mut client = with_quota(3);
    client.deliver_all(&["a", "b", "c"], 1);
    client.close();
    let sent = client.reconnect_as(|connect| connect.receive_maximum = 1.try_into().ok());
    assert_eq!(sent, "PUBLISH a q1 #1 dup");
    assert_eq!(client.deliver(&parcel("d", 1)), "queued");
    assert_eq!(client.puback(1), "PUBLISH b q1 #2 dup");
    assert_eq!(client.puback(2), "PUBLISH c q1 #3 dup");
    assert_eq!(client.puback(3), "PUBLISH d q1 #4");
}

#[test]
fn what_is_sent_again_waits_for_room_too() {
    let mut client = with_quota(3);
    client.deliver_all(&["a", "b", "c"], 1);
    client.close();
    assert_eq!(client.attach(), None);
    assert_eq!(client.room(1), "PUBLISH a q1 #1 dup");
    assert_eq!(client.puback(1), "");
    assert_eq!(client.room(1), "PUBLISH b q1 #2 dup");
    assert_eq!(client.room(9), "PUBLISH c q1 #3 dup");
}
