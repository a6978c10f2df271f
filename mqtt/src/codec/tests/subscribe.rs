//! SUBSCRIBE and UNSUBSCRIBE.

use std::num::NonZeroU32;

use quorate_model::retained::QoS;

use super::{ALL, OF_3, bytes, decode_one, id, refused, same};
use crate::codec::{DecodeError, Malformed, UserProperties};
use crate::packet::{
    FilterRequest, FilterTexts, Packet, RetainHandling, Subscribe, SubscribeRequests,
    SubscriptionOptions, Unsubscribe,
};
use crate::version::Version::{self, V5};

fn write(version: Version, requests: &[(&str, SubscriptionOptions)]) -> Vec<u8> {
    let mut out = Vec::new();
    let requests = requests.iter();
    let requests = requests.map(|&(filter, options)| FilterRequest { filter, options });
    SubscribeRequests::write(requests, version, &mut out);
    out
}

#[test]
fn version_3_asks_for_a_qos() {
    let of = SubscriptionOptions::of_qos;
    let wanted = [
        ("a/b", of(QoS::AtMostOnce)),
        ("+", of(QoS::AtLeastOnce)),
        ("#", of(QoS::ExactlyOnce)),
    ];
    for version in OF_3 {
        let block = write(version, &wanted);
        let subscribe = Subscribe {
            packet_id: id(10),
            subscription_id: None,
            user_properties: UserProperties::default(),
            requests: SubscribeRequests { bytes: &block },
        };
        let notation = "82 10 000a 0003 612f62 00 0001 2b 01 0001 23 02";
        same(version, notation, &Packet::Subscribe(subscribe));
    }
}

#[test]
fn version_5_has_options_an_identifier_and_user_properties() {
    let options = SubscriptionOptions {
        qos: QoS::AtLeastOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::Never,
    };
    let block = write(V5, &[("a", options), ("$share/g/#", options)]);
    let mut pairs = Vec::new();
    let subscribe = Subscribe {
        packet_id: id(1),
        subscription_id: NonZeroU32::new(268_435_455),
        user_properties: UserProperties::build([("k", "v")], &mut pairs),
        requests: SubscribeRequests { bytes: &block },
    };
    let notation = "82 (0001 (0b ffffff7f 26 [k] [v]) [a] 2d [$share/g/#] 2d)";
    same(V5, notation, &Packet::Subscribe(subscribe));
}

#[test]
fn every_byte_of_options_is_one_request_or_refused() {
    let meant = |options: SubscriptionOptions| {
        let handling = match options.retain_handling {
            RetainHandling::Always => 0,
            RetainHandling::IfNew => 0x10,
            RetainHandling::Never => 0x20,
        };
        let no_local = u8::from(options.no_local) * 4;
        options.qos as u8 + no_local + u8::from(options.retain_as_published) * 8 + handling
    };
    for byte in 0..=255_u8 {
        let notation = format!("82 (0001 () [a] {byte:02x})");
        if byte & 0xc0 != 0 {
            refused(V5, &notation, Malformed::ReservedBits);
        } else if byte & 3 == 3 {
            refused(V5, &notation, DecodeError::RequestedQoS);
        } else if byte & 0x30 == 0x30 {
            refused(V5, &notation, DecodeError::RetainHandling);
        } else {
            let bytes = bytes(&notation);
            let Ok(Packet::Subscribe(subscribe)) = decode_one(V5, &bytes) else {
                panic!("{byte:02x}");
            };
            let request = subscribe.requests.iter().next().unwrap();
            assert_eq!(meant(request.options), byte);
            assert_eq!(super::encoded(V5, &Packet::Subscribe(subscribe)), bytes);
        }
        for version in OF_3 {
            let notation = format!("82 (0001 [a] {byte:02x})");
            match byte {
                0..=2 => assert!(decode_one(version, &bytes(&notation)).is_ok()),
                3 => refused(version, &notation, Malformed::QoS),
                _ => refused(version, &notation, Malformed::ReservedBits),
            }
        }
    }
}

#[test]
fn the_options_of_every_filter_are_looked_at() {
    refused(V5, "82 (0001 () [a] 00 [b] 40)", Malformed::ReservedBits);
    refused(
        V5,
        "82 (0001 () [a] 00 [b] 30 [c] 00)",
        DecodeError::RetainHandling,
    );
    for version in OF_3 {
        refused(version, "82 (0001 [a] 00 [b] 04)", Malformed::ReservedBits);
    }
}

