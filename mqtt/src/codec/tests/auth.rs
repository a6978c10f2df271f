use super::{refused, same};
use crate::codec::{DecodeError, Malformed, UserProperties};
use crate::packet::{Auth, Diagnostics, Packet};
use crate::reason::ReasonCode;
use crate::version::Version::V5;

fn step(reason: ReasonCode) -> Auth<'static> {
    Auth {
        reason,
        method: Some("SCRAM"),
        data: None,
        diagnostics: Diagnostics::default(),
    }
}

#[test]
fn success_may_be_empty() {
    let auth = Auth {
        method: None,
        ..step(ReasonCode::Success)
    };
    same(V5, "f0 00", &Packet::Auth(auth));
}

#[test]
fn its_reason_codes() {
    for code in 0..=255 {
        let notation = format!("f0 0a {code:02x} 08 15 0005 534352414d");
        match code {
            0x00 | 0x18 | 0x19 => {
                let reason = ReasonCode::from_byte(code).unwrap();
                same(V5, &notation, &Packet::Auth(step(reason)));
            }
            _ => refused(V5, &notation, DecodeError::ReasonCode { code }),
        }
    }
}

#[test]
fn with_all_that_it_can_have() {
    let mut block = Vec::new();
    let auth = Auth {
        data: Some(&[0, 0xff]),
        diagnostics: Diagnostics {
            reason_string: Some("why"),
            user_properties: UserProperties::build([("k", "v")], &mut block),
        },
        ..step(ReasonCode::ContinueAuthentication)
    };
    let notation = "f0 (18 (15 [SCRAM] 16 0002 00ff 1f [why] 26 [k] [v]))";
    same(V5, notation, &Packet::Auth(auth));
}

#[test]
fn it_has_a_method_unless_it_is_empty() {
    for code in ["00", "18", "19"] {
        let without = format!("f0 ({code} (16 0001 aa))");
        refused(V5, &without, DecodeError::NoAuthMethod);
        refused(V5, &format!("f0 ({code} ())"), DecodeError::NoAuthMethod);
        // Unlike an acknowledgement it has properties once it has a reason.
        refused(V5, &format!("f0 ({code})"), Malformed::Short);
    }
    refused(V5, "f0 (18 (15 [m]) 00)", Malformed::TrailingBytes);
    refused(V5, "f0 (18 (15 0001 00))", Malformed::Nul);
}
