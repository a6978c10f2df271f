//! What a CONNECT asks for, what it gets, and what it is told.

use std::num::{NonZeroU16, NonZeroU32};

use quorate_model::client_id::ClientId;
use quorate_model::retained::QoS;

use super::harness::{Setup, v3, v5, will};
use crate::limits::Limits;
use crate::packet::{ConnAck, Connect, Offer};
use crate::reason::ReasonCode;
use crate::session::{Opening, Refusal};
use crate::version::Version;

fn negotiate(setup: &Setup) -> Result<Opening, Refusal> {
    let fresh = || ClientId::new("fresh").unwrap();
    Opening::negotiate(&setup.connect, &setup.limits, fresh)
}

fn of_version(version: Version) -> Setup {
    v3().with(|connect| *connect = Connect::new(version, "c"))
}

/// What the CONNACK of that client says beyond what it says to all.
fn offer(setup: &Setup) -> Offer<'static> {
    let opening = negotiate(setup).unwrap();
    let connack = opening.connack(false, None, &setup.limits);
    assert_eq!(connack.reason, ReasonCode::Success);
    Offer {
        assigned_client_id: connack.offer.assigned_client_id.map(leak),
        response_information: connack.offer.response_information.map(leak),
        auth_method: connack.offer.auth_method.map(leak),
        server_reference: None,
        auth_data: None,
        ..connack.offer
    }
}

fn leak(text: &str) -> &'static str {
    text.to_owned().leak()
}

/// What every client of a broker with these limits is told.
fn to_all(limits: &Limits) -> Offer<'static> {
    Offer {
        receive_maximum: Some(limits.receive_maximum),
        maximum_packet_size: NonZeroU32::new(limits.max_packet_bytes),
        topic_alias_maximum: limits.topic_alias_maximum,
        ..Offer::default()
    }
}

#[test]
fn an_empty_client_id() {
    let table = [
        (Version::V3_1, true, false),
        (Version::V3_1, false, false),
        (Version::V3_1_1, true, true),
        (Version::V3_1_1, false, false),
        (Version::V5, true, true),
        (Version::V5, false, true),
    ];
    for (version, clean_start, is_assigned) in table {
        let setup = of_version(version).with(|connect| {
            connect.client_id = "";
            connect.clean_start = clean_start;
        });
        match negotiate(&setup) {
            Ok(opening) => {
                assert!(is_assigned, "{version} {clean_start}");
                assert_eq!(opening.client_id.as_str(), "fresh");
                assert_eq!(offer(&setup).assigned_client_id, Some("fresh"));
            }
            Err(refusal) => {
                assert!(!is_assigned, "{version} {clean_start}");
                assert_eq!(refusal, Refusal::NoClientId);
                assert_eq!(refusal.reason(), ReasonCode::ClientIdentifierNotValid);
            }
        }
    }
}

#[test]
fn a_client_is_not_told_the_id_that_it_brought() {
    assert_eq!(offer(&v5()).assigned_client_id, None);
}

#[test]
fn a_client_id_that_is_too_long() {
    let setup = v5().limits(|limits| limits.max_client_id_bytes = 3);
    let of = |client_id| negotiate(&v5_of(client_id)).map(|_| ());
    fn v5_of(client_id: &'static str) -> Setup {
        v5().with(|connect| connect.client_id = client_id)
            .limits(|limits| limits.max_client_id_bytes = 3)
    }
    assert!(negotiate(&setup).is_ok());
    assert_eq!(of("abc"), Ok(()));
    let refusal = of("abcd").unwrap_err();
    assert_eq!(refusal, Refusal::LongClientId { limit: 3 });
    assert_eq!(refusal.reason(), ReasonCode::ClientIdentifierNotValid);
}

#[test]
fn caps_are_told_only_where_they_differ() {
    assert_eq!(offer(&v5()), to_all(&v5().limits));
    let capped = v5().limits(|limits| limits.session_expiry_max_s = 60);
    assert_eq!(offer(&capped).session_expiry_s, Some(60));
    let unasked = v5().with(|connect| connect.session_expiry_s = None);
    assert_eq!(offer(&unasked).session_expiry_s, None);
    let exact = v5().limits(|limits| limits.session_expiry_max_s = 100);
    assert_eq!(offer(&exact).session_expiry_s, None);
}

