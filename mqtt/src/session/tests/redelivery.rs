//! What a client has not acknowledged, and gets again when it is back.

use super::harness::{Setup, parcel, v3, v5};
use crate::reason::ReasonCode;

fn both() -> [Setup; 2] {
    [v3(), v5()]
}

#[test]
fn the_same_ids_in_the_same_order() {
    for setup in both() {
        let mut client = setup.open();
        client.deliver(&parcel("a", 1));
        client.deliver(&parcel("b", 2));
        client.deliver(&parcel("c", 1));
        client.close();
        for _ in 0..3 {
            assert_eq!(
                client.reconnect(),
                "PUBLISH a q1 #1 dup; PUBLISH b q2 #2 dup; PUBLISH c q1 #3 dup"
            );
            client.close();
        }
    }
}

#[test]
fn what_was_acknowledged_does_not_come_again() {
    for setup in both() {
        let mut client = setup.open();
        client.deliver_all(&["a", "b", "c"], 1);
        client.puback(2);
        client.close();
        assert_eq!(
            client.reconnect(),
            "PUBLISH a q1 #1 dup; PUBLISH c q1 #3 dup"
        );
    }
}

#[test]
fn after_pubrec_comes_pubrel_alone() {
    for setup in both() {
        let mut client = setup.open();
        client.deliver_all(&["a", "b"], 2);
        assert_eq!(client.pubrec(1), "PUBREL #1");
        client.close();
        assert_eq!(client.reconnect(), "PUBREL #1; PUBLISH b q2 #2 dup");
        client.close();
        assert_eq!(client.reconnect(), "PUBREL #1; PUBLISH b q2 #2 dup");
        assert_eq!(client.pubcomp(1), "");
        client.close();
        assert_eq!(client.reconnect(), "PUBLISH b q2 #2 dup");
    }
}

#[test]
fn a_second_pubrec_gets_a_second_pubrel() {
    let mut client = v5().open();
    client.deliver(&parcel("a", 2));
    assert_eq!(client.pubrec(1), "PUBREL #1");
    assert_eq!(client.pubrec(1), "PUBREL #1");
    assert_eq!(client.pubcomp(1), "");
    assert_eq!(client.pubrec(1), "PUBREL #1 (packet identifier not found)");
}

#[test]
fn pubrec_of_what_is_not_there() {
    let mut client = v5().open();
    assert_eq!(client.pubrec(9), "PUBREL #9 (packet identifier not found)");
    assert_eq!(client.pubrec_with(9, ReasonCode::UnspecifiedError), "");
    client.deliver(&parcel("a", 1));
    assert_eq!(client.pubrec(9), "PUBREL #9 (packet identifier not found)");
    assert_eq!(client.pubrec_with(9, ReasonCode::UnspecifiedError), "");
}

#[test]
fn a_refused_message_does_not_come_again() {
    let mut client = v5().open();
    client.deliver(&parcel("a", 2));
    client.pubrec_with(1, ReasonCode::QuotaExceeded);
    client.close();
    assert_eq!(client.reconnect(), "");
}

#[test]
fn old_messages_come_before_new_ones() {
    for qos in 1..3 {
        let mut client = v5().open();
        client.deliver(&parcel("a", qos));
        client.close();
        client.deliver(&parcel("b", qos));
        assert_eq!(client.attach(), None);
        // Before the CONNACK there is nothing that may be sent.
        assert_eq!(client.deliver(&parcel("c", qos)), "queued");
        assert_eq!(
            client.room(usize::MAX),
            format!("PUBLISH a q{qos} #1 dup; PUBLISH b q{qos} #2; PUBLISH c q{qos} #3")
        );
    }
}

#[test]
fn a_new_message_waits_for_what_is_to_be_sent_again() {
    for qos in 1..3 {
        let mut client = v5().open();
        client.deliver(&parcel("a", qos));
        client.close();
        assert_eq!(client.attach(), None);
        assert_eq!(client.deliver(&parcel("b", qos)), "queued");
        assert_eq!(
            client.room(usize::MAX),
            format!("PUBLISH a q{qos} #1 dup; PUBLISH b q{qos} #2")
        );
    }
}

