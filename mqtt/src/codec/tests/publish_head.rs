//! The head that is written without its payload is the one of the whole packet.

use std::num::{NonZeroU16, NonZeroU32};

use quorate_model::retained::QoS;

use super::{ALL, encoded, id};
use crate::codec::{PublishHead, SubscriptionIds, UserProperties, write_properties};
use crate::packet::{Packet, Publish, PublishProperties};
use crate::version::Version;

/// Writes it both ways.
#[track_caller]
fn compare(version: Version, publish: Publish<'_>) {
    let ids: Vec<NonZeroU32> = publish.subscription_ids.iter().collect();
    let mut properties = Vec::new();
    write_properties(&publish.properties, &mut properties);
    let head = PublishHead {
        version,
        duplicate: publish.duplicate,
        qos: publish.qos,
        retain: publish.retain,
        topic: publish.topic,
        packet_id: publish.packet_id,
        topic_alias: publish.topic_alias,
        expiry_s: publish.properties.expiry_s,
        subscription_ids: &ids,
        properties: &properties,
        payload_bytes: publish.payload.len(),
    };
    let mut out = b"before".to_vec();
    head.write(&mut out);
    out.extend_from_slice(publish.payload);
    let whole = encoded(version, &Packet::Publish(publish));
    assert_eq!(out.strip_prefix(b"before"), Some(&whole[..]));
    assert_eq!(head.packet_bytes(), whole.len());
}

fn each_properties(mut see: impl FnMut(PublishProperties<'_>)) {
    let mut block = Vec::new();
    let long = "v".repeat(200);
    for expiry_s in [None, Some(0), Some(u32::MAX)] {
        for correlation_data in [None, Some(&b"\0\xff"[..])] {
            for pairs in [vec![], vec![("k", ""), ("k", long.as_str())]] {
                see(PublishProperties {
                    payload_is_text: expiry_s.map(|seconds| seconds == 0),
                    expiry_s,
                    content_type: correlation_data.map(|_| "t"),
                    response_topic: correlation_data.map(|_| "r"),
                    correlation_data,
                    user_properties: UserProperties::build(pairs, &mut block),
                });
            }
        }
    }
}

fn each_flags(mut see: impl FnMut(bool, QoS, bool)) {
    for retain in [false, true] {
        see(false, QoS::AtMostOnce, retain);
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            see(false, qos, retain);
            see(true, qos, retain);
        }
    }
}

#[test]
fn a_head_is_what_encode_writes_for_all_combinations() {
    let payload = vec![7; 20_000];
    let mut block = Vec::new();
    let mut compared = 0;
    for version in ALL {
        each_flags(|duplicate, qos, retain| {
            for topic_alias in [None, NonZeroU16::new(1)] {
                for numbers in [&[][..], &[1], &[127, 128, 16_384, 268_435_455]] {
                    let numbers = numbers
                        .iter()
                        .map(|number| NonZeroU32::new(*number).unwrap());
                    let subscription_ids = SubscriptionIds::build(numbers, &mut block);
                    each_properties(|properties| {
                        for payload_bytes in [0, 16, 200, 20_000] {
                            compared += 1;
                            compare(
                                version,
                                Publish {
                                    duplicate,
                                    qos,
                                    retain,
                                    topic: "sensors/1",
                                    packet_id: (qos != QoS::AtMostOnce).then(|| id(258)),
                                    topic_alias,
                                    subscription_ids,
                                    properties,
                                    payload: &payload[..payload_bytes],
                                },
                            );
                        }
                    });
                }
            }
        });
    }
    assert_eq!(compared, 3 * 10 * 2 * 3 * 12 * 4);
}

#[test]
fn a_head_is_what_encode_writes_around_every_step_of_the_length() {
    let payload = vec![7; 2_097_160];
    for version in ALL {
        for step in [128, 16_384, 2_097_152] {
            for payload_bytes in step - 8..step + 2 {
                compare(
                    version,
                    Publish {
                        payload: &payload[..payload_bytes],
                        ..super::publish::message("a", b"")
                    },
                );
            }
        }
    }
}

#[test]
#[should_panic = "268435456 bytes"]
fn a_packet_longer_than_any_can_be_is_a_bug() {
    let head = PublishHead {
        version: Version::V3_1_1,
        duplicate: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "a",
        packet_id: None,
        topic_alias: None,
        expiry_s: None,
        subscription_ids: &[],
        properties: &[],
        payload_bytes: 268_435_453,
    };
    head.write(&mut Vec::new());
}
