//! MQTT over everything that a listener can be.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use quorate_broker::Carrier;
use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::support::{
    Authority, Client, TestBroker, Way, connect, listener, message, over_tls, proxy_v1, websocket,
};

const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// A broker with a listener for each way, and those with their addresses.
fn everywhere(authority: &Authority) -> (TestBroker, Vec<(Way, std::net::SocketAddr)>) {
    let (carriers, ways): (Vec<_>, Vec<_>) = Way::all(authority).into_iter().unzip();
    let broker = TestBroker::on(carriers.into_iter().map(listener).collect());
    let addresses = broker.broker().addresses().to_vec();
    (broker, ways.into_iter().zip(addresses).collect())
}

fn client((way, address): &(Way, std::net::SocketAddr), id: &str) -> Client {
    let mut client = Client::over(way.open(*address), Version::V5);
    client.connect(&Connect::new(Version::V5, id));
    client
}

#[test]
fn messages_go_from_every_carrier_to_the_next() {
    let authority = Authority::make();
    let (_broker, ways) = everywhere(&authority);
    let large: Vec<u8> = (0..900_000).map(|at: u32| (at % 251) as u8).collect();
    for at in 0..ways.len() {
        let mut subscriber = client(&ways[at], "subscriber");
        let mut publisher = client(&ways[(at + 1) % ways.len()], "publisher");
        for qos in EVERY_QOS {
            subscriber.subscribe_to("a/+", qos);
            for payload in [&b"hello"[..], &large] {
                publisher.publish(&message("a/b", qos, payload));
                let received = subscriber.receive();
                let publish = received.publish();
                assert!(publish.payload == payload, "way {at}, {qos:?}");
                subscriber.acknowledge(&publish);
            }
        }
        subscriber.expect_silence();
        publisher.expect_silence();
    }
}

#[test]
fn bytes_may_come_one_by_one() {
    let authority = Authority::make();
    let (_broker, mut ways) = everywhere(&authority);
    for (at, way) in ways.iter_mut().enumerate() {
        way.0.drips = true;
        let mut client = client(way, &format!("client-{at}"));
        client.subscribe_to("own", QoS::AtLeastOnce);
        client.send(&Packet::Publish(message("own", QoS::AtMostOnce, b"drop")));
        assert_eq!(client.receive().publish().payload, b"drop");
        client.expect_silence();
    }
}

#[test]
fn a_flood_to_a_slow_reader_arrives_whole() {
    let authority = Authority::make();
    let (_broker, ways) = everywhere(&authority);
    for way in &ways[..4] {
        let mut subscriber = client(way, "subscriber");
        subscriber.subscribe_to("flood", QoS::AtLeastOnce);
        let mut publisher = client(way, "publisher");
        // More than the sockets and the output take, and less than the queue does.
        for number in 0..30_u8 {
            publisher.publish(&message("flood", QoS::AtLeastOnce, &[number; 50_000]));
        }
        for number in 0..30_u8 {
            let received = subscriber.receive();
            assert!(received.publish().payload == [number; 50_000]);
            subscriber.acknowledge(&received.publish());
        }
        subscriber.expect_silence();
    }
}

#[test]
fn a_polite_end_is_polite_on_every_carrier() {
    let authority = Authority::make();
    let (_broker, ways) = everywhere(&authority);
    for way in &ways {
        let mut first = client(way, "same");
        let second = client(way, "same");
        // Its last bytes are a DISCONNECT, a close frame, a close_notify.
        first.expect_end(ReasonCode::SessionTakenOver);
        assert_eq!(first.stream.read(&mut [0; 10]).unwrap(), 0);
        drop(second);
    }
}

#[test]
fn a_client_that_stalls_in_a_handshake_is_not_waited_for() {
    let authority = Authority::make();
    let timeout = Duration::from_millis(400);
    let brief = |carrier: Carrier| {
        let mut listener = listener(carrier);
        listener.first_packet_timeout = timeout;
        listener
    };
    let ways = Way::all(&authority);
    let listeners = ways.iter().map(|(carrier, _)| brief(carrier.clone()));
    let broker = TestBroker::on(listeners.collect());
    let began = Instant::now();
    let mut stalled = Vec::new();
    for ((_, way), address) in ways.iter().zip(broker.broker().addresses()) {
        // Nothing at all; the beginning of a proxy's header; the beginning of the next.
        stalled.push(connect(*address));
        let mut second = connect(*address);
        second
            .write_all(&way.proxy.clone().unwrap_or_default())
            .unwrap();
        stalled.push(second.try_clone().unwrap());
        let begins: &[u8] = match (&way.tls, way.has_websocket) {
            (Some(_), _) => &[22, 3, 1, 1, 0, 1, 0],
            (None, true) => b"GET /mqtt HTTP/1.1\r\nHost: ",
            (None, false) => &[0x10, 20, 0, 4],
        };
        second.write_all(begins).unwrap();
    }
    for mut stream in stalled {
        assert_eq!(stream.read(&mut [0; 10]).unwrap_or(0), 0);
        assert!(began.elapsed() >= timeout);
    }
    assert!(began.elapsed() < timeout * 8, "{:?}", began.elapsed());
    assert_eq!(
        broker
            .broker()
            .metrics()
            .connections
            .load(std::sync::atomic::Ordering::Relaxed),
        0
    );
}

