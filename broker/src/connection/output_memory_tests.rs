use quorate_model::retained::QoS;
use quorate_mqtt::message::Traits;
use quorate_mqtt::moment::Moment;

use super::*;

/// Takes so much, and is full then.
struct Narrow {
    bytes: Vec<u8>,
    room: usize,
}

impl Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.room);
        self.bytes.extend_from_slice(&bytes[..count]);
        self.room -= count;
        match count {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // Short only when it is full, as a socket is.
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        self.write(&all)
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
        version: Version::V3_1_1,
        duplicate: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "a",
        packet_id: None,
        topic_alias: None,
        expiry_s: None,
        subscription_ids: &[],
        properties: &[],
        payload_bytes: payload.len(),
    };
    output.put_message(&head, &Passing::new(traits, "a", &[], payload));
}

/// For a client that takes as much as comes, but never all.
#[test]
fn an_output_that_is_never_empty_does_not_grow() {
    let mut output = Output::default();
    let mut socket = Narrow {
        bytes: Vec::new(),
        room: 0,
    };
    let mut expected = Vec::new();
    for number in 0..20_000_u32 {
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(if number % 50 == 0 { 1500 } else { 100 }, 7);
        let length = payload.len();
        put(&mut output, &payload);
        let remaining = length + 3;
        match length {
            100 => expected.extend([0x30, remaining as u8]),
            _ => expected.extend([0x30, remaining as u8 | 0x80, (remaining >> 7) as u8]),
        }
        expected.extend([0, 1, b'a']);
        expected.extend(payload);
        if number > 100 {
            socket.room += expected.len() - socket.bytes.len() - socket.room - 10_000;
            assert_eq!(output.write_to(&mut socket).unwrap(), Written::Some);
        }
        assert!(
            output.bytes.len() < 4 * POOLED_BYTES,
            "{}",
            output.bytes.len()
        );
    }
    socket.room = usize::MAX;
    assert_eq!(output.write_to(&mut socket).unwrap(), Written::All);
    assert!(socket.bytes == expected);
}
