//! The numbers by which a subscriber tells its subscriptions apart.

use quorate_model::retained::QoS;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{join, publish, subscribe, variable_integer};
use crate::connect::lasting;
use crate::support::{Client, Received, TestBroker, message};

conformance! {
    a_message_has_the_ids_of_all_its_subscriptions: v5 ["3.3.4-3", "3.3.4-4"];
    ids_of_copies_are_those_of_their_subscriptions: v5 ["3.3.4-3", "3.3.4-5"];
    an_id_from_a_client_ends_the_connection: v5 ["3.3.4-6"];
    an_id_of_0_ends_the_connection: v5 ["3.3.4-6", "4.13.1-1"];
    ids_wait_with_their_messages: v5 ["3.3.4-3"];
    retained_messages_have_the_id_of_their_subscription: v5 ["3.3.4-3"];
}

fn identifier(number: u32) -> Vec<u8> {
    join(&[&[0x0b], &variable_integer(number as usize)])
}

fn subscribe_as(client: &mut Client, filter: &str, number: Option<u32>) {
    let block = number.map(identifier).unwrap_or_default();
    client.send_bytes(&subscribe(
        Version::V5,
        1,
        &block,
        &[(filter.as_bytes(), 1)],
    ));
    assert_eq!(client.receive().body, [0, 1, 0, 1]);
}

/// In ascending order: theirs is not significant.
fn ids(received: &Received) -> Vec<u32> {
    let ids = received.publish().subscription_ids;
    let mut ids: Vec<u32> = ids.iter().map(|id| id.get()).collect();
    ids.sort_unstable();
    ids
}

fn a_message_has_the_ids_of_all_its_subscriptions() {
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    let mut publisher = broker.client(Version::V5, "publisher");
    let mut expect = |client: &mut Client, topic, expected: &[u32]| {
        publisher.publish(&message(topic, QoS::AtLeastOnce, b"x"));
        assert_eq!(ids(&client.take_message(topic, b"x")), expected);
        client.expect_silence();
    };
    subscribe_as(&mut client, "a/b", Some(1));
    expect(&mut client, "a/b", &[1]);
    subscribe_as(&mut client, "a/+", Some(128));
    subscribe_as(&mut client, "a/#", Some(268_435_455));
    subscribe_as(&mut client, "+/b", None);
    expect(&mut client, "a/b", &[1, 128, 268_435_455]);
    expect(&mut client, "a/c", &[128, 268_435_455]);
    expect(&mut client, "c/b", &[]);
    // Another number instead of the first, and none instead of one.
    subscribe_as(&mut client, "a/+", Some(7));
    expect(&mut client, "a/b", &[1, 7, 268_435_455]);
    subscribe_as(&mut client, "a/b", None);
    subscribe_as(&mut client, "a/#", None);
    expect(&mut client, "a/b", &[7]);
    client.unsubscribe(&["a/+"]);
    expect(&mut client, "a/b", &[]);
}

fn ids_of_copies_are_those_of_their_subscriptions() {
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    subscribe_as(&mut client, "$share/g/t", Some(1));
    subscribe_as(&mut client, "$share/h/+", Some(2));
    subscribe_as(&mut client, "$share/i/#", None);
    subscribe_as(&mut client, "t", Some(4));
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
    // One for each group, and one for what it has alone.
    let mut all: Vec<_> = (0..4)
        .map(|_| ids(&client.take_message("t", b"x")))
        .collect();
    all.sort_unstable();
    assert_eq!(all, [vec![], vec![1], vec![2], vec![4]]);
    client.expect_silence();
}

fn an_id_from_a_client_ends_the_connection() {
    let broker = TestBroker::start();
    for (flags, id) in [(0, None), (0b0010, Some(1)), (0b0100, Some(1))] {
        let mut client = broker.client(Version::V5, "hostile");
        client.send_bytes(&publish(Version::V5, flags, "t", id, &identifier(1), b"x"));
        client.expect_end(ReasonCode::ProtocolError);
    }
}

fn an_id_of_0_ends_the_connection() {
    let broker = TestBroker::start();
    let twice = join(&[&identifier(1), &identifier(2)]);
    for block in [identifier(0), twice] {
        let mut client = broker.client(Version::V5, "hostile");
        client.send_bytes(&subscribe(Version::V5, 1, &block, &[(b"t", 0)]));
        client.expect_end(ReasonCode::ProtocolError);
    }
}

/// They are those of the subscriptions at the time of publishing.
fn ids_wait_with_their_messages() {
    let broker = TestBroker::start();
    let connect = lasting(Version::V5, "client", false);
    let mut client = broker.connect(&connect);
    for (filter, number) in [("t", 1), ("+", 2), ("#", 3)] {
        subscribe_as(&mut client, filter, Some(number));
    }
    client.leave();
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
    let mut client = broker.connect(&connect);
    assert_eq!(ids(&client.expect_message("t", b"x")), [1, 2, 3]);
    client.vanish();
    // As well when it is sent again.
    let mut client = broker.connect(&connect);
    assert_eq!(ids(&client.take_message("t", b"x")), [1, 2, 3]);
    publisher.publish(&message("u", QoS::AtLeastOnce, b"y"));
    assert_eq!(ids(&client.take_message("u", b"y")), [2, 3]);
}

fn retained_messages_have_the_id_of_their_subscription() {
    let broker = TestBroker::start();
    let mut publisher = broker.client(Version::V5, "publisher");
    let mut retained = message("t", QoS::AtLeastOnce, b"kept");
    retained.retain = true;
    publisher.publish(&retained);
    let mut client = broker.client(Version::V5, "client");
    for (filter, number) in [("t", Some(5)), ("+", Some(6)), ("#", None)] {
        subscribe_as(&mut client, filter, number);
        let expected: Vec<u32> = number.into_iter().collect();
        assert_eq!(ids(&client.take_message("t", b"kept")), expected);
    }
    client.expect_silence();
}
