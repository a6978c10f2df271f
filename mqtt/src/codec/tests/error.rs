use crate::codec::{DecodeError, Malformed};
use crate::reason::ReasonCode;

#[test]
fn every_refusal_has_the_reason_code_of_the_standard() {
    let table = [
        (DecodeError::Malformed(Malformed::Short), 0x81),
        (DecodeError::MisplacedProperty { id: 1 }, 0x81),
        (DecodeError::DuplicateProperty { id: 1 }, 0x82),
        (DecodeError::PropertyValue { id: 1, value: 2 }, 0x82),
        (DecodeError::NoFilter, 0x82),
        (DecodeError::RequestedQoS, 0x82),
        (DecodeError::RetainHandling, 0x82),
        (DecodeError::ReasonCode { code: 3 }, 0x82),
        (DecodeError::NoAuthMethod, 0x82),
        (DecodeError::AuthInVersion3 { level: 4 }, 0x82),
        (DecodeError::NoTopic, 0x82),
        (DecodeError::NotConnect, 0x82),
        (DecodeError::UnknownVersion { level: 6 }, 0x84),
        (DecodeError::TopicName("it is empty"), 0x90),
        (DecodeError::TopicAliasZero, 0x94),
        (DecodeError::TooLarge { bytes: 2, limit: 1 }, 0x95),
    ];
    for (error, code) in table {
        assert_eq!(error.reason().byte(), code, "{error}");
    }
}

#[test]
fn every_reason_code_is_found_by_its_byte_and_nothing_else_is() {
    let is_defined =
        |byte: u8| matches!(byte, 0x00..=0x02 | 0x04 | 0x10 | 0x11 | 0x18 | 0x19 | 0x80..=0xa2);
    for byte in 0..=255 {
        let code = ReasonCode::from_byte(byte);
        assert_eq!(code.is_some(), is_defined(byte), "{byte:02x}");
        if let Some(code) = code {
            assert_eq!(code.byte(), byte);
            assert_eq!(code.is_error(), byte >= 0x80);
        }
    }
}

#[test]
fn texts_of_different_codes_differ() {
    let texts: std::collections::BTreeSet<_> = (0..=255)
        .filter_map(ReasonCode::from_byte)
        .map(|code| code.to_string())
        .collect();
    assert_eq!(texts.len(), 43);
}