#[test]
fn who_comes_around_the_proxy_is_refused() {
    let carrier = Carrier::Stream {
        proxy_protocol: true,
        tls: None,
        websocket: None,
    };
    let broker = TestBroker::on(vec![listener(carrier)]);
    let mut client = broker.socket(Version::V5);
    client.send(&Packet::Connect(Connect::new(Version::V5, "cheat")));
    client.expect_closed();
    let mut other = broker.socket(Version::V5);
    other.send_bytes(&proxy_v1());
    other.connect(&Connect::new(Version::V5, "honest"));
    other.expect_silence();
}

#[test]
fn a_connect_is_not_as_large_as_a_message() {
    let broker = TestBroker::start();
    let mut connect = Connect::new(Version::V5, "huge");
    let properties = vec![0; 65_000];
    connect.will = Some(quorate_mqtt::packet::LastWill {
        topic: "will",
        payload: &properties,
        qos: QoS::AtMostOnce,
        retain: false,
        delay_s: 0,
        properties: Default::default(),
    });
    broker.connect(&connect).expect_silence();
    // It says that it has 300 kB; not all of them are waited for.
    let mut client = broker.socket(Version::V5);
    client.send_bytes(&[0x10, 0xe0, 0xa7, 0x12, 0, 4, b'M', b'Q']);
    client.expect_closed();
}

#[test]
fn packets_before_the_answer_and_an_end_are_handled() {
    let authority = Authority::make();
    let (_broker, ways) = everywhere(&authority);
    let mut watcher = client(&ways[0], "watcher");
    watcher.subscribe_to("said", QoS::AtMostOnce);
    for (way, address) in &ways {
        let mut hasty = Client::over(way.open(*address), Version::V3_1_1);
        let mut bytes = Vec::new();
        let connect = Packet::Connect(Connect::new(Version::V3_1_1, "hasty"));
        quorate_mqtt::codec::encode(Version::V3_1_1, &connect, &mut bytes);
        let publish = Packet::Publish(message("said", QoS::AtMostOnce, b"quickly"));
        quorate_mqtt::codec::encode(Version::V3_1_1, &publish, &mut bytes);
        hasty.send_bytes(&bytes);
        drop(hasty);
        assert_eq!(watcher.receive().publish().payload, b"quickly");
    }
}

#[test]
fn other_protocols_are_turned_away_at_once() {
    let authority = Authority::make();
    let tls = |has_websocket: bool| Carrier::Stream {
        proxy_protocol: false,
        tls: Some(authority.server()),
        websocket: has_websocket.then(websocket),
    };
    let broker = TestBroker::on(vec![listener(tls(false)), listener(tls(true))]);
    let addresses = broker.broker().addresses();
    let began = Instant::now();
    // MQTT without TLS, and HTTP without WebSocket.
    let mut client = Client::open(addresses[0], Version::V5);
    client.send(&Packet::Connect(Connect::new(Version::V5, "plain")));
    let mut alert = Vec::new();
    client.stream.read_to_end(&mut alert).unwrap();
    assert_eq!(alert[0], 21);
    let mut browser = over_tls(connect(addresses[1]), &authority.client());
    browser
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut response = String::new();
    browser.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 404"), "{response}");
    assert!(began.elapsed() < Duration::from_millis(1500));
}

#[test]
fn who_is_not_in_cannot_fill_the_memory() {
    let broker = TestBroker::start();
    // Each says that it has a CONNECT of 255 kB, and keeps the last byte back; together
    // that is more than is held.
    let mut connect = vec![0x10, 0x95, 0xc8, 0x0f];
    connect.resize(255_000, 0);
    let mut hoarders: Vec<_> = (0..300)
        .map(|_| crate::support::connect(broker.address))
        .collect();
    for hoarder in &mut hoarders {
        // Those before it may have cost it its place.
        let _ = hoarder.write_all(&connect);
        hoarder.set_nonblocking(true).unwrap();
    }
    let mut gone = 0;
    while gone == 0 {
        for hoarder in &mut hoarders {
            let read = hoarder.read(&mut [0; 1]);
            gone += usize::from(match read {
                Ok(read) => read == 0,
                Err(error) => error.kind() != ErrorKind::WouldBlock,
            });
        }
    }
    assert!(gone < hoarders.len() / 2, "{gone}");
    broker.client(Version::V5, "honest").expect_silence();
}
