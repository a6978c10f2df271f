//! How long a session outlives its connection.

use super::harness::{Client, parcel, v3, v5};
use crate::moment::Moment;
use crate::reason::ReasonCode;
use crate::session::Farewell;

const REFUSED: &str = "DISCONNECT (protocol error); close (protocol error)";

fn expiring(seconds: u32) -> Client {
    v5().with(|connect| connect.session_expiry_s = Some(seconds))
        .open()
}

#[test]
fn without_an_expiry_it_ends_with_the_connection() {
    assert_eq!(expiring(0).close(), "ended");
    let mut client = v5().with(|connect| connect.session_expiry_s = None).open();
    assert_eq!(client.close(), "ended");
    let mut client = v3().with(|connect| connect.clean_start = true).open();
    assert_eq!(client.close(), "ended");
}

#[test]
fn it_ends_when_nobody_comes_back() {
    let mut client = expiring(10);
    assert_eq!(client.close(), "detached");
    assert!(!client.session().is_attached());
    assert_eq!(client.wait_ms(9_999), "");
    assert_eq!(client.wait_ms(1), "ended");
}

#[test]
fn it_does_not_end_while_the_client_is_there() {
    let mut client = expiring(10);
    assert_eq!(client.wait_s(100), "");
    client.close();
    client.wait_s(9);
    client.reconnect();
    assert!(client.session().is_attached());
    assert_eq!(client.wait_s(100), "");
    client.close();
    assert_eq!(client.wait_s(9), "");
    assert_eq!(client.wait_s(1), "ended");
}

#[test]
fn version_3_has_the_expiry_of_the_broker() {
    let mut client = v3().limits(|limits| limits.session_expiry_v3_s = 60).open();
    client.close();
    assert_eq!(client.wait_s(59), "");
    assert_eq!(client.wait_s(1), "ended");
}

#[test]
fn the_broker_has_the_last_word() {
    for setup in [
        v3(),
        v5().with(|connect| connect.session_expiry_s = Some(u32::MAX)),
    ] {
        let client = setup
            .limits(|limits| limits.session_expiry_max_s = 60)
            .open();
        assert_eq!(client.session().session_expiry_s(), 60);
    }
}

#[test]
fn for_ever_is_for_ever() {
    let mut client = v5()
        .with(|connect| connect.session_expiry_s = Some(u32::MAX))
        .limits(|limits| limits.session_expiry_max_s = u32::MAX)
        .open();
    client.close();
    assert_eq!(client.session().next_timeout(), Moment::NEVER);
    assert_eq!(client.wait_s(u64::from(u32::MAX) + 1), "");
}

#[test]
fn one_second_less_than_for_ever_is_not() {
    let mut client = v5()
        .with(|connect| connect.session_expiry_s = Some(u32::MAX - 1))
        .limits(|limits| limits.session_expiry_max_s = u32::MAX)
        .open();
    client.close();
    assert_eq!(client.wait_s(u64::from(u32::MAX) - 1), "ended");
}

#[test]
fn disconnect_may_change_it() {
    let mut client = expiring(10);
    assert_eq!(client.disconnect_expiring(20), "close (success)");
    client.close();
    assert_eq!(client.wait_s(19), "");
    assert_eq!(client.wait_s(1), "ended");
}

#[test]
fn disconnect_may_end_it() {
    let mut client = expiring(10);
    client.disconnect_expiring(0);
    assert_eq!(client.close(), "ended");
}

#[test]
fn disconnect_is_held_to_the_cap_too() {
    let mut client = v5()
        .limits(|limits| limits.session_expiry_max_s = 100)
        .open();
    client.disconnect_expiring(1000);
    client.close();
    assert_eq!(client.wait_s(100), "ended");
}

#[test]
fn disconnect_cannot_keep_what_was_to_end() {
    assert_eq!(expiring(0).disconnect_expiring(1), REFUSED);
    assert_eq!(expiring(0).disconnect_expiring(u32::MAX), REFUSED);
    assert_eq!(expiring(0).disconnect_expiring(0), "close (success)");
}

#[test]
fn a_broker_that_keeps_no_session_takes_every_disconnect() {
    let mut client = v5()
        .with(|connect| connect.will = Some(super::harness::will("w", 0)))
        .limits(|limits| limits.session_expiry_max_s = 0)
        .open();
    assert_eq!(client.disconnect_expiring(100), "close (success)");
    assert_eq!(client.close(), "ended");
}

#[test]
fn the_next_connection_has_an_expiry_of_its_own() {
    let mut client = expiring(10);
    client.close();
    client.reconnect_as(|connect| connect.session_expiry_s = Some(30));
    client.close();
    assert_eq!(client.wait_s(29), "");
    assert_eq!(client.wait_s(1), "ended");
}

#[test]
fn the_broker_may_end_it() {
    let end = Farewell {
        ends_session: true,
        ..Farewell::new(ReasonCode::AdministrativeAction)
    };
    let mut attached = expiring(10);
    attached.farewell(&end);
    assert_eq!(attached.close(), "ended");

    let mut closing = expiring(10);
    closing.disconnect(ReasonCode::Success);
    assert_eq!(closing.farewell(&end), "");
    assert_eq!(closing.close(), "ended");

    let mut detached = expiring(10);
    detached.close();
    assert_eq!(detached.farewell(&end), "ended");
}

#[test]
fn a_farewell_to_nobody_changes_nothing() {
    let mut client = expiring(10);
    client.close();
    assert_eq!(
        client.farewell(&Farewell::new(ReasonCode::ServerShuttingDown)),
        ""
    );
    assert_eq!(client.wait_s(9), "");
    assert_eq!(client.wait_s(1), "ended");
}

#[test]
fn nothing_is_kept_for_a_session_that_has_nothing() {
    let mut client = expiring(10);
    client.deliver(&parcel("a", 1));
    client.publish("a", 2, 1);
    client.accept(1);
    client.puback(1);
    client.pubrel(1);
    client.close();
    assert!(client.session().outbound.is_none());
    assert!(client.session().inbound.is_none());
}

#[test]
#[should_panic(expected = "wants a new session")]
fn a_client_that_wants_a_new_session_does_not_get_the_old_one() {
    let mut client = expiring(10);
    client.close();
    let opening = v5().opening();
    let _ = client.session.as_mut().unwrap().attach(opening, client.now);
}

#[test]
#[should_panic(expected = "another client")]
fn a_session_belongs_to_one_client() {
    let mut client = expiring(10);
    client.close();
    let opening = v5()
        .with(|connect| {
            connect.clean_start = false;
            connect.client_id = "d";
        })
        .opening();
    let _ = client.session.as_mut().unwrap().attach(opening, client.now);
}

#[test]
#[should_panic(expected = "still connected")]
fn a_session_has_one_connection() {
    let mut client = expiring(10);
    let opening = v5().with(|connect| connect.clean_start = false).opening();
    let _ = client.session.as_mut().unwrap().attach(opening, client.now);
}
