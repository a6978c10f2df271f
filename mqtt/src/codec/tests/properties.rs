//! Table 2-4 of the standard: which property stands in which packet, and how often.

use super::{bytes, decode_one, refused, variable};
use crate::codec::{DecodeError, Malformed};
use crate::version::Version::V5;

/// Every packet with properties; `$` is where they stand.
const CARRIERS: [(&str, &str); 15] = [
    ("CONNECT", "10 ([MQTT] 05 02 0000 ($) [c])"),
    ("WILL", "10 ([MQTT] 05 06 0000 () [c] ($) [w] [])"),
    ("CONNACK", "20 (00 00 ($))"),
    ("PUBLISH", "30 ([a] ($) 'p')"),
    ("PUBACK", "40 (0001 00 ($))"),
    ("PUBREC", "50 (0001 00 ($))"),
    ("PUBREL", "62 (0001 00 ($))"),
    ("PUBCOMP", "70 (0001 00 ($))"),
    ("SUBSCRIBE", "82 (0001 ($) [a] 00)"),
    ("SUBACK", "90 (0001 ($) 00)"),
    ("UNSUBSCRIBE", "a2 (0001 ($) [a])"),
    ("UNSUBACK", "b0 (0001 ($) 00)"),
    ("DISCONNECT", "e0 (00 ($))"),
    ("AUTH", "f0 (18 (15 [m] $))"),
    ("CONNECT", "10 ([MQTT] 05 02 0000 (15 [m] $) [c])"),
];

/// Each property with a value, and where the standard has it.
const PROPERTIES: [(u8, &str, &[&str]); 27] = [
    (0x01, "01", &["PUBLISH", "WILL"]),
    (0x02, "00000001", &["PUBLISH", "WILL"]),
    (0x03, "[t]", &["PUBLISH", "WILL"]),
    (0x08, "[r]", &["PUBLISH", "WILL"]),
    (0x09, "0001 ff", &["PUBLISH", "WILL"]),
    (0x0b, "01", &["PUBLISH", "SUBSCRIBE"]),
    (0x11, "00000001", &["CONNECT", "CONNACK", "DISCONNECT"]),
    (0x12, "[i]", &["CONNACK"]),
    (0x13, "0001", &["CONNACK"]),
    (0x15, "[m]", &["CONNECT", "CONNACK", "AUTH"]),
    (0x16, "0001 ff", &["CONNECT", "CONNACK", "AUTH"]),
    (0x17, "01", &["CONNECT"]),
    (0x18, "00000001", &["WILL"]),
    (0x19, "01", &["CONNECT"]),
    (0x1a, "[i]", &["CONNACK"]),
    (0x1c, "[s]", &["CONNACK", "DISCONNECT"]),
    (
        0x1f,
        "[why]",
        &[
            "CONNACK",
            "PUBACK",
            "PUBREC",
            "PUBREL",
            "PUBCOMP",
            "SUBACK",
            "UNSUBACK",
            "DISCONNECT",
            "AUTH",
        ],
    ),
    (0x21, "0001", &["CONNECT", "CONNACK"]),
    (0x22, "0001", &["CONNECT", "CONNACK"]),
    (0x23, "0001", &["PUBLISH"]),
    (0x24, "01", &["CONNACK"]),
    (0x25, "01", &["CONNACK"]),
    (
        0x26,
        "[k] [v]",
        &[
            "CONNECT",
            "WILL",
            "CONNACK",
            "PUBLISH",
            "PUBACK",
            "PUBREC",
            "PUBREL",
            "PUBCOMP",
            "SUBSCRIBE",
            "SUBACK",
            "UNSUBSCRIBE",
            "UNSUBACK",
            "DISCONNECT",
            "AUTH",
        ],
    ),
    (0x27, "00000001", &["CONNECT", "CONNACK"]),
    (0x28, "01", &["CONNACK"]),
    (0x29, "01", &["CONNACK"]),
    (0x2a, "01", &["CONNACK"]),
];

/// The carriers in which the property does not meet a method that is there already.
fn carriers(id: u8) -> impl Iterator<Item = (&'static str, String)> {
    let method_alone = |notation: &str| notation.replace("15 [m] $", "$");
    CARRIERS.into_iter().filter_map(move |(name, notation)| {
        let with_method = notation.contains("15 [m]");
        match (name, id) {
            ("CONNECT", 0x16) if !with_method => None,
            (_, 0x15) => Some((name, method_alone(notation))),
            _ => Some((name, notation.to_owned())),
        }
    })
}