#[test]
fn an_acknowledgement_may_come_before_the_message_does_again() {
    let mut client = v5().open();
    client.deliver_all(&["a", "b"], 1);
    client.deliver(&parcel("c", 2));
    client.close();
    assert_eq!(client.attach(), None);
    client.wire.room = 0;
    assert_eq!(client.puback(1), "");
    assert_eq!(client.pubrec(3), "PUBREL #3");
    assert_eq!(client.room(9), "PUBLISH b q1 #2 dup; PUBREL #3");
    assert_eq!(client.session().inflight_messages(), 2);
}

#[test]
fn qos_0_does_not_come_again() {
    let mut client = v5().open();
    client.deliver(&parcel("a", 0));
    client.close();
    assert_eq!(client.reconnect(), "");
}

#[test]
fn ids_in_use_are_not_given_to_new_messages() {
    let mut client = v5().open();
    client.deliver_all(&["a", "b"], 1);
    client.puback(1);
    client.close();
    client.reconnect();
    assert_eq!(client.deliver(&parcel("c", 1)), "PUBLISH c q1 #3");
}

#[test]
fn all_that_belongs_to_a_message_comes_again() {
    let mut client = v5().open();
    let whole = parcel("a", 1)
        .retained()
        .ids(&[3, 4])
        .expires(client.in_s(10));
    assert_eq!(
        client.deliver(&whole),
        "PUBLISH a q1 #1 retain expiry 10 ids [3, 4]"
    );
    client.close();
    client.wait_s(4);
    assert_eq!(
        client.reconnect(),
        "PUBLISH a q1 #1 dup retain expiry 6 ids [3, 4]"
    );
}

#[test]
fn all_that_belongs_to_a_message_waits_with_it() {
    let mut client = v5().open();
    client.close();
    let whole = parcel("a", 1).retained().ids(&[3]).expires(client.in_s(10));
    client.deliver(&whole);
    client.wait_s(4);
    assert_eq!(
        client.reconnect(),
        "PUBLISH a q1 #1 retain expiry 6 ids [3]"
    );
}

#[test]
fn a_client_may_come_back_with_another_version() {
    let mut client = v5().open();
    client.deliver(&parcel("a", 1).ids(&[3]).expires(client.in_s(10)));
    client.wire.sizes.clear();
    client.close();
    client.reconnect_as(|connect| connect.version = crate::version::Version::V3_1_1);
    assert_eq!(client.wire.sizes, [7]);
}

#[test]
fn time_that_passed_is_taken_off_the_expiry() {
    let mut client = v5().open();
    let message = parcel("a", 0).expires(client.in_s(10));
    for (millis, left) in [(0, 10), (1, 10), (999, 9), (8_000, 1), (999, 1)] {
        client.wait_ms(millis);
        assert_eq!(
            client.deliver(&message),
            format!("PUBLISH a q0 expiry {left}")
        );
    }
    client.wait_ms(1);
    assert_eq!(client.deliver(&message), "dropped, Expired");
}

#[test]
fn a_message_may_expire_while_it_waits() {
    for qos in 0..3 {
        let mut client = v5().open();
        client.room(0);
        let message = parcel("a", qos).expires(client.in_s(10));
        client.deliver(&message);
        client.wait_ms(9_999);
        assert_eq!(client.deliver(&message), "queued");
        client.wait_ms(1);
        assert_eq!(client.deliver(&message), "dropped, Expired");
        assert_eq!(client.room(9), "");
        assert_eq!(client.session().queued_messages(), 0);
    }
}

#[test]
fn a_message_may_expire_while_nobody_is_there() {
    let mut client = v5().open();
    client.close();
    let message = parcel("a", 1).expires(client.in_s(10));
    client.deliver(&message);
    client.deliver(&parcel("b", 1));
    client.wait_s(10);
    assert_eq!(client.deliver(&message), "dropped, Expired");
    let sent = client.reconnect();
    assert!(sent.starts_with("PUBLISH b"), "{sent}");
}

#[test]
fn what_was_sent_once_does_not_expire() {
    let mut client = v5().open();
    client.deliver(&parcel("a", 1).expires(client.in_s(10)));
    client.close();
    client.wait_s(50);
    assert_eq!(client.reconnect(), "PUBLISH a q1 #1 dup expiry 1");
}