#[test]
fn the_identifier_of_a_subscription_is_one_and_not_0() {
    let zero = DecodeError::PropertyValue { id: 0x0b, value: 0 };
    refused(V5, "82 (0001 (0b 00) [a] 00)", zero);
    let twice = DecodeError::DuplicateProperty { id: 0x0b };
    refused(V5, "82 (0001 (0b 01 0b 01) [a] 00)", twice);
    refused(V5, "82 (0001 (0b 80) [a] 00)", Malformed::Short);
    refused(V5, "82 (0001 (0b 8000) [a] 00)", Malformed::VariableInteger);
    refused(
        V5,
        "82 (0001 (0b ffffffff01) [a] 00)",
        Malformed::VariableInteger,
    );
}

#[test]
fn at_least_one_filter() {
    for first in ["82", "a2"] {
        for version in OF_3 {
            refused(version, &format!("{first} 02 0001"), DecodeError::NoFilter);
        }
        refused(V5, &format!("{first} 03 0001 00"), DecodeError::NoFilter);
        refused(V5, &format!("{first} 02 0001"), Malformed::Short);
    }
}

#[test]
fn packet_id_0_and_packets_that_end_too_early() {
    for version in ALL {
        refused(version, "82 (0000 () [a] 00)", Malformed::PacketIdZero);
        refused(version, "a2 (0000 () [a])", Malformed::PacketIdZero);
        refused(version, "82 (00)", Malformed::Short);
        refused(version, "a2 ()", Malformed::Short);
    }
    for version in OF_3 {
        refused(version, "82 (0001 [a])", Malformed::Short);
        refused(version, "82 (0001 [a] 00 00)", Malformed::Short);
        refused(version, "82 (0001 [a] 00 0002 'b')", Malformed::Short);
        refused(version, "a2 (0001 [a] 00)", Malformed::Short);
        refused(version, "a2 (0001 0002 'b')", Malformed::Short);
    }
    refused(V5, "82 (0001 () [a])", Malformed::Short);
    refused(V5, "a2 (0001 () [a] 00)", Malformed::Short);
}

#[test]
fn filters_are_utf_8_without_u_0000() {
    let texts = [
        ("0001 00", Malformed::Nul),
        ("0002 'a' ff", Malformed::Utf8),
        ("0003 eda080", Malformed::Utf8),
    ];
    for (text, error) in texts {
        for version in OF_3 {
            refused(version, &format!("82 (0001 [a] 00 {text} 00)"), error);
            refused(version, &format!("a2 (0001 [a] {text})"), error);
        }
        refused(V5, &format!("82 (0001 () {text} 00)"), error);
        refused(V5, &format!("a2 (0001 () {text} [a])"), error);
        refused(V5, &format!("82 (0001 (26 {text} []) [a] 00)"), error);
        refused(V5, &format!("a2 (0001 (26 [] {text}) [a])"), error);
    }
}

/// One bad filter among good ones is answered in the SUBACK, so it passes here.
#[test]
fn whether_a_filter_is_one_is_for_the_session_to_judge() {
    for filter in ["", "a/#/b", "a+", "$share//f", "##"] {
        let notation = format!("82 (0001 () [{filter}] 00)");
        let bytes = bytes(&notation);
        let Ok(Packet::Subscribe(subscribe)) = decode_one(V5, &bytes) else {
            panic!("{filter} is refused");
        };
        let filters: Vec<_> = subscribe.requests.iter().map(|one| one.filter).collect();
        assert_eq!(filters, [filter]);
    }
}

#[test]
fn unsubscribe_in_every_version() {
    let mut block = Vec::new();
    FilterTexts::write(["a/b", "", "#"], &mut block);
    let filters = FilterTexts { bytes: &block };
    assert!(filters.iter().eq(["a/b", "", "#"]));
    let mut unsubscribe = Unsubscribe {
        packet_id: id(10),
        user_properties: UserProperties::default(),
        filters,
    };
    let packet = Packet::Unsubscribe(unsubscribe.clone());
    for version in OF_3 {
        same(version, "a2 0c 000a 0003 612f62 0000 0001 23", &packet);
    }
    same(V5, "a2 0d 000a 00 0003 612f62 0000 0001 23", &packet);
    let mut pairs = Vec::new();
    unsubscribe.user_properties = UserProperties::build([("k", "v"), ("k", "w")], &mut pairs);
    let notation = "a2 (000a (26 [k] [v] 26 [k] [w]) [a/b] [] [#])";
    same(V5, notation, &Packet::Unsubscribe(unsubscribe));
}

#[test]
fn in_3_1_what_is_sent_again_may_say_so() {
    for (once, again) in [
        ("82 (0001 [a] 01)", "8a (0001 [a] 01)"),
        ("a2 (0001 [a])", "aa (0001 [a])"),
        ("62 (0001)", "6a (0001)"),
    ] {
        let (once, again) = (bytes(once), bytes(again));
        let once = decode_one(Version::V3_1, &once).unwrap();
        assert_eq!(decode_one(Version::V3_1, &again), Ok(once));
        let error = Err(Malformed::Flags.into());
        assert_eq!(decode_one(Version::V3_1_1, &again), error);
    }
}
