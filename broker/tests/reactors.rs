//! Clients of several reactors, as if there were one.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeSet;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use quorate_broker::{ControlPlane, SharedStrategy};
use quorate_model::retained::QoS;
use quorate_mqtt::codec::encode;
use quorate_mqtt::packet::{Connect, LastWill, Packet, SubscriptionOptions};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;
use support::{Client, LocalPlane, Received, TestBroker, id, message};

/// Enough clients that each reactor has some.
const CLIENTS: usize = 24;

fn broker() -> TestBroker {
    TestBroker::configured(|config| config.threads = 4)
}

fn persistent(name: &str) -> Connect<'_> {
    Connect {
        clean_start: false,
        session_expiry_s: Some(600),
        ..Connect::new(Version::V5, name)
    }
}

/// The messages that a client has been sent by now.
fn all_that_came(client: &mut Client) -> Vec<Received> {
    client.send(&Packet::PingReq);
    let received = std::iter::from_fn(|| {
        let received = client.receive();
        (received.packet() != Packet::PingResp).then_some(received)
    });
    received.collect()
}

#[test]
fn messages_of_each_publisher_come_to_all_in_their_order() {
    const MESSAGES: usize = 300;
    let broker = broker();
    let mut subscribers: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let mut subscriber = broker.client(Version::V5, &format!("subscriber {number}"));
            // Several that match, and one message each.
            subscriber.subscribe_to("all/#", QoS::AtLeastOnce);
            subscriber.subscribe_to("all/+", QoS::AtMostOnce);
            subscriber
        })
        .collect();
    thread::scope(|scope| {
        for publisher in 0..4 {
            let mut client = broker.client(Version::V5, &format!("publisher {publisher}"));
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    let payload = format!("{publisher} {number}");
                    let topic = format!("all/{publisher}");
                    client.publish(&message(&topic, QoS::AtLeastOnce, payload.as_bytes()));
                }
            });
        }
        for subscriber in &mut subscribers {
            scope.spawn(|| {
                let mut next = [0; 4];
                for _ in 0..4 * MESSAGES {
                    let received = subscriber.receive();
                    let publish = received.publish();
                    let text = str::from_utf8(publish.payload).unwrap();
                    let (publisher, number) = text.split_once(' ').unwrap();
                    let publisher: usize = publisher.parse().unwrap();
                    assert_eq!(number.parse(), Ok(next[publisher]));
                    next[publisher] += 1;
                    subscriber.acknowledge(&publish);
                }
            });
        }
    });
    for subscriber in &mut subscribers {
        subscriber.expect_silence();
    }
}

#[test]
fn a_client_finds_its_session_again() {
    let broker = broker();
    let names: Vec<String> = (0..CLIENTS).map(|number| format!("c{number}")).collect();
    for name in &names {
        let mut client = broker.connect(&persistent(name));
        client.subscribe_to(&format!("to/{name}"), QoS::ExactlyOnce);
    }
    let mut publisher = broker.client(Version::V5, "publisher");
    for name in &names {
        let topic = format!("to/{name}");
        publisher.publish(&message(&topic, QoS::ExactlyOnce, name.as_bytes()));
    }
    for name in &names {
        let mut client = broker.socket(Version::V5);
        let connack = client.connect(&persistent(name));
        assert!(matches!(connack.packet(), Packet::ConnAck(connack) if connack.session_present));
        let received = client.receive();
        assert_eq!(received.publish().payload, name.as_bytes());
        client.acknowledge(&received.publish());
    }
}

#[test]
fn a_client_that_was_given_its_id_finds_its_session_again() {
    let broker = broker();
    for _ in 0..CLIENTS {
        let mut client = broker.socket(Version::V5);
        let connack = client.connect(&persistent(""));
        let Packet::ConnAck(connack) = connack.packet() else {
            panic!("{connack:?}");
        };
        let given = connack.offer.assigned_client_id.unwrap().to_owned();
        drop(client);
        let mut client = broker.socket(Version::V5);
        let connack = client.connect(&persistent(&given));
        assert!(matches!(connack.packet(), Packet::ConnAck(ack) if ack.session_present));
    }
}

#[test]
fn a_second_connection_takes_over_from_the_first() {
    let broker = broker();
    for number in 0..CLIENTS {
        let name = format!("c{number}");
        let mut first = broker.client(Version::V5, &name);
        let _second = broker.client(Version::V5, &name);
        assert!(matches!(first.receive().packet(), Packet::Disconnect(_)));
        assert!(first.try_receive().is_none());
    }
}

