//! The names in a client's certificate.
//!
//! ```text
//! subject: SET { SEQUENCE { OID, string } ... } ...      2.5.4.3 is the common name
//! ```

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const LONG_LENGTH: u8 = 0x80;

/// Of a certificate that was verified: an authority that the operator trusts says that
/// the client is called so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientNames {
    /// None too for one that has control characters, or that comes twice: there,
    /// readers differ in which they believe.
    pub(crate) common_name: Option<String>,
    /// DNS names among the alternative names of the subject.
    pub(crate) dns_names: Vec<String>,
}

impl ClientNames {
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Self {
        // It was verified with the same parser.
        let Ok(parsed) = EndEntityCert::try_from(certificate) else {
            return Self::default();
        };
        Self {
            common_name: common_name(parsed.subject()).map(str::to_owned),
            dns_names: parsed.valid_dns_names().map(str::to_owned).collect(),
        }
    }
}

/// In a subject without its outermost SEQUENCE.
fn common_name(mut subject: &[u8]) -> Option<&str> {
    let mut found = None;
    while !subject.is_empty() {
        let (mut attributes, rest) = expect(SET, subject)?;
        subject = rest;
        while !attributes.is_empty() {
            let (attribute, rest) = expect(SEQUENCE, attributes)?;
            attributes = rest;
            let (kind, value) = expect(OBJECT_ID, attribute)?;
            if kind == COMMON_NAME && found.replace(text(value)?).is_some() {
                return None;
            }
        }
    }
    found.filter(|name| !name.is_empty() && !name.chars().any(char::is_control))
}

/// Of the kinds of strings that are UTF-8 as they are; others have gone out of use.
fn text(value: &[u8]) -> Option<&str> {
    let (tag, content, rest) = element(value)?;
    let is_utf8 = matches!(tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING);
    (is_utf8 && rest.is_empty()).then(|| std::str::from_utf8(content).ok())?
}

fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(bytes)?;
    (found == tag).then_some((content, rest))
}

/// The tag and the content of the first element, and what follows it. Lengths of more
/// than two bytes do not occur in a name.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, length, rest) = match bytes {
        [tag, length, rest @ ..] if *length < LONG_LENGTH => (*tag, usize::from(*length), rest),
        [tag, 0x81, length, rest @ ..] => (*tag, usize::from(*length), rest),
        [tag, 0x82, high, low, rest @ ..] => {
            (*tag, usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

    use super::*;

    fn names(subject: &[(DnType, DnValue)], dns: &[&str]) -> ClientNames {
        let dns: Vec<String> = dns.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(dns).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in subject {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        let key = KeyPair::generate().unwrap();
        ClientNames::of(params.self_signed(&key).unwrap().der())
    }

    fn utf8(text: &str) -> DnValue {
        DnValue::Utf8String(text.to_owned())
    }

    fn attribute(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        let mut inner = wrap(OBJECT_ID, kind);
        inner.extend(wrap(tag, value));
        wrap(SEQUENCE, &inner)
    }

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len() as u16;
        let mut bytes = vec![tag];
        match content.len() {
            0..0x80 => bytes.push(length as u8),
            0x80..0x100 => bytes.extend([0x81, length as u8]),
            _ => {
                bytes.push(0x82);
                bytes.extend(length.to_be_bytes());
            }
        }
        bytes.extend(content);
        bytes
    }

    #[test]
    fn names_are_found_among_others() {
        let found = names(
            &[
                (DnType::OrganizationName, utf8("Sensors")),
                (DnType::CommonName, utf8("café 7")),
                (DnType::CountryName, utf8("NL")),
            ],
            &["a.example", "b.example"],
        );
        assert_eq!(found.common_name.as_deref(), Some("café 7"));
        assert_eq!(found.dns_names, ["a.example", "b.example"]);
        let printable = DnValue::PrintableString("device".try_into().unwrap());
        let found = names(&[(DnType::CommonName, printable)], &[]);
        assert_eq!(found.common_name.as_deref(), Some("device"));
        assert_eq!(
            names(&[(DnType::OrganizationName, utf8("x"))], &[]),
            ClientNames::default()
        );
        let long = "x".repeat(300);
        let found = names(&[(DnType::CommonName, utf8(&long))], &[]);
        assert_eq!(found.common_name, Some(long));
    }

    #[test]
    fn a_name_in_doubt_is_none() {
        for name in ["", "a\nb", "a\0"] {
            assert_eq!(
                names(&[(DnType::CommonName, utf8(name))], &[]).common_name,
                None
            );
        }
        let one = attribute(COMMON_NAME, UTF8_STRING, b"one");
        let two = attribute(COMMON_NAME, UTF8_STRING, b"two");
        let in_one_set = wrap(SET, &[one.clone(), two.clone()].concat());
        assert_eq!(common_name(&in_one_set), None);
        let in_two_sets = [wrap(SET, &one), wrap(SET, &two)].concat();
        assert_eq!(common_name(&in_two_sets), None);
        let with_other = [one, attribute(&[0x55, 4, 10], UTF8_STRING, b"two")].concat();
        assert_eq!(common_name(&wrap(SET, &with_other)), Some("one"));
        let universal = attribute(COMMON_NAME, 0x1c, b"one");
        assert_eq!(common_name(&wrap(SET, &universal)), None);
        let no_text = attribute(COMMON_NAME, UTF8_STRING, &[0xff]);
        assert_eq!(common_name(&wrap(SET, &no_text)), None);
    }

    #[test]
    fn a_cut_subject_has_no_name() {
        let whole = wrap(SET, &attribute(COMMON_NAME, UTF8_STRING, &[b'x'; 300]));
        assert!(common_name(&whole).is_some());
        for length in 0..whole.len() {
            assert_eq!(common_name(&whole[..length]), None);
        }
    }

    proptest! {
        #[test]
        fn no_subject_is_too_odd(subject in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = common_name(&subject);
        }
    }
}
