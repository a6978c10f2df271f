//! MQTT inside of WebSocket: frames by hand, as MQTT's packets elsewhere.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use quorate_broker::Carrier;
use quorate_mqtt::version::Version;

use crate::bytes::{ConnectBytes, PINGREQ, join, publish, subscribe};
use crate::support::{PATH, TestBroker, VERSIONS, connect, listener, websocket};

conformance! {
    packets_come_in_binary_frames: v5 ["6.0.0-1"], v3 ["6.0.0-1"];
    another_kind_of_frame_ends_the_connection: v5 ["6.0.0-1"], v3 ["6.0.0-1"];
    frames_and_packets_have_borders_of_their_own: v5 ["6.0.0-2"], v3 ["6.0.0-2"];
    the_subprotocol_is_mqtt: v5 ["6.0.0-4"], v3 ["6.0.0-4"];
}

const FINAL: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;

fn broker() -> TestBroker {
    TestBroker::on(vec![listener(Carrier::Stream {
        proxy_protocol: false,
        tls: None,
        websocket: Some(websocket()),
    })])
}

/// Offers these protocols, and returns the head of the response in small letters.
fn shake_hands(stream: &mut TcpStream, protocols: Option<&str>) -> String {
    let offer = protocols.map(|protocols| format!("Sec-WebSocket-Protocol: {protocols}\r\n"));
    let request = format!(
        "GET {PATH} HTTP/1.1\r\nHost: broker\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{}\r\n",
        offer.unwrap_or_default()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

fn open(broker: &TestBroker) -> TcpStream {
    let mut stream = connect(broker.address);
    let head = shake_hands(&mut stream, Some("mqtt"));
    assert!(head.starts_with("http/1.1 101"), "{head}");
    stream
}

/// A frame of a client, whose payload is masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x51, 0x0c, 0xa7, 0x99];
    let length = match payload.len() {
        short @ 0..126 => vec![0x80 | short as u8],
        long => join(&[&[0x80 | 126], &u16::try_from(long).unwrap().to_be_bytes()]),
    };
    let masked: Vec<u8> = payload
        .iter()
        .zip(key.iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
        .collect();
    join(&[&[first], &length, &key, &masked])
}

/// The next frame of the broker; None at the end.
fn receive(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    if let Err(error) = stream.read_exact(&mut head) {
        let is_end = matches!(
            error.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        );
        assert!(is_end, "no frame, and no end: {error}");
        return None;
    }
    let length = match head[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            usize::from(u16::from_be_bytes(length))
        }
        short @ 0..126 => usize::from(short),
        other => panic!("a length of {other}"),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).unwrap();
    Some((head[0], payload))
}

/// All that comes in binary frames until there are so many bytes.
fn receive_bytes(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        let (first, payload) = receive(stream).unwrap();
        let opcode = first & 0x0f;
        assert!(opcode == BINARY || opcode == CONTINUATION, "{first:#x}");
        bytes.extend(payload);
    }
    bytes
}

fn connect_bytes(version: Version) -> Vec<u8> {
    ConnectBytes::new(version, "client").bytes()
}

fn packets_come_in_binary_frames() {
    let broker = broker();
    for version in VERSIONS {
        let mut stream = open(&broker);
        let (first, connack) = {
            stream
                .write_all(&frame(FINAL | BINARY, &connect_bytes(version)))
                .unwrap();
            receive(&mut stream).unwrap()
        };
        assert_eq!((first, connack[0]), (FINAL | BINARY, 0x20));
        let all = join(&[
            &subscribe(version, 1, &[], &[(b"t", 0)]),
            &publish(version, 0b0010, "t", Some(1), &[], &[7; 1_000]),
            &PINGREQ,
        ]);
        stream.write_all(&frame(FINAL | BINARY, &all)).unwrap();
        receive_bytes(&mut stream, 1_000);
    }
}

/// As the first frame, and as one after packets that were taken.
fn another_kind_of_frame_ends_the_connection() {
    let broker = broker();
    for version in VERSIONS {
        for is_in in [false, true] {
            // Text of its own, and text that goes on in a second frame.
            for opcode in [FINAL | TEXT, TEXT] {
                let mut stream = open(&broker);
                if is_in {
                    let frame = frame(FINAL | BINARY, &connect_bytes(version));
                    stream.write_all(&frame).unwrap();
                    assert_eq!(receive_bytes(&mut stream, 4)[0], 0x20);
                }
                let packet = match is_in {
                    true => PINGREQ.to_vec(),
                    false => connect_bytes(version),
                };
                stream.write_all(&frame(opcode, &packet)).unwrap();
                // No packet answers it; a close frame may say why.
                while let Some((first, payload)) = receive(&mut stream) {
                    let may_say_goodbye = is_in && version.is_5();
                    let is_goodbye =
                        may_say_goodbye && first == FINAL | BINARY && payload[0] == 0xe0;
                    assert!(
                        first == FINAL | CLOSE || is_goodbye,
                        "{first:#x} {payload:?}"
                    );
                }
            }
        }
    }
}

fn frames_and_packets_have_borders_of_their_own() {
    let broker = broker();
    for version in VERSIONS {
        let all = join(&[
            &connect_bytes(version),
            &subscribe(version, 1, &[], &[(b"t", 0)]),
            &publish(version, 0, "t", None, &[], b"payload"),
            &PINGREQ,
        ]);
        for size in [1, 2, 3, 5, 11, all.len()] {
            for is_fragmented in [false, true] {
                let mut stream = open(&broker);
                let mut parts = all.chunks(size).peekable();
                let mut opcode = BINARY;
                while let Some(part) = parts.next() {
                    let is_final = !is_fragmented || parts.peek().is_none();
                    let first = opcode | if is_final { FINAL } else { 0 };
                    stream.write_all(&frame(first, part)).unwrap();
                    if is_fragmented {
                        opcode = CONTINUATION;
                    }
                }
                let mut bytes = receive_bytes(&mut stream, 2);
                // The SUBACK waits for the cluster, so it may come last.
                let has = |bytes: &[u8], part: &[u8]| {
                    bytes.windows(part.len()).any(|window| window == part)
                };
                let suback = if version.is_5() { 4 } else { 3 };
                while !has(&bytes, &[0xd0, 0]) || !has(&bytes, &[0x90, suback, 0, 1]) {
                    bytes.extend(receive_bytes(&mut stream, 1));
                    assert!(bytes.len() < 200);
                }
                assert_eq!(bytes[0], 0x20);
                assert!(has(&bytes, b"payload"), "{bytes:?}");
            }
        }
    }
}

fn the_subprotocol_is_mqtt() {
    let broker = broker();
    for protocols in ["mqtt", "mqttv3.1, mqtt", "mqtt, chat", "chat,mqtt"] {
        let mut stream = connect(broker.address);
        let head = shake_hands(&mut stream, Some(protocols));
        assert!(head.starts_with("http/1.1 101"), "{head}");
        let chosen: Vec<_> = head
            .lines()
            .filter_map(|line| line.strip_prefix("sec-websocket-protocol:"))
            .map(str::trim)
            .collect();
        assert_eq!(chosen, ["mqtt"], "of {protocols}");
    }
    for protocols in [None, Some("chat"), Some("mqttv9")] {
        let mut stream = connect(broker.address);
        let head = shake_hands(&mut stream, protocols);
        assert!(!head.contains("sec-websocket-protocol: mqttv9"), "{head}");
        assert!(!head.starts_with("http/1.1 101"), "{head}");
    }
}