#[test]
fn a_group_over_all_reactors_gets_each_message_once() {
    let broker = broker();
    let mut members: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let mut member = broker.client(Version::V5, &format!("member {number}"));
            member.subscribe_to("$share/group/jobs/#", QoS::AtLeastOnce);
            member
        })
        .collect();
    let mut publisher = broker.client(Version::V5, "publisher");
    // Half of them go, in the midst of it; what they have not acknowledged is handed on.
    let publish = |publisher: &mut Client, numbers: std::ops::Range<u32>| {
        for number in numbers {
            let payload = number.to_string();
            publisher.publish(&message("jobs/x", QoS::AtLeastOnce, payload.as_bytes()));
        }
    };
    publish(&mut publisher, 0..240);
    members.truncate(CLIENTS / 2);
    publish(&mut publisher, 240..480);
    let mut found = BTreeSet::new();
    while found.len() < 480 {
        for member in &mut members {
            for received in all_that_came(member) {
                let text = str::from_utf8(received.publish().payload).unwrap();
                assert!(found.insert(text.parse::<u32>().unwrap()), "{text} twice");
                member.acknowledge(&received.publish());
            }
        }
    }
    for member in &mut members {
        member.expect_silence();
    }
}

/// A filter that is wanted and not wanted by turns on all reactors is known to the cluster
/// in the end exactly if somebody wants it.
#[test]
fn the_cluster_knows_what_is_wanted() {
    let broker = broker();
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|number| broker.client(Version::V5, &format!("c{number}")))
        .collect();
    thread::scope(|scope| {
        for (number, client) in clients.iter_mut().enumerate() {
            scope.spawn(move || {
                for round in 0..40 {
                    client.subscribe_to("wanted", QoS::AtMostOnce);
                    if round < 39 || number > 0 {
                        client.unsubscribe(&["wanted"]);
                    }
                }
            });
        }
    });
    assert_eq!(broker.plane.route_count(), 1);
    clients[0].unsubscribe(&["wanted"]);
    clients[0].subscribe_to("other", QoS::AtMostOnce);
    assert_eq!(broker.plane.route_count(), 1);
    clients[0].unsubscribe(&["other"]);
    while broker.plane.route_count() > 0 {
        thread::yield_now();
    }
}

/// Whoever asks for a route that another client was refused, and has not been told of yet,
/// gets one of its own.
#[test]
fn a_route_that_was_refused_is_granted_to_nobody() {
    let broker = broker();
    let plane = &broker.plane;
    let mut refused = broker.client(Version::V5, "refused");
    let mut others: Vec<_> = (0..CLIENTS)
        .map(|number| broker.client(Version::V5, &format!("c{number}")))
        .collect();
    let options = SubscriptionOptions::of_qos(QoS::AtMostOnce);
    plane.hold_back();
    // Two proposals; the reactor looks at the cluster after the first of them, and cannot
    // go on to the second.
    for (id, filter) in [(1, "granted"), (2, "t")] {
        refused.ask_for(id, &[(filter, options)]);
        plane.wait_for_undecided(id.into());
    }
    let unseen = plane.decide_one_unseen();
    plane.lose_one();
    for other in &mut others {
        other.ask_for(1, &[("t", options)]);
    }
    plane.wait_for_undecided(1);
    drop(unseen);
    for granted in [0, 0x80] {
        assert_eq!(refused.receive().body.last(), Some(&granted));
    }
    thread::scope(|scope| {
        let deciding = scope.spawn(|| {
            for other in &mut others {
                assert_eq!(other.receive().body.last(), Some(&0));
            }
        });
        while !deciding.is_finished() {
            match plane.undecided() {
                0 => thread::sleep(Duration::from_millis(1)),
                _ => plane.decide_one(),
            }
        }
    });
    assert_eq!(plane.route_count(), 2);
}

/// One reactor has much more to do than the others, which have to wait for it.
#[test]
fn many_messages_for_one_client_are_all_delivered() {
    const MESSAGES: u16 = 400;
    let broker = TestBroker::configured(|config| {
        config.threads = 4;
        // Nobody is sent away for being slow.
        config.limits.max_queue_bytes = usize::MAX;
        config.limits.max_queue_messages = usize::MAX;
    });
    let payload = vec![7; 20_000];
    let mut subscriber = broker.client(Version::V5, "subscriber");
    subscriber.subscribe_to("flood/#", QoS::AtLeastOnce);
    let mut publishers: Vec<_> = (0..8)
        .map(|number| broker.client(Version::V5, &format!("publisher {number}")))
        .collect();
    thread::scope(|scope| {
        for publisher in &mut publishers {
            scope.spawn(|| {
                for batch in 0..MESSAGES / 20 {
                    for number in 0..20 {
                        let mut publish = message("flood/x", QoS::AtLeastOnce, &payload);
                        publish.packet_id = Some(id(1 + batch * 20 + number));
                        publisher.send(&Packet::Publish(publish));
                    }
                    for _ in 0..20 {
                        assert!(matches!(publisher.receive().packet(), Packet::PubAck(_)));
                    }
                }
            });
        }
        for _ in 0..8 * MESSAGES {
            let received = subscriber.receive();
            assert_eq!(received.publish().payload.len(), payload.len());
            subscriber.acknowledge(&received.publish());
        }
    });
}

