//! Sockets that are opened, and not much more.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::version::Version;
use socket2::SockRef;

use crate::besieged::{BASE_MB, Besieged, allowed};
use crate::client::{connect, encoded};

const CONNECTIONS: usize = 1_000;

fn connect_bytes(number: usize) -> Vec<u8> {
    let id = format!("half-open-{number}");
    let mut connect = Connect::new(Version::V5, &id);
    connect.keep_alive_s = 1;
    encoded(Version::V5, &Packet::Connect(connect))
}

fn vanish(stream: &TcpStream) {
    // A socket that is closed now says RST.
    SockRef::from(stream)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
}

/// Says a part of it, if the node still listens: its patience is short.
fn say(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
}

fn say_that_it_was_all(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
}

/// What a client does, and then nothing more; its socket may stay open on its side.
#[track_caller]
fn check(what: &str, stays: bool, act: impl Fn(&mut TcpStream, usize)) {
    let mut besieged = Besieged::start(&["listeners.tcp.default.first_packet_timeout=2s"]);
    let mut kept = Vec::new();
    for number in 0..allowed(CONNECTIONS) {
        let mut stream = connect(besieged.mqtt);
        act(&mut stream, number);
        kept.extend(stays.then_some(stream));
    }
    besieged.assert_serves();
    // The node itself lets go of them.
    besieged.wait_alone();
    besieged.assert_serves();
    besieged.assert_within(what, BASE_MB);
    drop(kept);
}

#[test]
fn who_says_nothing() {
    check("1,000 silent sockets", true, |_, _| ());
}

#[test]
fn who_says_half_a_connect() {
    check("1,000 halves of a CONNECT", true, |stream, number| {
        let bytes = connect_bytes(number);
        say(stream, &bytes[..bytes.len() / 2]);
    });
}

#[test]
fn who_says_half_a_connect_and_that_it_was_all() {
    check("1,000 halves with an end", true, |stream, number| {
        let bytes = connect_bytes(number);
        say(stream, &bytes[..bytes.len() / 2]);
        say_that_it_was_all(stream);
    });
}

#[test]
fn who_connects_and_says_that_it_was_all() {
    check("1,000 CONNECT with an end", true, |stream, number| {
        say(stream, &connect_bytes(number));
        say_that_it_was_all(stream);
    });
}

/// Its keep alive is a second.
#[test]
fn who_connects_and_falls_silent() {
    check("1,000 CONNECT and silence", true, |stream, number| {
        say(stream, &connect_bytes(number));
    });
}

#[test]
fn who_vanishes() {
    check("1,000 resets", false, |stream, number| {
        let bytes = connect_bytes(number);
        let said = [0, bytes.len() / 2, bytes.len()][number % 3];
        say(stream, &bytes[..said]);
        vanish(stream);
    });
}
