//! Frames of all kinds, over a real socket.

use std::io::Write;
use std::net::TcpStream;

use quorate_broker::Carrier;
use quorate_broker::websocket::close_code::CloseCode;
use quorate_broker::websocket::frame::Opcode;
use quorate_model::retained::QoS;
use quorate_mqtt::codec::encode;
use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::version::Version;

use crate::support::{Client, PATH, TestBroker, WebSocket, connect, listener, message, websocket};

fn broker() -> TestBroker {
    TestBroker::on(vec![listener(Carrier::Stream {
        proxy_protocol: false,
        tls: None,
        websocket: Some(websocket()),
    })])
}

fn open(broker: &TestBroker) -> WebSocket<TcpStream> {
    WebSocket::open(connect(broker.address), PATH)
}

fn bytes(packets: &[Packet<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for packet in packets {
        encode(Version::V5, packet, &mut bytes);
    }
    bytes
}

fn connect_packet() -> Vec<u8> {
    bytes(&[Packet::Connect(Connect::new(Version::V5, "someone"))])
}

/// One that has been let in.
fn live(broker: &TestBroker) -> WebSocket<TcpStream> {
    let mut web_socket = open(broker);
    web_socket.send(true, Opcode::Binary, &connect_packet());
    let (opcode, payload) = web_socket.receive().unwrap();
    assert_eq!((opcode, payload[0]), (Opcode::Binary, 0x20));
    web_socket
}

#[test]
fn many_packets_fit_into_one_frame() {
    let broker = broker();
    let mut web_socket = open(&broker);
    let mut all = connect_packet();
    all.extend(bytes(&[Packet::PingReq, Packet::PingReq, Packet::PingReq]));
    web_socket.send(true, Opcode::Binary, &all);
    let mut client = Client::over(Box::new(web_socket), Version::V5);
    assert!(matches!(client.receive().packet(), Packet::ConnAck(_)));
    for _ in 0..3 {
        assert_eq!(client.receive().packet(), Packet::PingResp);
    }
    client.expect_silence();
}

#[test]
fn one_packet_fits_into_many_frames() {
    let broker = broker();
    for frame_bytes in [1, 2, 7, 1000] {
        let mut web_socket = open(&broker);
        web_socket.frame_bytes = frame_bytes;
        let mut client = Client::over(Box::new(web_socket), Version::V5);
        client.connect(&Connect::new(Version::V5, "someone"));
        client.subscribe_to("own", QoS::AtMostOnce);
        let payload = vec![7; 3000];
        client.send(&Packet::Publish(message("own", QoS::AtMostOnce, &payload)));
        assert!(client.receive().publish().payload == payload);
        client.expect_silence();
    }
    // Messages are no borders either.
    let mut web_socket = open(&broker);
    for byte in connect_packet() {
        web_socket.send(true, Opcode::Binary, &[byte]);
    }
    assert_eq!(web_socket.receive().unwrap().1[0], 0x20);
}

#[test]
fn control_frames_come_between() {
    let broker = broker();
    let mut web_socket = open(&broker);
    let connect = connect_packet();
    web_socket.send(true, Opcode::Ping, b"early");
    assert_eq!(
        web_socket.receive(),
        Some((Opcode::Pong, b"early".to_vec()))
    );
    web_socket.send(false, Opcode::Binary, &connect[..5]);
    web_socket.send(true, Opcode::Ping, b"");
    assert_eq!(web_socket.receive(), Some((Opcode::Pong, Vec::new())));
    web_socket.send(true, Opcode::Pong, b"nobody asked");
    web_socket.send(true, Opcode::Continuation, &connect[5..]);
    assert_eq!(web_socket.receive().unwrap().1[0], 0x20);
    web_socket.send(true, Opcode::Ping, &[9; 125]);
    assert_eq!(web_socket.receive(), Some((Opcode::Pong, vec![9; 125])));
}

#[test]
fn a_close_is_answered_with_its_code() {
    let broker = broker();
    let mut web_socket = live(&broker);
    web_socket.send(true, Opcode::Close, &[0x0f, 0xa0, b'b', b'y', b'e']);
    web_socket.expect_close(CloseCode::new(4000).unwrap());
    let mut web_socket = live(&broker);
    web_socket.send(true, Opcode::Close, &[]);
    assert_eq!(web_socket.receive(), Some((Opcode::Close, Vec::new())));
    assert_eq!(web_socket.receive(), None);
}

#[test]
fn the_broker_closes_after_a_disconnect() {
    let broker = broker();
    let mut web_socket = live(&broker);
    web_socket.send(true, Opcode::Binary, &[0xe0, 0]);
    web_socket.expect_close(CloseCode::NORMAL);
    // And in one piece with a close of its own.
    let mut web_socket = live(&broker);
    web_socket.send(true, Opcode::Binary, &[0xe0, 0]);
    web_socket.send(true, Opcode::Close, &[0x03, 0xe8]);
    web_socket.expect_close(CloseCode::NORMAL);
}

#[test]
fn wrong_frames_are_refused_with_their_code() {
    let broker = broker();
    let table: [(&[u8], CloseCode); 5] = [
        // Text.
        (&[0x81, 0x81, 0, 0, 0, 0, b'x'], CloseCode::UNSUPPORTED_DATA),
        // Not masked.
        (&[0x82, 0x02, 0xc0, 0], CloseCode::PROTOCOL_ERROR),
        // Reserved bits.
        (&[0xc2, 0x81, 0, 0, 0, 0, b'x'], CloseCode::PROTOCOL_ERROR),
        // Nothing to continue.
        (&[0x80, 0x81, 0, 0, 0, 0, b'x'], CloseCode::PROTOCOL_ERROR),
        // Two megabytes are announced.
        (
            &[0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0],
            CloseCode::TOO_BIG,
        ),
    ];
    for (frame, code) in table {
        let mut early = open(&broker);
        early.stream.write_all(frame).unwrap();
        early.expect_close(code);
        let mut late = live(&broker);
        // What came before is still answered.
        late.send(true, Opcode::Binary, &bytes(&[Packet::PingReq]));
        late.stream.write_all(frame).unwrap();
        assert_eq!(late.receive(), Some((Opcode::Binary, vec![0xd0, 0])));
        late.expect_close(code);
    }
}

#[test]
fn a_message_in_parts_is_refused_when_it_grows_too_large() {
    let broker = broker();
    let mut web_socket = live(&broker);
    web_socket.send(false, Opcode::Binary, &bytes(&[Packet::PingReq]));
    assert_eq!(web_socket.receive(), Some((Opcode::Binary, vec![0xd0, 0])));
    web_socket
        .stream
        .write_all(&[0x80, 0xff, 0, 0, 0, 0, 0, 0x10, 0xc8, 0xe0, 0, 0, 0, 0])
        .unwrap();
    web_socket.expect_close(CloseCode::TOO_BIG);
}

/// What frames say is no word of MQTT.
#[test]
fn pings_of_the_web_socket_do_not_keep_a_silent_client() {
    let broker = broker();
    let mut web_socket = open(&broker);
    let mut hello = Connect::new(Version::V5, "someone");
    hello.keep_alive_s = 1;
    web_socket.send(true, Opcode::Binary, &bytes(&[Packet::Connect(hello)]));
    web_socket.receive().unwrap();
    for _ in 0..20 {
        std::thread::sleep(std::time::Duration::from_millis(200));
        web_socket.send(true, Opcode::Ping, b"still here");
        if let Some((Opcode::Binary, payload)) = web_socket.receive() {
            let keep_alive_timeout = 0x8d;
            assert_eq!((payload[0], payload[2]), (0xe0, keep_alive_timeout));
            return;
        }
    }
    panic!("it is still there after more than its keep alive");
}

#[test]
fn a_client_that_pings_and_does_not_read_costs_little() {
    let broker = broker();
    let mut web_socket = live(&broker);
    let stream = web_socket.stream.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        stream
    });
    for number in 0..20_000_u32 {
        web_socket.send(true, Opcode::Ping, &number.to_be_bytes());
    }
    drop(reader.join().unwrap());
    loop {
        let (opcode, payload) = web_socket.receive().unwrap();
        assert_eq!(opcode, Opcode::Pong);
        if payload == 19_999_u32.to_be_bytes() {
            return;
        }
    }
}