/// What does not fit into the queue of the member that is chosen goes to another one.
#[test]
fn who_shares_takes_what_another_has_no_room_for() {
    const MESSAGES: usize = 40;
    let broker = TestBroker::configured(|config| {
        config.threads = 4;
        config.shared_strategy = SharedStrategy::Sticky;
        config.limits.max_inflight = NonZeroU16::MIN;
        config.limits.max_queue_messages = 2;
    });
    // None of them acknowledges anything.
    let mut members: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let mut member = broker.client(Version::V5, &format!("member {number}"));
            member.subscribe_to("$share/g/t", QoS::AtLeastOnce);
            member
        })
        .collect();
    let mut publisher = broker.client(Version::V5, "publisher");
    for _ in 0..MESSAGES {
        publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
    }
    let came = members.iter_mut().map(|member| all_that_came(member).len());
    let receivers = came.filter(|came| *came > 0).count();
    // One in flight and two in the queue of each.
    assert!(receivers >= MESSAGES / 3, "{receivers} have got something");
}

/// What it sent with its CONNECT has used up what it may send for now.
#[test]
fn a_client_that_is_too_fast_goes_on_at_home() {
    let broker = TestBroker::configured(|config| {
        config.threads = 4;
        config.listeners[0].max_messages_rate = NonZeroU32::new(2);
    });
    // Wherever their connections begin, most of them are at home elsewhere.
    let clients = (0..CLIENTS).map(|number| {
        let name = format!("client {number}");
        let mut client = broker.socket(Version::V3_1_1);
        let mut bytes = Vec::new();
        let connect = Packet::Connect(Connect::new(Version::V3_1_1, &name));
        encode(Version::V3_1_1, &connect, &mut bytes);
        for _ in 0..4 {
            let publish = Packet::Publish(message("t", QoS::AtLeastOnce, b"x"));
            encode(Version::V3_1_1, &publish, &mut bytes);
        }
        client.send_bytes(&bytes);
        client
    });
    let mut clients: Vec<_> = clients.collect();
    for client in &mut clients {
        assert!(matches!(client.receive().packet(), Packet::ConnAck(_)));
        for _ in 0..4 {
            assert!(matches!(client.receive().packet(), Packet::PubAck(_)));
        }
    }
}

/// The cluster decides about them after the last connection has ended.
#[test]
fn retained_wills_of_all_reactors_are_kept_when_the_broker_stops() {
    let mut broker = TestBroker::configured(|config| config.threads = 4);
    let wills: Vec<_> = (0..CLIENTS)
        .map(|number| format!("will/{number}"))
        .collect();
    let clients = wills.iter().map(|topic| {
        let will = LastWill {
            topic,
            payload: b"gone",
            qos: QoS::AtMostOnce,
            retain: true,
            delay_s: 0,
            properties: Default::default(),
        };
        broker.connect(&Connect {
            will: Some(will),
            ..Connect::new(Version::V3_1_1, topic)
        })
    });
    let clients: Vec<Client> = clients.collect();
    let plane = Arc::clone(&broker.plane);
    plane.hold_back();
    thread::scope(|scope| {
        let draining = scope.spawn(|| broker.drain());
        while !draining.is_finished() || plane.undecided() > 0 {
            thread::sleep(Duration::from_millis(10));
            while plane.undecided() > 0 {
                plane.decide_one();
            }
        }
    });
    drop(clients);
    assert_eq!(retained(&plane), wills.len());
}

fn retained(plane: &LocalPlane) -> usize {
    let mut count = 0;
    plane.view(&mut |view| count = view.retained_count());
    count
}

/// Each claims the id before the claim of the one before it is decided.
#[test]
fn the_last_of_three_quick_connections_stays() {
    let broker = TestBroker::start();
    let connect = Connect::new(Version::V5, "client");
    let begin = || {
        let mut client = broker.socket(Version::V5);
        client.send(&Packet::Connect(connect.clone()));
        client
    };
    broker.plane.hold_back();
    let mut first = begin();
    broker.plane.wait_for_undecided(1);
    let mut second = begin();
    broker.plane.wait_for_undecided(2);
    broker.plane.decide_one();
    assert!(matches!(first.receive().packet(), Packet::ConnAck(_)));
    let mut third = begin();
    broker.plane.wait_for_undecided(2);
    // The second has lost, and claims again behind the third.
    broker.plane.decide_one();
    broker.plane.wait_for_undecided(2);
    broker.plane.decide_one();
    assert!(matches!(third.receive().packet(), Packet::ConnAck(_)));
    first.expect_end(ReasonCode::SessionTakenOver);
    broker.plane.decide_one();
    second.expect_closed();
    third.expect_silence();
}
