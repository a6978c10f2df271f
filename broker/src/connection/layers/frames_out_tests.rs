use std::io::IoSlice;
use std::num::NonZeroU32;

use quorate_model::retained::QoS;
use quorate_mqtt::codec::PublishHead;
use quorate_mqtt::message::{Passing, Traits};
use quorate_mqtt::moment::Moment;
use quorate_mqtt::session::Outbox;
use quorate_mqtt::version::Version;

use super::*;
use crate::connection::{ConnectionOutbox, OutputPool};
use crate::websocket::frame::{Header, Role};

/// A socket that takes a few bytes now and then.
#[derive(Default)]
struct Narrow {
    bytes: Vec<u8>,
    room: usize,
}

impl Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.room);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.bytes.extend_from_slice(&bytes[..count]);
        self.room -= count;
        Ok(count)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut taken = 0;
        for slice in slices {
            match self.write(slice) {
                Ok(count) => taken += count,
                Err(error) if taken == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn put(output: &mut Output, payload: &[u8]) {
    let traits = Traits {
        qos: QoS::AtMostOnce,
        retain: false,
        expires: Moment::NEVER,
        publisher: None,
    };
    let head = PublishHead {
        version: Version::V5,
        duplicate: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "a",
        packet_id: None,
        topic_alias: None,
        expiry_s: None,
        subscription_ids: &[NonZeroU32::MIN],
        properties: &[],
        payload_bytes: payload.len(),
    };
    let mut taken = Some(Box::new(std::mem::take(output)));
    let mut outbox = ConnectionOutbox {
        version: Version::V5,
        max_packet_bytes: u32::MAX,
        output: &mut taken,
        pool: &mut OutputPool::default(),
    };
    outbox.send_message(&head, &Passing::new(traits, "a", &[], payload));
    *output = *taken.unwrap();
}

/// Small and large ones in turn: what is copied and what is not.
fn put_many(output: &mut Output, count: usize) {
    for number in 0..count {
        let length = if number % 3 == 1 { 3000 } else { 10 + number };
        put(output, &vec![number as u8; length]);
    }
}

fn plain(count: usize) -> Vec<u8> {
    let mut output = Output::default();
    put_many(&mut output, count);
    let mut bytes = Vec::new();
    assert_eq!(output.write_to(&mut bytes).unwrap(), Written::All);
    bytes
}

/// The payload of all data frames, and how often each kind of frame came.
fn unframe(mut bytes: &[u8]) -> (Vec<u8>, Vec<Opcode>) {
    let mut payload = Vec::new();
    let mut kinds = Vec::new();
    while let Some((header, from)) = Header::decode(Role::Client, bytes).unwrap() {
        let end = from + header.payload_bytes as usize;
        if header.opcode == Opcode::Binary {
            payload.extend_from_slice(&bytes[from..end]);
        }
        assert!(header.fin);
        kinds.push(header.opcode);
        bytes = &bytes[end..];
    }
    assert_eq!(bytes, []);
    (payload, kinds)
}

#[test]
fn frames_are_whole_however_little_the_socket_takes() {
    let expected = plain(40);
    for room in [1, 2, 3, 13, 100, 1000, 5000, 1 << 20] {
        let mut frames = FramesOut::default();
        let mut output = Output::default();
        put_many(&mut output, 40);
        let mut socket = Narrow::default();
        let mut steps = 0;
        loop {
            if steps == 1 {
                // They wait for the frame that is on its way, and the last one counts.
                frames.answer_ping(b"first");
                frames.answer_ping(b"second");
                frames.close();
            }
            steps += 1;
            socket.room = room;
            let written = frames.write(&mut output, &mut socket).unwrap();
            if written == Written::All && steps > 1 {
                break;
            }
        }
        let (payload, kinds) = unframe(&socket.bytes);
        assert!(payload == expected, "{room}");
        assert_eq!(kinds, [Opcode::Binary, Opcode::Pong, Opcode::Close]);
        assert!(output.is_empty() && !frames.has_own());
    }
}

#[test]
fn what_comes_while_a_frame_is_on_its_way_is_in_the_next() {
    let mut frames = FramesOut::default();
    let mut output = Output::default();
    put(&mut output, &[1; 2000]);
    let mut socket = Narrow {
        room: 700,
        ..Narrow::default()
    };
    assert_eq!(
        frames.write(&mut output, &mut socket).unwrap(),
        Written::Some
    );
    put(&mut output, &[2; 2000]);
    put(&mut output, &[3; 20]);
    socket.room = usize::MAX;
    assert_eq!(
        frames.write(&mut output, &mut socket).unwrap(),
        Written::All
    );
    let (payload, kinds) = unframe(&socket.bytes);
    assert_eq!(kinds, [Opcode::Binary, Opcode::Binary]);
    assert_eq!(payload.len(), 4020 + 3 * 8 + 2);
}

#[test]
fn the_first_reason_to_close_holds_and_waits() {
    let mut frames = FramesOut::default();
    frames.choose_close(Some(CloseCode::TOO_BIG));
    frames.choose_close(None);
    assert!(!frames.has_own());
    frames.close();
    frames.close();
    let mut bytes = Vec::new();
    for _ in 0..2 {
        let written = frames.write(&mut Output::default(), &mut bytes).unwrap();
        assert_eq!(written, Written::All);
    }
    assert_eq!(bytes, [0x88, 2, 0x03, 0xf1]);
}
