use super::{OF_3, bytes, decode_one, id, reads_as, refused, same};
use crate::codec::{DecodeError, Malformed, UserProperties};
use crate::packet::{Acknowledgement, Diagnostics, Packet};
use crate::reason::ReasonCode;
use crate::version::Version::V5;

type Make = for<'a> fn(Acknowledgement<'a>) -> Packet<'a>;

const OF_PUBLISH: &[u8] = &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const OF_RELEASE: &[u8] = &[0x00, 0x92];

/// Each with its first byte and its codes.
const KINDS: [(&str, Make, &[u8]); 4] = [
    ("40", |ack| Packet::PubAck(ack), OF_PUBLISH),
    ("50", |ack| Packet::PubRec(ack), OF_PUBLISH),
    ("62", |ack| Packet::PubRel(ack), OF_RELEASE),
    ("70", |ack| Packet::PubComp(ack), OF_RELEASE),
];

#[test]
fn a_packet_id_alone_is_a_success_in_every_version() {
    for (first, make, _) in KINDS {
        let success = make(Acknowledgement::new(id(0x1234), ReasonCode::Success));
        for version in super::ALL {
            same(version, &format!("{first} 02 1234"), &success);
            refused(
                version,
                &format!("{first} 02 0000"),
                Malformed::PacketIdZero,
            );
            refused(version, &format!("{first} 01 12"), Malformed::Short);
            refused(version, &format!("{first} 00"), Malformed::Short);
        }
        reads_as(V5, &format!("{first} 03 1234 00"), &success);
        reads_as(V5, &format!("{first} 04 1234 00 00"), &success);
        for version in OF_3 {
            let longer = format!("{first} 03 1234 00");
            refused(version, &longer, Malformed::TrailingBytes);
        }
    }
}

#[test]
fn each_has_its_reason_codes() {
    for (first, make, codes) in KINDS {
        for code in 0..=255 {
            let notation = format!("{first} 03 0001 {code:02x}");
            if !codes.contains(&code) {
                refused(V5, &notation, DecodeError::ReasonCode { code });
                continue;
            }
            let reason = ReasonCode::from_byte(code).unwrap();
            let ack = make(Acknowledgement::new(id(1), reason));
            match reason {
                ReasonCode::Success => reads_as(V5, &notation, &ack),
                _ => same(V5, &notation, &ack),
            }
        }
    }
}

#[test]
fn a_reason_can_be_explained() {
    for (first, make, codes) in KINDS {
        for code in codes {
            let mut block = Vec::new();
            let ack = Acknowledgement {
                packet_id: id(65_535),
                reason: ReasonCode::from_byte(*code).unwrap(),
                diagnostics: Diagnostics {
                    reason_string: Some("why"),
                    user_properties: UserProperties::build([("k", "v")], &mut block),
                },
            };
            let notation = format!("{first} (ffff {code:02x} (1f [why] 26 [k] [v]))");
            same(V5, &notation, &make(ack));
        }
    }
}

#[test]
fn version_3_leaves_out_what_it_has_no_place_for() {
    for (first, make, codes) in KINDS {
        let reason = ReasonCode::from_byte(*codes.last().unwrap()).unwrap();
        let mut ack = Acknowledgement::new(id(1), reason);
        ack.diagnostics.reason_string = Some("why");
        for version in OF_3 {
            let encoded = super::encoded(version, &make(ack.clone()));
            assert_eq!(encoded, bytes(&format!("{first} 02 0001")));
        }
    }
}

#[test]
fn neither_shorter_nor_longer_in_version_5() {
    for (first, _, _) in KINDS {
        refused(V5, &format!("{first} (0001 00 01)"), Malformed::Short);
        refused(
            V5,
            &format!("{first} (0001 00 00 00)"),
            Malformed::TrailingBytes,
        );
        refused(
            V5,
            &format!("{first} (0001 00 (1f [a]) 00)"),
            Malformed::TrailingBytes,
        );
        refused(
            V5,
            &format!("{first} (0001 00 (1f 0001 00))"),
            Malformed::Nul,
        );
        let empty_text = format!("{first} (0001 00 (1f []))");
        assert!(decode_one(V5, &bytes(&empty_text)).is_ok());
    }
}
