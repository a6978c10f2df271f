use quorate_model::retained::QoS;
use quorate_mqtt::codec::PublishHead;
use quorate_mqtt::packet_id::PacketId;
use quorate_mqtt::version::Version;

use super::stamp::Stamp;

const PADDING: u8 = b'.';

/// A PUBLISH that is encoded once and then copied, with another stamp each time.
#[derive(Clone, Debug)]
pub struct PublishTemplate {
    frame: Vec<u8>,
    packet_id_at: usize,
    stamp_at: usize,
    qos: QoS,
}

impl PublishTemplate {
    /// # Panics
    /// If the payload has no room for a stamp.
    pub fn new(version: Version, qos: QoS, topic: &str, payload_bytes: usize) -> Self {
        assert!(payload_bytes >= Stamp::BYTES, "{payload_bytes} bytes");
        let head = PublishHead {
            version,
            duplicate: false,
            qos,
            retain: false,
            topic,
            packet_id: (qos != QoS::AtMostOnce).then_some(PacketId::FIRST),
            topic_alias: None,
            expiry_s: None,
            subscription_ids: &[],
            properties: &[],
            payload_bytes,
        };
        let mut frame = Vec::with_capacity(head.packet_bytes());
        head.write(&mut frame);
        let stamp_at = frame.len();
        frame.resize(stamp_at + payload_bytes, PADDING);
        // Behind the packet id stands the length of no properties, which is one byte.
        let packet_id_at = stamp_at - usize::from(version.is_5()) - 2;
        Self {
            frame,
            packet_id_at,
            stamp_at,
            qos,
        }
    }

    pub const fn qos(&self) -> QoS {
        self.qos
    }

    /// Appends the frame. The packet id is there exactly when the QoS is above 0.
    pub fn write(&self, packet_id: Option<PacketId>, stamp: Stamp, out: &mut Vec<u8>) {
        debug_assert_eq!(packet_id.is_some(), self.qos != QoS::AtMostOnce);
        let start = out.len();
        out.extend_from_slice(&self.frame);
        let frame = &mut out[start..];
        if let Some(id) = packet_id {
            frame[self.packet_id_at..][..2].copy_from_slice(&id.get().to_be_bytes());
        }
        frame[self.stamp_at..][..Stamp::BYTES].copy_from_slice(&stamp.to_bytes());
    }
}

#[cfg(test)]
mod tests {
    use quorate_mqtt::codec::decode;
    use quorate_mqtt::codec::frame::{Split, split};
    use quorate_mqtt::packet::Packet;

    use super::*;

    const STAMP: Stamp = Stamp {
        publisher: 7,
        sequence: 9,
        sent_ns: 11,
    };

    #[test]
    fn each_copy_decodes_to_what_was_put_in() {
        for version in [Version::V3_1_1, Version::V5] {
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                for payload_bytes in [16, 100, 200, 20_000] {
                    round_trip(version, qos, payload_bytes);
                }
            }
        }
    }

    fn round_trip(version: Version, qos: QoS, payload_bytes: usize) {
        let template = PublishTemplate::new(version, qos, "a/b", payload_bytes);
        let id = PacketId::new(0x1234).filter(|_| qos != QoS::AtMostOnce);
        let mut out = b"before".to_vec();
        template.write(id, STAMP, &mut out);
        let Ok(Split::Whole { frame, bytes }) = split(&out[6..], usize::MAX) else {
            panic!("no whole frame");
        };
        assert_eq!(bytes, out.len() - 6);
        let Ok(Packet::Publish(publish)) = decode(version, frame) else {
            panic!("no PUBLISH");
        };
        assert_eq!((publish.topic, publish.qos), ("a/b", qos));
        assert_eq!(publish.packet_id, id);
        assert_eq!(publish.payload.len(), payload_bytes);
        assert_eq!(Stamp::from_payload(publish.payload), Some(STAMP));
        assert!(publish.payload[16..].iter().all(|byte| *byte == PADDING));
    }
}
