//! What strangers, and many, may do.

use std::io::Read;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use quinn::{TransportConfig, VarInt};
use quorate_model::retained::QoS;
use quorate_mqtt::packet::Connect;
use quorate_mqtt::version::Version;

use crate::Quic;
use crate::support::{Client, message};

#[test]
fn who_says_nothing_is_not_waited_for() {
    let timeout = Duration::from_millis(600);
    let quic = Quic::with(|listener| listener.first_packet_timeout = timeout);
    let began = Instant::now();
    // No stream at all; one with nothing on it; the beginning of a CONNECT.
    let silent = quic.open();
    let idle = quic.open();
    let mut nothing = idle.on_new_stream(Version::V5);
    nothing.send_bytes(&[]);
    let stalled = quic.open();
    let mut begun = stalled.on_new_stream(Version::V5);
    begun.send_bytes(&[0x10, 20, 0, 4]);
    for connection in [silent, idle, stalled] {
        connection.wait_closed();
        assert!(began.elapsed() >= timeout);
    }
    assert!(began.elapsed() < timeout * 20, "{:?}", began.elapsed());
    while quic.connections() > 0 {
        std::thread::yield_now();
    }
    // A client that is in has all the time that it wants.
    let (_connection, mut client) = quic.client(Version::V5, "quiet");
    std::thread::sleep(timeout * 2);
    client.expect_silence();
}

#[test]
fn many_who_say_nothing_keep_nobody_out() {
    let quic = Quic::start();
    // So many that those who come later have to show their address.
    let silent: Vec<_> = (0..100).map(|_| quic.open()).collect();
    let (_connection, mut talking) = quic.client(Version::V5, "talking");
    talking.expect_silence();
    assert_eq!(quic.connections(), 1);
    drop(silent);
}

#[test]
fn a_listener_has_so_many_connections_and_no_more() {
    let quic = Quic::with(|listener| listener.max_connections = 2);
    let one = quic.client(Version::V5, "one");
    let two = quic.client(Version::V5, "two");
    let refusal = quic.try_open(&["mqtt"], TransportConfig::default());
    let refusal = refusal.err().expect("a third was let in");
    assert!(refusal.contains("refused"), "{refusal}");
    drop(two);
    // The broker sees in its own time that one has gone.
    let deadline = Instant::now() + Duration::from_secs(20);
    let third = loop {
        match quic.try_open(&["mqtt"], TransportConfig::default()) {
            Ok(third) => break third,
            Err(refusal) => assert!(Instant::now() < deadline, "{refusal}"),
        }
    };
    third
        .connect(&Connect::new(Version::V5, "three"))
        .expect_silence();
    drop(one);
}

#[test]
fn connections_come_as_fast_as_they_may() {
    let quic = Quic::with(|listener| listener.max_connect_rate = NonZeroU32::new(10));
    let began = Instant::now();
    for number in 0..25 {
        quic.client(Version::V5, &format!("client-{number}"));
    }
    assert!(began.elapsed() >= Duration::from_millis(1400));
}

#[test]
fn messages_come_as_fast_as_they_may() {
    let quic = Quic::with(|listener| listener.max_messages_rate = NonZeroU32::new(50));
    let (connection, mut control) = quic.client(Version::V5, "eager");
    let mut data = connection.on_new_stream(Version::V5);
    let began = Instant::now();
    for _ in 0..60 {
        control.publish(&message("a", QoS::AtLeastOnce, b"x"));
        data.publish(&message("a", QoS::AtLeastOnce, b"x"));
    }
    assert!(
        began.elapsed() >= Duration::from_millis(1300),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn there_are_so_many_streams_and_no_more() {
    let quic = Quic::start();
    let (connection, mut control) = quic.client(Version::V5, "many");
    let mut streams = Vec::new();
    while let Some(stream) = connection.try_stream() {
        streams.push(stream);
    }
    assert_eq!(streams.len(), 63);
    // Some that are over make room for others; that is not said for each.
    for over in streams.drain(..16) {
        over.finish();
    }
    connection
        .on_new_stream(Version::V5)
        .publish(&message("a", QoS::AtLeastOnce, b"x"));
    control.expect_silence();
}

#[test]
fn who_opens_streams_and_never_reads_costs_little() {
    let quic = Quic::start();
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(16 * 1024));
    let connection = quic.try_open(&["mqtt"], transport).unwrap();
    let mut control = connection.connect(&Connect::new(Version::V5, "deaf"));
    let streams: Vec<_> = (0..30).map(|_| connection.stream()).collect();
    for (number, stream) in streams.iter().enumerate() {
        let mut data = Client::over(Box::new(stream.clone()), Version::V5);
        data.subscribe_to(&format!("topic/{number}"), QoS::AtMostOnce);
    }
    let (_other, mut publisher) = quic.client(Version::V5, "publisher");
    let payload = [7; 20_000];
    for _ in 0..100 {
        for number in 0..streams.len() {
            let topic = format!("topic/{number}");
            publisher.publish(&message(&topic, QoS::AtLeastOnce, &payload));
        }
    }
    // It reads after all: what it gets is what was held for it.
    let held = Arc::new(AtomicUsize::new(0));
    let readers: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            let held = Arc::clone(&held);
            std::thread::spawn(move || {
                let mut buffer = [0; 10_000];
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    held.fetch_add(read, Ordering::Relaxed);
                }
            })
        })
        .collect();
    loop {
        // An answer comes after all that is on its way.
        let before = held.load(Ordering::Relaxed);
        control.expect_silence();
        control.expect_silence();
        if before > 0 && held.load(Ordering::Relaxed) == before {
            break;
        }
    }
    drop((control, connection));
    for reader in readers {
        reader.join().unwrap();
    }
    let held = held.load(Ordering::Relaxed);
    assert!(held < 10_000_000, "{held} bytes of 60 million");
}
