//! What is published for a client that went without a goodbye, and when.

use super::harness::{Client, QOS, v3, v5, will};
use crate::message::{Message, SessionNumber};
use crate::moment::Moment;
use crate::packet::LastWill;
use crate::reason::ReasonCode;
use crate::session::{Context, Farewell, Input, Output};

fn with_will(delay_s: u32, session_expiry_s: u32) -> Client {
    v5().with(|connect| {
        connect.will = Some(will("w", delay_s));
        connect.session_expiry_s = Some(session_expiry_s);
    })
    .open()
}

/// What is published at once after a lost connection.
fn published(last_will: LastWill<'static>) -> Message {
    let mut client = v5()
        .with(|connect| {
            connect.will = Some(last_will);
            connect.session_expiry_s = Some(0);
        })
        .open();
    let context = Context {
        now: client.now,
        limits: &client.setup.limits,
    };
    let session = client.session.as_mut().unwrap();
    match session.handle(context, Input::Closed, &mut client.wire) {
        Output::Ended {
            will: Some(will), ..
        } => std::sync::Arc::into_inner(will).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_normal_disconnect_takes_the_will_back() {
    let mut client = with_will(0, 100);
    assert_eq!(client.disconnect(ReasonCode::Success), "close (success)");
    assert_eq!(client.close(), "detached");
    assert_eq!(client.wait_s(100), "ended");

    let mut client = v3()
        .with(|connect| connect.will = Some(will("w", 0)))
        .open();
    client.disconnect(ReasonCode::Success);
    assert_eq!(client.close(), "detached");
    assert_eq!(client.wait_s(1), "");
}

#[test]
fn every_other_disconnect_leaves_it() {
    for reason in [
        ReasonCode::DisconnectWithWill,
        ReasonCode::UnspecifiedError,
        ReasonCode::QuotaExceeded,
    ] {
        let mut client = with_will(0, 0);
        client.disconnect(reason);
        assert_eq!(client.close(), "ended; will w");
    }
}

#[test]
fn a_lost_connection_leaves_it() {
    let mut client = with_will(0, 0);
    assert_eq!(client.close(), "ended; will w");
    let mut client = with_will(0, 100);
    assert_eq!(client.close(), "detached");
    assert_eq!(client.wait_ms(0), "will w");
    assert_eq!(client.wait_s(100), "ended");
    let mut client = v3()
        .with(|connect| connect.will = Some(will("w", 0)))
        .open();
    client.close();
    assert_eq!(client.wait_ms(0), "will w");
}

#[test]
fn what_the_client_did_wrong_leaves_it() {
    let mut client = with_will(0, 0);
    client.publish_with(|publish| publish.topic_alias = 9999.try_into().ok());
    assert_eq!(client.close(), "ended; will w");
}

#[test]
fn silence_leaves_it() {
    let mut client = v5()
        .with(|connect| {
            connect.will = Some(will("w", 0));
            connect.keep_alive_s = 10;
            connect.session_expiry_s = None;
        })
        .open();
    client.wait_s(15);
    assert_eq!(client.close(), "ended; will w");
}

#[test]
fn it_waits_for_its_delay() {
    let mut client = with_will(10, 100);
    client.close();
    assert_eq!(client.wait_ms(9_999), "");
    assert_eq!(client.wait_ms(1), "will w");
    assert_eq!(client.wait_s(89), "");
    assert_eq!(client.wait_s(1), "ended");
}

#[test]
fn the_end_of_the_session_is_sooner_than_its_delay() {
    let mut client = with_will(100, 10);
    client.close();
    assert_eq!(client.wait_ms(9_999), "");
    assert_eq!(client.wait_ms(1), "ended; will w");

    let mut client = with_will(100, 0);
    assert_eq!(client.close(), "ended; will w");
}

#[test]
fn delay_and_session_end_at_once_make_one_will() {
    let mut client = with_will(10, 10);
    client.close();
    assert_eq!(client.wait_s(10), "will w; ended");
}

#[test]
fn a_session_for_ever_has_its_will_after_the_delay() {
    let mut client = v5()
        .with(|connect| {
            connect.will = Some(will("w", 10));
            connect.session_expiry_s = Some(u32::MAX);
        })
        .limits(|limits| limits.session_expiry_max_s = u32::MAX)
        .open();
    client.close();
    assert_eq!(client.wait_s(10), "will w");
}

#[test]
fn a_client_that_is_back_in_time_takes_it_back() {
    let mut client = with_will(10, 100);
    client.close();
    client.wait_s(9);
    assert_eq!(client.reconnect_as(|connect| connect.will = None), "");
    assert_eq!(client.wait_s(50), "");
    assert_eq!(client.close(), "detached");
    assert_eq!(client.wait_s(99), "");
}

#[test]
fn the_will_of_the_last_connection_counts() {
    let mut client = with_will(10, 100);
    client.close();
    client.reconnect_as(|connect| connect.will = Some(will("w2", 20)));
    client.close();
    assert_eq!(client.wait_s(19), "");
    assert_eq!(client.wait_s(1), "will w2");
}

#[test]
fn a_client_that_takes_over_its_session_leaves_a_will_without_delay() {
    let taken_over = Farewell::new(ReasonCode::SessionTakenOver);
    let mut client = with_will(0, 100);
    assert_eq!(
        client.farewell(&taken_over),
        "DISCONNECT (session taken over); close (session taken over)"
    );
    assert_eq!(client.close(), "detached");
    assert_eq!(client.reconnect(), "will w");

    let mut client = with_will(1, 100);
    client.farewell(&taken_over);
    client.close();
    assert_eq!(client.reconnect(), "");
}

#[test]
fn a_new_session_leaves_the_will_of_the_old_one() {
    let mut client = with_will(10, 100);
    client.farewell(&Farewell {
        ends_session: true,
        ..Farewell::new(ReasonCode::SessionTakenOver)
    });
    assert_eq!(client.close(), "ended; will w");

    let mut client = with_will(10, 100);
    client.close();
    let mut session = client.session.take().unwrap();
    let output = session.discard(client.now);
    assert_eq!(super::wire::told(&output).as_deref(), Some("ended; will w"));
}

#[test]
fn it_is_the_message_of_the_connect() {
    for qos in QOS {
        for retain in [false, true] {
            let message = published(LastWill {
                qos,
                retain,
                ..will("w", 0)
            });
            assert_eq!(message.topic(), "w");
            assert_eq!(message.payload(), b"gone");
            assert_eq!(message.traits().qos, qos);
            assert_eq!(message.traits().retain, retain);
            assert_eq!(message.traits().publisher, Some(SessionNumber(7)));
            assert_eq!(message.traits().expires, Moment::NEVER);
        }
    }
}

#[test]
fn its_properties_go_with_it() {
    let mut last_will = will("w", 0);
    last_will.properties.content_type = Some("t");
    last_will.properties.expiry_s = Some(9);
    let message = published(last_will);
    assert_eq!(message.properties(), b"\x03\0\x01t");
}

#[test]
fn its_expiry_counts_from_when_it_is_published() {
    let mut client = with_will(10, 100);
    client.close();
    let mut last_will = will("w", 10);
    last_will.properties.expiry_s = Some(5);
    client.reconnect_as(|connect| connect.will = Some(last_will));
    client.close();
    client.now = client.in_s(10);
    let context = Context {
        now: client.now,
        limits: &client.setup.limits,
    };
    let session = client.session.as_mut().unwrap();
    match session.handle(context, Input::Tick, &mut client.wire) {
        Output::Will(will) => assert_eq!(will.traits().expires, client.in_s(5)),
        other => panic!("{other:?}"),
    }
}
