//! What a packet says at its beginning.

use quorate_model::retained::QoS;
use quorate_mqtt::codec::frame::{Frame, Split, split};
use quorate_mqtt::version::Version;

/// Of a CONNECT, up to the level of the protocol: header, name, level.
pub(super) const VERSION_BYTES: usize = 5 + 2 + 6 + 1;

/// Which version a CONNECT is of; None for as long as too little has come of it, or for
/// bytes that will not be let in.
pub(super) fn version(bytes: &[u8]) -> Option<Version> {
    let body = match split(bytes, usize::MAX).ok()? {
        Split::Whole { frame, .. } => frame.body,
        Split::Partial { total: Some(_) } => {
            let length = bytes.iter().skip(1).position(|byte| byte & 0x80 == 0)?;
            &bytes[length + 2..]
        }
        Split::Partial { total: None } => return None,
    };
    let (name, rest) = text(body)?;
    let level = *rest.first()?;
    [Version::V3_1, Version::V3_1_1, Version::V5]
        .into_iter()
        .find(|version| version.level() == level && version.protocol_name().as_bytes() == name)
}

/// Whether a CONNACK lets the client in.
pub(super) fn lets_in(frame: Frame<'_>) -> bool {
    frame.first >> 4 == 2 && frame.body.get(1) == Some(&0)
}

/// With which acknowledgements and SUBSCRIBE begin.
pub(super) fn packet_id(body: &[u8]) -> Option<u16> {
    let (id, _) = body.split_first_chunk()?;
    Some(u16::from_be_bytes(*id))
}

/// Whether an acknowledgement says that it came to nothing.
pub(super) fn is_refusal(body: &[u8]) -> bool {
    body.get(2).is_some_and(|reason| *reason >= 0x80)
}

/// Topic and packet id of a PUBLISH.
pub(super) fn publish(frame: Frame<'_>) -> Option<(&str, Option<u16>)> {
    let (topic, rest) = text(frame.body)?;
    let is_acknowledged = (frame.first >> 1) & 3 != QoS::AtMostOnce as u8;
    let id = match is_acknowledged {
        true => Some(packet_id(rest)?),
        false => None,
    };
    Some((str::from_utf8(topic).ok()?, id))
}

fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

#[cfg(test)]
mod tests {
    use quorate_mqtt::codec::encode;
    use quorate_mqtt::packet::{Connect, Packet};

    use super::*;

    #[test]
    fn the_version_is_known_as_soon_as_it_has_come() {
        for known in [Version::V3_1, Version::V3_1_1, Version::V5] {
            for id in ["", &"long".repeat(100)] {
                let mut bytes = Vec::new();
                encode(known, &Packet::Connect(Connect::new(known, id)), &mut bytes);
                let needed = bytes
                    .iter()
                    .position(|byte| *byte == known.level())
                    .unwrap();
                let first = (0..bytes.len()).find(|to| version(&bytes[..*to]) == Some(known));
                let first = first.unwrap();
                assert!(first <= VERSION_BYTES && first > 8, "{first} {needed}");
                for to in first..=bytes.len() {
                    assert_eq!(version(&bytes[..to]), Some(known));
                }
            }
        }
        assert_eq!(version(&[0x10, 7, 0, 4, b'M', b'Q', b'T', b'T', 6]), None);
        assert_eq!(version(&[0x10, 7, 0, 4, b'M', b'Q', b'I', b's', 5]), None);
        assert_eq!(version(&[0x10, 0xff, 0xff, 0xff, 0xff]), None);
    }

    #[test]
    fn short_packets_have_no_head() {
        let frame = |first, body| Frame { first, body };
        assert_eq!(publish(frame(0x30, &[])), None);
        assert_eq!(publish(frame(0x30, &[0, 2, b'a'])), None);
        assert_eq!(publish(frame(0x30, &[0, 1, b'a'])), Some(("a", None)));
        assert_eq!(publish(frame(0x32, &[0, 1, b'a', 0])), None);
        assert_eq!(
            publish(frame(0x32, &[0, 1, b'a', 1, 2])),
            Some(("a", Some(258)))
        );
        assert_eq!(publish(frame(0x30, &[0, 1, 0xff])), None);
        assert_eq!(packet_id(&[1]), None);
        assert!(lets_in(frame(0x20, &[0, 0])));
        assert!(!lets_in(frame(0x20, &[0, 5])));
        assert!(!lets_in(frame(0x30, &[0, 0])));
    }
}
