//! How connections and streams end.

use std::io::Read;
use std::time::Duration;

use quinn::{TransportConfig, VarInt};
use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Connect, LastWill, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::Quic;
use crate::support::{Client, QuicClient, QuicStream, message};

pub(crate) fn will() -> LastWill<'static> {
    LastWill {
        topic: "will",
        payload: b"gone",
        qos: QoS::AtMostOnce,
        retain: false,
        delay_s: 0,
        properties: Default::default(),
    }
}

/// A client whose will is known by it, and a data stream of it.
fn with_will(quic: &Quic, transport: TransportConfig) -> (QuicClient, QuicStream, Client) {
    let connection = quic.try_open(&["mqtt"], transport).unwrap();
    let stream = connection.stream();
    let mut control = Client::over(Box::new(stream.clone()), Version::V5);
    let mut connect = Connect::new(Version::V5, "mortal");
    connect.will = Some(will());
    control.connect(&connect);
    (connection, stream, control)
}

fn watcher(quic: &Quic) -> Client {
    let mut watcher = quic.over_tcp("watcher");
    watcher.subscribe_to("#", QoS::AtMostOnce);
    watcher
}

fn wait_gone(quic: &Quic) {
    // The watcher stays.
    while quic.connections() > 1 {
        std::thread::yield_now();
    }
}

#[test]
fn a_lost_connection_is_a_lost_client() {
    let quic = Quic::start();
    let mut watcher = watcher(&quic);
    let (connection, _stream, _control) = with_will(&quic, TransportConfig::default());
    drop(connection);
    watcher.expect_message("will", b"gone");
    wait_gone(&quic);
    // One that says nothing any more is seen when it has been idle for too long.
    let mut brief = TransportConfig::default();
    brief.max_idle_timeout(Some(Duration::from_millis(700).try_into().unwrap()));
    let (connection, stream, control) = with_will(&quic, brief);
    connection.vanish();
    watcher.expect_message("will", b"gone");
    wait_gone(&quic);
    drop((stream, control));
}

#[test]
fn the_control_stream_is_the_connection() {
    let quic = Quic::start();
    let mut watcher = watcher(&quic);
    let ends: [fn(&QuicStream); 3] = [QuicStream::finish, QuicStream::reset, QuicStream::stop];
    for end in ends {
        let (connection, stream, mut control) = with_will(&quic, TransportConfig::default());
        let mut data = connection.on_new_stream(Version::V5);
        data.publish(&message("a", QoS::AtLeastOnce, b"x"));
        watcher.expect_message("a", b"x");
        control.subscribe_to("b", QoS::AtMostOnce);
        end(&stream);
        // Whoever takes nothing is seen when there is something for it.
        watcher.send(&Packet::Publish(message("b", QoS::AtMostOnce, b"y")));
        let mut seen = [watcher.receive(), watcher.receive()].map(|received| {
            let publish = received.publish();
            publish.topic.to_owned()
        });
        seen.sort();
        assert_eq!(seen, ["b", "will"]);
        connection.wait_closed();
        wait_gone(&quic);
    }
}

#[test]
fn a_goodbye_is_a_goodbye() {
    let quic = Quic::start();
    let mut watcher = watcher(&quic);
    let (connection, _stream, control) = with_will(&quic, TransportConfig::default());
    control.leave();
    connection.wait_closed();
    watcher.expect_silence();
    // What comes right before the end is heard, and so is the end.
    let (connection, stream, mut control) = with_will(&quic, TransportConfig::default());
    control.send(&Packet::Publish(message("a", QoS::AtMostOnce, b"last")));
    control.send_bytes(&[0xe0, 0]);
    stream.finish();
    connection.wait_closed();
    watcher.expect_message("a", b"last");
    watcher.expect_silence();
}

#[test]
fn a_drain_tells_everybody() {
    let quic = Quic::start();
    let (connection, mut control) = quic.client(Version::V5, "staying");
    let mut data = connection.on_new_stream(Version::V5);
    data.subscribe_to("a", QoS::AtMostOnce);
    let silent = quic.open();
    let mut publisher = quic.over_tcp("publisher");
    publisher.publish(&message("a", QoS::AtMostOnce, &[1; 100_000]));
    publisher.expect_silence();
    let draining = std::thread::spawn(move || drop(quic));
    data.expect_message("a", &[1; 100_000]);
    // Its last bytes are a DISCONNECT, and then the end of the stream.
    control.expect_end(ReasonCode::ServerShuttingDown);
    assert_eq!(control.stream.read(&mut [0; 10]).unwrap_or(0), 0);
    data.expect_closed();
    connection.wait_closed();
    silent.wait_closed();
    drop((connection, publisher));
    draining.join().unwrap();
}

