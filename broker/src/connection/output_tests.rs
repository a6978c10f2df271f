#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use quorate_model::retained::QoS;
use quorate_mqtt::message::Traits;
use quorate_mqtt::moment::Moment;

use super::*;

/// Takes as many bytes at a time as it is told, and then says that it is full.
struct Socket {
    taken: Vec<u8>,
    steps: Vec<usize>,
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(limit) = self.steps.pop() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let before = self.taken.len();
        for slice in slices {
            let room = limit - (self.taken.len() - before);
            self.taken
                .extend_from_slice(&slice[..slice.len().min(room)]);
        }
        Ok(self.taken.len() - before)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn put(output: &mut Output, expected: &mut Vec<u8>, payload: &[u8]) {
    let traits = Traits {
        qos: QoS::AtMostOnce,
        retain: false,
        expires: Moment::NEVER,
        publisher: None,
    };
    let message = Passing::new(traits, "topic", &[], payload);
    let head = PublishHead {
        version: Version::V3_1_1,
        duplicate: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "topic",
        packet_id: None,
        topic_alias: None,
        expiry_s: None,
        subscription_ids: &[],
        properties: &[],
        payload_bytes: payload.len(),
    };
    output.put_message(&head, &message);
    head.write(expected);
    expected.extend_from_slice(payload);
}

#[test]
fn what_waits_is_counted_and_bounds_what_is_put_in() {
    let mut output = Output::default();
    assert!(output.is_empty());
    assert!(has_room(None));
    let mut expected = Vec::new();
    let payload = vec![1; 100_000];
    while has_room(Some(&output)) {
        put(&mut output, &mut expected, &payload);
    }
    assert_eq!(output.pending(), expected.len());
    assert!(output.pending() < PENDING_LIMIT + 2 * payload.len());
}

#[test]
fn a_large_payload_is_not_copied_for_each_receiver() {
    let traits = Traits {
        qos: QoS::AtMostOnce,
        retain: false,
        expires: Moment::NEVER,
        publisher: None,
    };
    let payload = vec![1; LARGE_PAYLOAD_BYTES];
    let message = Passing::new(traits, "t", &[], &payload);
    let mut outputs = [Output::default(), Output::default()];
    for output in &mut outputs {
        let head = PublishHead {
            version: Version::V5,
            duplicate: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "t",
            packet_id: None,
            topic_alias: None,
            expiry_s: None,
            subscription_ids: &[],
            properties: &[],
            payload_bytes: payload.len(),
        };
        output.put_message(&head, &message);
        assert!(output.bytes.len() < 16);
    }
    let [one, other] = &outputs;
    assert!(Arc::ptr_eq(&one.payloads[0].1, &other.payloads[0].1));
}

proptest! {
    #[test]
    fn all_bytes_come_out_in_order_however_the_socket_takes_them(
        payloads in prop::collection::vec(
            prop_oneof![0..40_usize, LARGE_PAYLOAD_BYTES..3 * LARGE_PAYLOAD_BYTES], 1..80),
        steps in prop::collection::vec(1..6_000_usize, 1..50),
    ) {
        let mut output = Output::default();
        let mut expected = Vec::new();
        for (at, bytes) in payloads.iter().enumerate() {
            put(&mut output, &mut expected, &vec![at as u8; *bytes]);
        }
        let mut socket = Socket { taken: Vec::new(), steps: Vec::new() };
        for step in steps.iter().cycle().take(100_000) {
            socket.steps.push(*step);
            let written = output.write_to(&mut socket).unwrap();
            prop_assert_eq!(output.pending(), expected.len() - socket.taken.len());
            if written == Written::All {
                break;
            }
        }
        prop_assert!(output.is_empty());
        prop_assert!(socket.taken == expected);
    }
}
