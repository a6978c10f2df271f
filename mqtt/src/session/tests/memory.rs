//! What a session takes while nothing happens: there are many of them.

use super::harness::{parcel, v3, v5};
use crate::packet::Packet;

#[test]
fn who_only_listens_keeps_nothing() {
    for mut client in [v3().open(), v5().open()] {
        client.deliver(&parcel("a", 0));
        client.send(Packet::PingReq);
        client.puback(1);
        client.pubrec(1);
        client.pubrel(1);
        client.pubcomp(1);
        assert!(client.session().outbound.is_none());
        assert!(client.session().inbound.is_none());
    }
}

#[test]
fn who_only_sends_qos_1_keeps_nothing() {
    for mut client in [v3().open(), v5().open()] {
        client.publish("a", 1, 1);
        client.accept(1);
        assert!(client.session().outbound.is_none());
        assert!(client.session().inbound.is_none());
    }
}
