//! Messages of shared subscriptions whose receiver is gone.

use super::harness::{Client, parcel, v5};

fn with_window_1(session_expiry_s: u32) -> Client {
    v5().with(|connect| {
        connect.receive_maximum = 1.try_into().ok();
        connect.session_expiry_s = Some(session_expiry_s);
    })
    .open()
}

#[test]
fn what_waits_goes_to_others_when_the_client_goes() {
    let mut client = with_window_1(10);
    client.deliver(&parcel("sent", 1).shared(1));
    client.deliver(&parcel("a", 1).shared(1));
    client.deliver(&parcel("mine", 1));
    client.deliver(&parcel("b", 2).shared(2));
    assert_eq!(
        client.close(),
        "detached, leaves a to group 1, leaves b to group 2"
    );
    assert_eq!(client.session().queued_messages(), 1);
    assert_eq!(client.reconnect(), "PUBLISH sent q1 #1 dup");
    assert_eq!(client.puback(1), "PUBLISH mine q1 #2");
}

#[test]
fn qos_1_that_was_sent_goes_to_others_when_the_session_ends() {
    let mut client = with_window_1(10);
    client.deliver(&parcel("a", 1).shared(1));
    assert_eq!(client.close(), "detached");
    assert_eq!(client.wait_s(10), "ended, leaves a to group 1");

    let mut client = with_window_1(0);
    client.deliver(&parcel("a", 1).shared(1));
    client.deliver(&parcel("b", 1).shared(1));
    assert_eq!(
        client.close(),
        "ended, leaves a to group 1, leaves b to group 1"
    );
}

#[test]
fn qos_2_that_was_sent_stays_with_its_receiver() {
    for is_received in [false, true] {
        let mut client = with_window_1(10);
        client.deliver(&parcel("a", 2).shared(1));
        if is_received {
            client.pubrec(1);
        }
        assert_eq!(client.close(), "detached");
        let again = client.reconnect();
        match is_received {
            true => assert_eq!(again, "PUBREL #1"),
            false => assert_eq!(again, "PUBLISH a q2 #1 dup"),
        }
        client.close();
        assert_eq!(client.wait_s(10), "ended");

        let mut client = with_window_1(0);
        client.deliver(&parcel("a", 2).shared(1));
        if is_received {
            client.pubrec(1);
        }
        assert_eq!(client.close(), "ended");
    }
}

#[test]
fn what_was_acknowledged_is_left_to_nobody() {
    let mut client = with_window_1(0);
    client.deliver(&parcel("a", 1).shared(1));
    client.puback(1);
    client.deliver(&parcel("b", 2).shared(1));
    client.pubrec(2);
    client.pubcomp(2);
    assert_eq!(client.close(), "ended");
}

#[test]
fn what_is_not_shared_is_left_to_nobody() {
    let mut client = with_window_1(0);
    client.deliver_all(&["a", "b", "c"], 1);
    assert_eq!(client.close(), "ended");
}

#[test]
fn qos_0_is_left_to_nobody() {
    let mut client = with_window_1(10);
    client.room(0);
    client.deliver(&parcel("a", 0).shared(1));
    assert_eq!(client.close(), "detached");
}

#[test]
fn what_came_meanwhile_is_left_when_the_session_ends() {
    let mut client = with_window_1(10);
    client.close();
    assert_eq!(client.deliver(&parcel("a", 2).shared(1)), "queued");
    assert_eq!(client.deliver(&parcel("b", 1)), "queued");
    assert_eq!(client.wait_s(10), "ended, leaves a to group 1");
}

#[test]
fn a_session_that_is_discarded_leaves_as_much() {
    let mut client = with_window_1(10);
    client.deliver(&parcel("a", 1).shared(1));
    client.close();
    let mut session = client.session.take().unwrap();
    let output = session.discard(client.now);
    assert_eq!(
        super::wire::told(&output).as_deref(),
        Some("ended, leaves a to group 1")
    );
}

#[test]
#[should_panic(expected = "the session is in use")]
fn a_session_in_use_is_not_discarded() {
    let mut client = with_window_1(10);
    let now = client.now;
    drop(client.session.as_mut().unwrap().discard(now));
}
