//! What is faster than it may be waits, and nothing is lost.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::{Duration, Instant};

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::version::Version;

use crate::support::{Authority, Client, TestBroker, Way, listener, message};

/// Lets a client flood its own subscription over each carrier, and says how long the
/// answers took at least.
fn flood(
    adapt: impl Fn(&mut quorate_broker::ListenerConfig),
    messages: u32,
    payload_bytes: usize,
) -> Duration {
    let authority = Authority::make();
    let mut fastest = Duration::MAX;
    // Plain, TLS, WebSocket, both; with a proxy as well.
    let ways: Vec<_> = Way::all(&authority).into_iter().take(5).collect();
    let listeners = ways.iter().map(|(carrier, _)| {
        let mut listener = listener(carrier.clone());
        adapt(&mut listener);
        listener
    });
    let broker = TestBroker::on(listeners.collect());
    let floods = ways.iter().zip(broker.broker().addresses());
    std::thread::scope(|scope| {
        let floods: Vec<_> = floods
            .enumerate()
            .map(|(at, ((_, way), address))| {
                scope.spawn(move || {
                    let mut client = Client::over(way.open(*address), Version::V5);
                    client.connect(&Connect::new(Version::V5, &format!("flood-{at}")));
                    let topic = format!("flood/{at}");
                    client.subscribe_to(&topic, QoS::AtMostOnce);
                    flood_one(&mut client, &topic, messages, payload_bytes)
                })
            })
            .collect();
        for flood in floods {
            fastest = fastest.min(flood.join().unwrap());
        }
    });
    fastest
}

fn flood_one(client: &mut Client, topic: &str, messages: u32, payload_bytes: usize) -> Duration {
    let began = Instant::now();
    let mut bytes = Vec::new();
    for number in 0..messages {
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(payload_bytes, 7);
        let publish = Packet::Publish(message(topic, QoS::AtMostOnce, &payload));
        quorate_mqtt::codec::encode(Version::V5, &publish, &mut bytes);
    }
    client.send_bytes(&bytes);
    for number in 0..messages {
        let received = client.receive();
        let payload = received.publish().payload;
        assert_eq!(payload[..4], number.to_be_bytes());
        assert_eq!(payload.len(), payload_bytes);
    }
    let took = began.elapsed();
    client.expect_silence();
    took
}

#[test]
fn messages_come_as_fast_as_they_may() {
    let rate = NonZeroU32::new(100);
    // A hundred are saved up.
    let took = flood(|listener| listener.max_messages_rate = rate, 300, 100);
    assert!(took >= Duration::from_millis(1900), "{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn bytes_come_as_fast_as_they_may() {
    let rate = NonZeroU64::new(50_000);
    let took = flood(|listener| listener.max_bytes_rate = rate, 15, 10_000);
    assert!(took >= Duration::from_millis(1700), "{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn both_limits_hold_together() {
    let took = flood(
        |listener| {
            listener.max_bytes_rate = NonZeroU64::new(20_000);
            listener.max_messages_rate = NonZeroU32::new(30);
        },
        60,
        10,
    );
    assert!(took >= Duration::from_millis(900), "{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn connections_come_as_fast_as_they_may() {
    let mut slow = listener(quorate_broker::Carrier::TCP);
    slow.max_connect_rate = NonZeroU32::new(10);
    let broker = TestBroker::on(vec![slow]);
    let began = Instant::now();
    let mut clients: Vec<_> = (0..25).map(|_| broker.socket(Version::V5)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.connect(&Connect::new(Version::V5, &format!("client-{number}")));
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(1400), "{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    for client in &mut clients {
        client.expect_silence();
    }
}

#[test]
fn each_listener_counts_its_own_connections() {
    let mut small = listener(quorate_broker::Carrier::TCP);
    small.max_connections = 2;
    let broker = TestBroker::on(vec![small, listener(quorate_broker::Carrier::TCP)]);
    let addresses = broker.broker().addresses();
    let open = |listener: usize, id: &str| {
        let mut client = Client::open(addresses[listener], Version::V5);
        client.connect(&Connect::new(Version::V5, id));
        client
    };
    let _first = open(0, "one");
    let second = open(0, "two");
    Client::open(addresses[0], Version::V5).expect_closed();
    open(1, "three").expect_silence();
    drop(second);
    loop {
        let mut client = Client::open(addresses[0], Version::V5);
        if client.stream.write_all(&[0x10]).is_ok() && is_waiting(&mut client) {
            return;
        }
    }
}

/// A PINGREQ instead of a CONNECT would be refused; the rest of a CONNECT is not.
fn is_waiting(client: &mut Client) -> bool {
    let mut bytes = Vec::new();
    let connect = Packet::Connect(Connect::new(Version::V5, "four"));
    quorate_mqtt::codec::encode(Version::V5, &connect, &mut bytes);
    client.stream.write_all(&bytes[1..]).is_ok() && client.try_receive().is_some()
}