#[test]
fn what_the_broker_does_not_do_is_told() {
    let setup = v5().limits(|limits| {
        limits.max_qos = QoS::AtLeastOnce;
        limits.retain_available = false;
        limits.wildcard_subscriptions = false;
        limits.shared_subscriptions = false;
        limits.receive_maximum = NonZeroU16::new(3).unwrap();
        limits.max_packet_bytes = 999;
        limits.topic_alias_maximum = 0;
    });
    let expected = Offer {
        maximum_qos: QoS::AtLeastOnce,
        retain_available: false,
        wildcard_subscriptions: false,
        shared_subscriptions: false,
        receive_maximum: NonZeroU16::new(3),
        maximum_packet_size: NonZeroU32::new(999),
        ..Offer::default()
    };
    assert_eq!(offer(&setup), expected);
}

#[test]
fn keep_alive() {
    let table = [
        (Version::V5, 10, None, 15_000, None),
        (Version::V5, 0, None, 0, None),
        (Version::V5, 1, None, 1_500, None),
        (Version::V5, u16::MAX, None, 98_302_500, None),
        (Version::V5, 10, Some(20), 30_000, Some(20)),
        (Version::V5, 0, Some(20), 30_000, Some(20)),
        (Version::V5, 20, Some(20), 30_000, None),
        (Version::V5, 10, Some(0), 0, Some(0)),
        // Nobody could tell them.
        (Version::V3_1_1, 10, Some(5), 15_000, None),
        (Version::V3_1, 0, Some(5), 0, None),
    ];
    for (version, asked, of_server, millis, is_told) in table {
        let setup = of_version(version)
            .with(|connect| connect.keep_alive_s = asked)
            .limits(|limits| limits.server_keep_alive_s = of_server);
        let opening = negotiate(&setup).unwrap();
        assert_eq!(opening.terms.keep_alive_ms, millis, "{version} {asked}");
        assert_eq!(offer(&setup).server_keep_alive_s, is_told);
    }
}

#[test]
fn response_information_is_for_those_who_ask() {
    let asking = |client_id| {
        v5().with(|connect| {
            connect.request_response_information = true;
            connect.client_id = client_id;
        })
        .limits(|limits| limits.response_prefix = Some("re/".into()))
    };
    let setup = asking("c");
    assert_eq!(offer(&setup).response_information, Some("re/c"));
    let silent = asking("c").with(|connect| connect.request_response_information = false);
    assert_eq!(offer(&silent).response_information, None);
    let unprepared = asking("c").limits(|limits| limits.response_prefix = None);
    assert_eq!(offer(&unprepared).response_information, None);
    // Such an id is allowed, and no part of a topic.
    assert_eq!(offer(&asking("+/#")).response_information, None);
    let long = "x".repeat(65_535).leak();
    let long = asking(long).limits(|limits| limits.max_client_id_bytes = 65_535);
    assert_eq!(offer(&long).response_information, None);
}

#[test]
fn quotas_are_the_smaller_of_two() {
    for (asked, limit, granted) in [(None, 32, 32), (Some(10), 32, 10), (Some(99), 32, 32)] {
        let setup = v5()
            .with(|connect| connect.receive_maximum = asked.and_then(NonZeroU16::new))
            .limits(|limits| limits.max_inflight = NonZeroU16::new(limit).unwrap());
        assert_eq!(negotiate(&setup).unwrap().terms.send_quota.get(), granted);
    }
    for (asked, limit, granted) in [(0, 16, 0), (10, 16, 10), (99, 16, 16), (99, 0, 0)] {
        let setup = v5()
            .with(|connect| connect.topic_alias_maximum = asked)
            .limits(|limits| limits.topic_aliases_to_client = limit);
        assert_eq!(negotiate(&setup).unwrap().terms.aliases_to_client, granted);
    }
}