fn put(into: &str, properties: &str) -> String {
    into.replace('$', properties)
}

#[test]
fn a_property_stands_where_the_table_has_it_and_nowhere_else() {
    for (id, value, places) in PROPERTIES {
        for (name, carrier) in carriers(id) {
            let notation = put(&carrier, &format!("{id:02x} {value}"));
            match places.contains(&name) {
                true => {
                    let bytes = bytes(&notation);
                    let decoded = decode_one(V5, &bytes);
                    assert!(decoded.is_ok(), "{id:02x} in {name}: {decoded:?}");
                }
                false => refused(V5, &notation, DecodeError::MisplacedProperty { id }),
            }
        }
    }
}

#[test]
fn a_property_stands_once_but_for_two_that_may_repeat() {
    for (id, value, places) in PROPERTIES {
        for (name, carrier) in carriers(id) {
            if !places.contains(&name) {
                continue;
            }
            // Another one between them, and the same value: it is one too many.
            let one = format!("{id:02x} {value}");
            let notation = put(&carrier, &format!("{one} 26 [k] [v] {one}"));
            if id == 0x26 || (id, name) == (0x0b, "PUBLISH") {
                assert!(decode_one(V5, &bytes(&notation)).is_ok(), "{notation}");
            } else {
                refused(V5, &notation, DecodeError::DuplicateProperty { id });
            }
        }
    }
}

#[test]
fn numbers_that_no_property_has_are_refused_everywhere() {
    for id in 0..=255_u8 {
        if PROPERTIES.iter().any(|(known, ..)| *known == id) {
            continue;
        }
        let number: String = variable(id.into())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        for (_, carrier) in CARRIERS {
            let notation = put(carrier, &format!("{number} 00000000"));
            refused(V5, &notation, Malformed::UnknownProperty);
        }
    }
    for (_, carrier) in CARRIERS {
        refused(V5, &put(carrier, "8102"), Malformed::UnknownProperty);
        // 0x26, and 0x126, which ends in the same byte.
        refused(
            V5,
            &put(carrier, "a602 [k] [v]"),
            Malformed::UnknownProperty,
        );
        refused(
            V5,
            &put(carrier, "a600 [k] [v]"),
            Malformed::VariableInteger,
        );
        refused(V5, &put(carrier, "ffffffff7f"), Malformed::VariableInteger);
    }
}

#[test]
fn a_value_ends_within_the_properties() {
    for (id, value, places) in PROPERTIES {
        let value = bytes(value);
        for (name, carrier) in carriers(id) {
            if !places.contains(&name) {
                continue;
            }
            for end in 0..value.len() {
                let cut: String = value[..end]
                    .iter()
                    .map(|one| format!("{one:02x}"))
                    .collect();
                let notation = put(&carrier, &format!("{id:02x} {cut}"));
                refused(V5, &notation, Malformed::Short);
            }
        }
    }
}

#[test]
fn values_that_a_property_must_not_have() {
    let places = |id: u8| {
        PROPERTIES
            .iter()
            .find(|(known, ..)| *known == id)
            .unwrap()
            .2
    };
    let flags = [0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a];
    let flags = flags
        .iter()
        .flat_map(|id| [(*id, "02", 2), (*id, "ff", 255)]);
    let zeros = [(0x0b, "00", 0), (0x21, "0000", 0), (0x27, "00000000", 0)];
    for (id, bytes, value) in flags.chain(zeros) {
        for (name, carrier) in carriers(id) {
            if places(id).contains(&name) {
                let notation = put(&carrier, &format!("{id:02x} {bytes}"));
                refused(V5, &notation, DecodeError::PropertyValue { id, value });
            }
        }
    }
}

#[test]
fn the_length_of_properties_is_there_and_right() {
    for (name, carrier) in CARRIERS {
        let too_long = carrier
            .replace("($)", "ffff7f")
            .replace("(15 [m] $)", "ffff7f");
        refused(V5, &too_long, Malformed::Short);
        let two_forms = carrier.replace("($)", "8000").replace("(15 [m] $)", "8000");
        refused(V5, &two_forms, Malformed::VariableInteger);
        let five_bytes = carrier
            .replace("($)", "8080808001")
            .replace("(15 [m] $)", "8080808001");
        refused(V5, &five_bytes, Malformed::VariableInteger);
        let none = put(carrier, "");
        assert!(decode_one(V5, &bytes(&none)).is_ok(), "{name}");
    }
}