#[test]
fn a_take_over_is_told() {
    let quic = Quic::start();
    let (first, mut control) = quic.client(Version::V5, "same");
    let (_second, mut other) = quic.client(Version::V5, "same");
    control.expect_end(ReasonCode::SessionTakenOver);
    first.wait_closed();
    other.expect_silence();
}

#[test]
fn last_words_are_not_for_ever() {
    let quic = Quic::start();
    let mut small = TransportConfig::default();
    small.stream_receive_window(VarInt::from_u32(2000));
    let connection = quic.try_open(&["mqtt"], small).unwrap();
    let connect = Connect::new(Version::V5, "same");
    let mut deaf = connection.connect(&connect);
    deaf.subscribe_to("a", QoS::AtMostOnce);
    let mut publisher = quic.over_tcp("publisher");
    for _ in 0..20 {
        publisher.publish(&message("a", QoS::AtLeastOnce, &[1; 50_000]));
    }
    // It takes nothing, and nobody waits for that for long.
    let (_other, mut control) = quic.client(Version::V5, "same");
    connection.wait_closed();
    control.expect_silence();
}

#[test]
fn subscriptions_outlive_their_stream() {
    let quic = Quic::start();
    let mut publisher = quic.over_tcp("publisher");
    let ends: [fn(&QuicStream); 3] = [QuicStream::finish, QuicStream::reset, QuicStream::stop];
    for end in ends {
        let (connection, mut control) = quic.client(Version::V5, "subscriber");
        let stream = connection.stream();
        let mut data = Client::over(Box::new(stream.clone()), Version::V5);
        data.subscribe_to("a", QoS::AtLeastOnce);
        publisher.publish(&message("a", QoS::AtLeastOnce, b"on data"));
        data.take_message("a", b"on data");
        // The broker has seen the acknowledgement when it has seen this.
        data.publish(&message("b", QoS::AtLeastOnce, b"x"));
        end(&stream);
        // It sees the end in its own time; a message that comes before is lost with
        // its stream, so a ping shows nothing here.
        let mut other = connection.on_new_stream(Version::V5);
        loop {
            publisher.publish(&message("a", QoS::AtMostOnce, b"where"));
            other.publish(&message("b", QoS::AtLeastOnce, b"x"));
            control.send(&Packet::PingReq);
            let received = control.receive();
            if let Packet::Publish(publish) = received.packet() {
                assert_eq!(publish.payload, b"where");
                break;
            }
        }
    }
}

#[test]
fn answers_are_still_given_on_a_stream_that_has_ended() {
    let quic = Quic::start();
    let (connection, mut control) = quic.client(Version::V5, "brief");
    for _ in 0..100 {
        let stream = connection.stream();
        let mut data = Client::over(Box::new(stream.clone()), Version::V5);
        data.send(&Packet::Publish(message("a", QoS::AtLeastOnce, b"x")));
        stream.finish();
        assert!(matches!(data.receive().packet(), Packet::PubAck(_)));
        data.expect_closed();
    }
    control.expect_silence();
}

#[test]
fn half_a_packet_is_lost_with_its_stream() {
    let quic = Quic::start();
    let (connection, mut control) = quic.client(Version::V5, "brief");
    for end in [QuicStream::finish, QuicStream::reset] {
        let stream = connection.stream();
        let mut data = Client::over(Box::new(stream.clone()), Version::V5);
        data.publish(&message("a", QoS::AtLeastOnce, b"x"));
        data.send_bytes(&[0x30, 9, 0, 1, b'a']);
        end(&stream);
        data.expect_closed();
        control.expect_silence();
    }
}

#[test]
fn who_stops_a_stream_with_something_on_it_has_to_come_back() {
    let quic = Quic::start();
    let connection = quic.open();
    let mut connect = Connect::new(Version::V5, "stopping");
    connect.clean_start = false;
    connect.session_expiry_s = Some(100);
    let mut control = connection.connect(&connect);
    let stream = connection.stream();
    let mut data = Client::over(Box::new(stream.clone()), Version::V5);
    data.subscribe_to("a", QoS::AtLeastOnce);
    let mut publisher = quic.over_tcp("publisher");
    publisher.publish(&message("a", QoS::AtLeastOnce, b"once"));
    data.expect_message("a", b"once");
    stream.stop();
    control.expect_end(ReasonCode::ProtocolError);
    let again = quic.open();
    let mut control = again.connect(&connect);
    control.take_message("a", b"once");
}