#[test]
fn only_version_5_has_a_receive_maximum() {
    for (version, has_one) in [
        (Version::V3_1, false),
        (Version::V3_1_1, false),
        (Version::V5, true),
    ] {
        let terms = negotiate(&of_version(version)).unwrap().terms;
        assert_eq!(terms.receive_maximum.is_some(), has_one);
        assert_eq!(terms.version, version);
    }
}

#[test]
fn no_packet_is_larger_than_packets_can_be() {
    for (asked, granted) in [
        (None, 268_435_460),
        (Some(u32::MAX), 268_435_460),
        (Some(100), 100),
    ] {
        let setup = v5().with(|connect| {
            connect.maximum_packet_size = asked.and_then(NonZeroU32::new);
        });
        let terms = negotiate(&setup).unwrap().terms;
        assert_eq!(terms.max_packet_bytes, granted);
    }
}

#[test]
fn wills_that_must_not_be() {
    let refused = |last_will, retain_available| {
        let setup = v5()
            .with(|connect| connect.will = Some(last_will))
            .limits(|limits| limits.retain_available = retain_available);
        negotiate(&setup)
            .map(|_| ())
            .map_err(|refusal| refusal.reason())
    };
    assert_eq!(refused(will("w", 0), true), Ok(()));
    assert_eq!(refused(will("w", 0), false), Ok(()));
    for topic in ["", "a/+", "#", "a\0"] {
        assert_eq!(
            refused(will(topic, 0), true),
            Err(ReasonCode::TopicNameInvalid)
        );
    }
    let mut retained = will("w", 0);
    retained.retain = true;
    assert_eq!(refused(retained.clone(), true), Ok(()));
    assert_eq!(
        refused(retained, false),
        Err(ReasonCode::RetainNotSupported)
    );
    let mut text = will("w", 0);
    text.properties.payload_is_text = Some(true);
    assert_eq!(refused(text.clone(), true), Ok(()));
    text.payload = b"\xff";
    assert_eq!(
        refused(text.clone(), true),
        Err(ReasonCode::PayloadFormatInvalid)
    );
    text.properties.payload_is_text = Some(false);
    assert_eq!(refused(text, true), Ok(()));
}

#[test]
fn a_will_keeps_to_the_levels_of_topics() {
    for (topic, is_taken) in [
        ("a/b", true),
        ("a/b/c", false),
        ("//", false),
        ("abc", true),
    ] {
        let setup = v5()
            .with(|connect| connect.will = Some(will(topic, 0)))
            .limits(|limits| limits.max_topic_levels = 2);
        let refused = negotiate(&setup).map_err(|refusal| refusal.reason());
        let expected = (!is_taken).then_some(ReasonCode::TopicNameInvalid);
        assert_eq!(refused.err(), expected, "{topic}");
    }
}

#[test]
fn a_will_keeps_to_the_highest_qos() {
    let levels = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    for (qos, limit) in levels.map(|qos| levels.map(|limit| (qos, limit))).concat() {
        let mut asked = will("w", 0);
        asked.qos = qos;
        let setup = v5()
            .with(|connect| connect.will = Some(asked))
            .limits(|limits| limits.max_qos = limit);
        let refused = negotiate(&setup).map_err(|refusal| refusal.reason());
        let expected = (qos > limit).then_some(ReasonCode::QoSNotSupported);
        assert_eq!(refused.err(), expected, "{qos:?} of {limit:?}");
    }
}

#[test]
fn connack_says_whether_there_was_a_session_and_how_to_go_on() {
    let setup = v5().with(|connect| connect.auth_method = Some("m"));
    let opening = negotiate(&setup).unwrap();
    for session_present in [false, true] {
        let data = Some(b"proof".as_slice());
        let connack = opening.connack(session_present, data, &setup.limits);
        let expected = ConnAck {
            session_present,
            offer: Offer {
                auth_method: Some("m"),
                auth_data: data,
                ..to_all(&setup.limits)
            },
            ..ConnAck::refusal(ReasonCode::Success)
        };
        assert_eq!(connack, expected);
    }
}
