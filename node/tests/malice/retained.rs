//! As many retained topics as one connection can send.

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Packet, Publish};
use quorate_mqtt::version::Version;

use crate::besieged::{BASE_MB, Besieged};
use crate::client::{Client, encoded, id, message};

const TOPICS: usize = 1_000_000;
const BOUND: usize = 10_000;
/// Below the receive maximum.
const WINDOW: usize = 1_000;
const QUOTA_EXCEEDED: u8 = 0x97;

/// Publishes each to a topic of its own, and says how many were taken.
fn publish_all(client: &mut Client, topics: usize) -> usize {
    let mut taken = 0;
    let mut bytes = Vec::new();
    for begin in (0..topics).step_by(WINDOW) {
        bytes.clear();
        for number in 0..WINDOW {
            let topic = format!("retained/{}", begin + number);
            let publish = Publish {
                retain: true,
                packet_id: Some(id(1 + number as u16)),
                ..message(&topic, QoS::AtLeastOnce, b"kept")
            };
            bytes.extend(encoded(client.version, &Packet::Publish(publish)));
        }
        client.try_send(&bytes).unwrap();
        for _ in 0..WINDOW {
            let ack = client.expect();
            assert_eq!(ack.first, 0x40);
            match ack.body.get(2).copied().unwrap_or_default() {
                QUOTA_EXCEEDED => {}
                reason => {
                    assert!(reason < 0x80, "{reason:x}");
                    taken += 1;
                }
            }
        }
    }
    taken
}

#[test]
fn a_million_topics_on_one_connection() {
    let bound = format!("mqtt.max_retained_messages={BOUND}");
    let mut besieged = Besieged::start(&[&bound]);
    let mut client = Client::let_in(besieged.mqtt, Version::V5, "hoarder");
    assert_eq!(publish_all(&mut client, TOPICS), BOUND);
    besieged.assert_serves();
    // About 1 KB for each that is kept: in the state, in the log, in the store's memory.
    besieged.assert_within("a million retained topics", BASE_MB + 10);
    // What is there can be replaced, and given up.
    let last = format!("retained/{}", BOUND - 1);
    for payload in [&b"other"[..], b"", b"again"] {
        let publish = Publish {
            retain: true,
            ..message(&last, QoS::AtLeastOnce, payload)
        };
        client.send(&Packet::Publish(publish));
        assert!(
            client
                .expect()
                .body
                .get(2)
                .is_none_or(|reason| *reason < 0x80)
        );
    }
}
