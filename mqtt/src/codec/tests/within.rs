//! Packets for receivers that say how much they take.

use super::{bytes, encoded, id};
use crate::codec::{TooLarge, UserProperties, encode_within};
use crate::packet::{
    Acknowledgement, Auth, ConnAck, Connect, Diagnostics, Disconnect, Packet, ReasonCodes, SubAck,
    UnsubAck,
};
use crate::reason::ReasonCode;
use crate::version::Version::{V3_1_1, V5};

/// Every packet that can do without something, with that.
fn explained<'a>(diagnostics: Diagnostics<'a>) -> Vec<Packet<'a>> {
    let reason = ReasonCode::PacketIdentifierNotFound;
    let release = Acknowledgement {
        packet_id: id(1),
        reason,
        diagnostics,
    };
    let receipt = Acknowledgement {
        reason: ReasonCode::QuotaExceeded,
        ..release.clone()
    };
    let reasons = ReasonCodes::new(&[0x80]).unwrap();
    vec![
        Packet::ConnAck(ConnAck {
            diagnostics,
            ..ConnAck::refusal(ReasonCode::NotAuthorized)
        }),
        Packet::PubAck(receipt.clone()),
        Packet::PubRec(receipt),
        Packet::PubRel(release.clone()),
        Packet::PubComp(release),
        Packet::SubAck(SubAck {
            packet_id: id(1),
            reasons,
            diagnostics,
        }),
        Packet::UnsubAck(UnsubAck {
            packet_id: id(1),
            reasons,
            diagnostics,
        }),
        Packet::Disconnect(Disconnect {
            session_expiry_s: Some(1),
            diagnostics,
            ..Disconnect::new(ReasonCode::ServerMoved)
        }),
        Packet::Auth(Auth {
            reason: ReasonCode::ContinueAuthentication,
            method: Some("m"),
            data: Some(b"d"),
            diagnostics,
        }),
    ]
}

fn within(packet: &Packet<'_>, limit: usize) -> Result<Vec<u8>, TooLarge> {
    let mut out = b"before".to_vec();
    let done = encode_within(V5, packet, limit, &mut out);
    let written = out.strip_prefix(b"before").unwrap().to_vec();
    match done {
        Ok(()) => Ok(written),
        Err(error) => {
            assert!(written.is_empty(), "{written:02x?} are left behind");
            Err(error)
        }
    }
}

#[test]
fn user_properties_go_first_then_the_reason_string_then_the_packet() {
    let mut block = Vec::new();
    let text = Diagnostics {
        reason_string: Some("it would not do"),
        user_properties: UserProperties::default(),
    };
    let both = Diagnostics {
        user_properties: UserProperties::build([("k", "v"), ("l", "w")], &mut block),
        ..text
    };
    let all = explained(both).into_iter().zip(explained(text));
    let all = all.zip(explained(Diagnostics::default()));
    for ((with_both, with_text), with_none) in all {
        let name = with_both.name();
        let [both, text, none] = [&with_both, &with_text, &with_none].map(|one| encoded(V5, one));
        assert!(both.len() > text.len() && text.len() > none.len());
        for limit in both.len()..both.len() + 2 {
            assert_eq!(within(&with_both, limit).as_ref(), Ok(&both), "{name}");
        }
        for limit in text.len()..both.len() {
            assert_eq!(within(&with_both, limit).as_ref(), Ok(&text), "{name}");
        }
        for limit in none.len()..text.len() {
            assert_eq!(within(&with_both, limit).as_ref(), Ok(&none), "{name}");
        }
        for limit in 0..none.len() {
            let bytes = none.len();
            let error = Err(TooLarge { bytes, limit });
            assert_eq!(within(&with_both, limit), error, "{name}");
        }
    }
}

#[test]
fn user_properties_alone_can_go_too() {
    let mut block = Vec::new();
    let diagnostics = Diagnostics {
        reason_string: None,
        user_properties: UserProperties::build([("k", "v")], &mut block),
    };
    let none = explained(Diagnostics::default());
    for (packet, none) in explained(diagnostics).into_iter().zip(none) {
        let none = encoded(V5, &none);
        assert_eq!(within(&packet, none.len()).as_ref(), Ok(&none));
    }
}

#[test]
fn a_message_is_never_cut() {
    let (mut pairs, payload) = (Vec::new(), [7; 100]);
    let mut publish = super::publish::message("a", &payload);
    publish.properties.user_properties = UserProperties::build([("k", "v")], &mut pairs);
    let packet = Packet::Publish(publish);
    let whole = encoded(V5, &packet);
    let bytes = whole.len();
    assert_eq!(within(&packet, bytes), Ok(whole));
    let limit = bytes - 1;
    assert_eq!(within(&packet, limit), Err(TooLarge { bytes, limit }));
}

#[test]
fn neither_are_packets_that_a_client_sends() {
    let mut pairs = Vec::new();
    let packet = Packet::Connect(Connect {
        user_properties: UserProperties::build([("k", "v")], &mut pairs),
        ..Connect::new(V5, "c")
    });
    let bytes = encoded(V5, &packet).len();
    let limit = bytes - 1;
    assert_eq!(within(&packet, limit), Err(TooLarge { bytes, limit }));
    let error = TooLarge { bytes: 2, limit: 1 };
    assert_eq!(within(&Packet::PingResp, 1), Err(error));
}

#[test]
fn version_3_has_nothing_to_leave_out() {
    let mut out = Vec::new();
    let mut ack = Acknowledgement::new(id(1), ReasonCode::Success);
    ack.diagnostics.reason_string = Some("why");
    encode_within(V3_1_1, &Packet::PubAck(ack), 4, &mut out).unwrap();
    assert_eq!(out, bytes("40 02 0001"));
}
