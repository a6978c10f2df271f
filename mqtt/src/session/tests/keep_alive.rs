//! How long a client may be silent.

use super::harness::{Client, parcel, v3, v5};
use crate::moment::Moment;
use crate::packet::Packet;
use crate::reason::ReasonCode;

const GONE: &str = "DISCONNECT (keep alive timeout); close (keep alive timeout)";

fn every_10_s() -> Client {
    v5().with(|connect| connect.keep_alive_s = 10).open()
}

#[test]
fn one_and_a_half_times_as_long_as_it_said() {
    let mut client = every_10_s();
    assert_eq!(client.wait_ms(14_999), "");
    assert_eq!(client.wait_ms(1), GONE);
    let mut client = v3().with(|connect| connect.keep_alive_s = 2).open();
    assert_eq!(client.wait_ms(2_999), "");
    assert_eq!(client.wait_ms(1), "close (keep alive timeout)");
}

#[test]
fn any_packet_counts() {
    let mut client = every_10_s();
    for _ in 0..5 {
        client.wait_s(14);
        assert_eq!(client.send(Packet::PingReq), "PINGRESP");
        client.wait_s(14);
        client.publish("a", 0, 0);
        client.wait_s(14);
        client.puback(9);
    }
    assert_eq!(client.wait_s(15), GONE);
}

#[test]
fn what_is_sent_to_the_client_does_not_count() {
    let mut client = every_10_s();
    for _ in 0..14 {
        assert_eq!(client.wait_s(1), "");
        client.deliver(&parcel("a", 0));
        client.room(usize::MAX);
    }
    assert_eq!(client.wait_s(1), GONE);
}

#[test]
fn a_verdict_does_not_count() {
    let mut client = every_10_s();
    client.publish("a", 1, 1);
    client.wait_s(14);
    assert_eq!(client.accept(1), "PUBACK #1");
    assert_eq!(client.wait_s(1), GONE);
}

#[test]
fn zero_turns_it_off() {
    let mut client = v5().open();
    assert_eq!(client.session().next_timeout(), Moment::NEVER);
    client.send(Packet::PingReq);
    assert_eq!(client.session().next_timeout(), Moment::NEVER);
}

#[test]
fn the_broker_may_set_it() {
    let mut client = v5()
        .with(|connect| connect.keep_alive_s = 1000)
        .limits(|limits| limits.server_keep_alive_s = Some(10))
        .open();
    assert_eq!(client.wait_ms(14_999), "");
    assert_eq!(client.wait_ms(1), GONE);
}

#[test]
fn a_new_connection_begins_anew() {
    let mut client = every_10_s();
    client.wait_s(14);
    client.close();
    client.wait_s(14);
    client.reconnect_as(|connect| connect.keep_alive_s = 20);
    assert_eq!(client.wait_ms(29_999), "");
    assert_eq!(client.wait_ms(1), GONE);
}

#[test]
fn it_ends_with_the_connection() {
    let mut client = every_10_s();
    client.disconnect(ReasonCode::Success);
    assert_eq!(client.wait_s(20), "");
    client.close();
    assert_eq!(client.wait_s(20), "");
}

#[test]
fn a_tick_too_early_does_nothing() {
    let mut client = every_10_s();
    assert_eq!(client.handle(crate::session::Input::Tick), "");
    assert_eq!(client.wait_s(15), GONE);
}
