//! Any packet of a version. A packet borrows what it holds, so the generators leak it:
//! a test may.

use std::num::{NonZeroU16, NonZeroU32};

use proptest::option::of;
use proptest::prelude::*;
use quorate_model::retained::QoS;

use crate::codec::{SubscriptionIds, UserProperties};
use crate::packet::{
    Acknowledgement, Auth, ConnAck, Connect, Diagnostics, Disconnect, FilterRequest, FilterTexts,
    LastWill, Offer, Packet, Publish, PublishProperties, ReasonCodes, RetainHandling, SubAck,
    Subscribe, SubscribeRequests, SubscriptionOptions, UnsubAck, Unsubscribe,
};
use crate::packet_id::PacketId;
use crate::reason::ReasonCode;
use crate::version::Version;

pub(crate) fn any_version() -> impl Strategy<Value = Version> {
    prop::sample::select(super::ALL.to_vec())
}

fn text() -> BoxedStrategy<&'static str> {
    let short = "[^\0]{0,12}";
    let long = "[a-z/ü]{120,140}";
    prop_oneof![8 => short, 1 => long]
        .prop_map(|text: String| &*text.leak())
        .boxed()
}

fn topic() -> BoxedStrategy<&'static str> {
    "[^\0+#]{1,12}|[a-z0-9/]{1,90}"
        .prop_map(|text: String| &*text.leak())
        .boxed()
}

fn data() -> BoxedStrategy<&'static [u8]> {
    prop::collection::vec(any::<u8>(), 0..150)
        .prop_map(|data| &*data.leak())
        .boxed()
}

fn leak() -> &'static mut Vec<u8> {
    Box::leak(Box::default())
}

fn user_properties() -> BoxedStrategy<UserProperties<'static>> {
    prop::collection::vec((text(), text()), 0..4)
        .prop_map(|pairs| UserProperties::build(pairs, leak()))
        .boxed()
}

fn diagnostics(version: Version) -> BoxedStrategy<Diagnostics<'static>> {
    if !version.is_5() {
        return Just(Diagnostics::default()).boxed();
    }
    (of(text()), user_properties())
        .prop_map(|(reason_string, user_properties)| Diagnostics {
            reason_string,
            user_properties,
        })
        .boxed()
}

fn qos() -> impl Strategy<Value = QoS> {
    prop::sample::select(vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    any::<NonZeroU16>().prop_map(|id| PacketId::new(id.get()).unwrap())
}

fn message_properties(version: Version) -> BoxedStrategy<PublishProperties<'static>> {
    if !version.is_5() {
        return Just(PublishProperties::default()).boxed();
    }
    let single = (
        of(any::<bool>()),
        of(any::<u32>()),
        of(text()),
        of(topic()),
        of(data()),
    );
    (single, user_properties())
        .prop_map(|(single, user_properties)| PublishProperties {
            payload_is_text: single.0,
            expiry_s: single.1,
            content_type: single.2,
            response_topic: single.3,
            correlation_data: single.4,
            user_properties,
        })
        .boxed()
}

fn will(version: Version) -> BoxedStrategy<LastWill<'static>> {
    let delay_s = any::<u32>().prop_map(move |delay| if version.is_5() { delay } else { 0 });
    let fields = (topic(), data(), qos(), any::<bool>(), delay_s);
    (fields, message_properties(version))
        .prop_map(
            |((topic, payload, qos, retain, delay_s), properties)| LastWill {
                topic,
                payload,
                qos,
                retain,
                delay_s,
                properties,
            },
        )
        .boxed()
}

fn connect(version: Version) -> BoxedStrategy<Connect<'static>> {
    let fields = (
        text(),
        any::<bool>(),
        any::<u16>(),
        of(will(version)),
        of(text()),
        of(data()),
    );
    let plain = fields.prop_map(move |fields| Connect {
        clean_start: fields.1,
        keep_alive_s: fields.2,
        will: fields.3,
        user_name: fields.4,
        password: fields.5.filter(|_| version.is_5() || fields.4.is_some()),
        ..Connect::new(version, fields.0)
    });
    if !version.is_5() {
        return plain.boxed();
    }
    let (short, long) = (any::<NonZeroU16>(), any::<NonZeroU32>());
    let numbers = (of(any::<u32>()), of(short), of(long), any::<u16>());
    let rest = (
        any::<bool>(),
        any::<bool>(),
        user_properties(),
        of((text(), of(data()))),
    );
    (plain, numbers, rest)
        .prop_map(|(plain, numbers, rest)| Connect {
            session_expiry_s: numbers.0,
            receive_maximum: numbers.1,
            maximum_packet_size: numbers.2,
            topic_alias_maximum: numbers.3,
            request_response_information: rest.0,
            request_problem_information: rest.1,
            user_properties: rest.2,
            auth_method: rest.3.map(|(method, _)| method),
            auth_data: rest.3.and_then(|(_, data)| data),
            ..plain
        })
        .boxed()
}

fn offer() -> BoxedStrategy<Offer<'static>> {
    let receive = (of(any::<NonZeroU16>()), of(any::<NonZeroU32>()));
    let seconds = (of(any::<u32>()), of(any::<u16>()));
    let numbers = (receive, seconds, qos(), any::<u16>());
    let flags = any::<[bool; 4]>();
    let texts = (of(text()), of(text()), of(text()), of(text()), of(data()));
    (numbers, flags, texts)
        .prop_map(|(numbers, flags, texts)| Offer {
            session_expiry_s: numbers.1.0,
            receive_maximum: numbers.0.0,
            maximum_qos: numbers.2,
            retain_available: flags[0],
            maximum_packet_size: numbers.0.1,
            assigned_client_id: texts.0,
            topic_alias_maximum: numbers.3,
            wildcard_subscriptions: flags[1],
            subscription_ids: flags[2],
            shared_subscriptions: flags[3],
            server_keep_alive_s: numbers.1.1,
            response_information: texts.1,
            server_reference: texts.2,
            auth_method: texts.3,
            auth_data: texts.4,
        })
        .boxed()
}

fn code(codes: &[u8]) -> BoxedStrategy<ReasonCode> {
    let codes = codes
        .iter()
        .map(|code| ReasonCode::from_byte(*code).unwrap());
    prop::sample::select(codes.collect::<Vec<_>>()).boxed()
}

fn codes(codes: &'static [u8]) -> BoxedStrategy<ReasonCodes<'static>> {
    prop::collection::vec(prop::sample::select(codes), 1..9)
        .prop_map(|codes| ReasonCodes::new(codes.leak()).unwrap())
        .boxed()
}

fn connack(version: Version) -> BoxedStrategy<ConnAck<'static>> {
    let (offer, codes): (_, &[u8]) = match version.is_5() {
        true => (offer(), &[0, 0x80, 0x87, 0x8c, 0x90, 0x95, 0x9f]),
        false => (
            Just(Offer::default()).boxed(),
            &[0, 0x84, 0x85, 0x88, 0x86, 0x87],
        ),
    };
    (any::<bool>(), code(codes), offer, diagnostics(version))
        .prop_map(move |(present, reason, offer, diagnostics)| ConnAck {
            session_present: present && version != Version::V3_1 && reason == ReasonCode::Success,
            reason,
            offer,
            diagnostics,
        })
        .boxed()
}

fn publish(version: Version) -> BoxedStrategy<Publish<'static>> {
    let ids = prop::collection::vec(1..=268_435_455_u32, 0..4);
    let ids = ids.prop_map(move |ids| {
        let ids = ids.into_iter().filter_map(NonZeroU32::new);
        match version.is_5() {
            true => SubscriptionIds::build(ids, leak()),
            false => SubscriptionIds::default(),
        }
    });
    let alias = of(any::<NonZeroU16>()).prop_map(move |alias| alias.filter(|_| version.is_5()));
    let head = (
        any::<bool>(),
        qos(),
        any::<bool>(),
        packet_id(),
        any::<bool>(),
    );
    let rest = (topic(), alias, ids, message_properties(version), data());
    (head, rest)
        .prop_map(
            |(head, (topic, topic_alias, subscription_ids, properties, payload))| {
                let (duplicate, qos, retain, packet_id, by_alias) = head;
                let acknowledged = qos != QoS::AtMostOnce;
                Publish {
                    duplicate: duplicate && acknowledged,
                    qos,
                    retain,
                    topic: if by_alias && topic_alias.is_some() {
                        ""
                    } else {
                        topic
                    },
                    packet_id: acknowledged.then_some(packet_id),
                    topic_alias,
                    subscription_ids,
                    properties,
                    payload,
                }
            },
        )
        .boxed()
}

fn acknowledgement(version: Version, codes: &[u8]) -> BoxedStrategy<Acknowledgement<'static>> {
    let reason = match version.is_5() {
        true => code(codes),
        false => Just(ReasonCode::Success).boxed(),
    };
    (packet_id(), reason, diagnostics(version))
        .prop_map(|(packet_id, reason, diagnostics)| Acknowledgement {
            packet_id,
            reason,
            diagnostics,
        })
        .boxed()
}

fn request(version: Version) -> BoxedStrategy<FilterRequest<'static>> {
    let handling = prop::sample::select(vec![
        RetainHandling::Always,
        RetainHandling::IfNew,
        RetainHandling::Never,
    ]);
    (text(), qos(), any::<bool>(), any::<bool>(), handling)
        .prop_map(
            move |(filter, qos, no_local, retain_as_published, retain_handling)| {
                let options = SubscriptionOptions {
                    qos,
                    no_local,
                    retain_as_published,
                    retain_handling,
                };
                let options = match version.is_5() {
                    true => options,
                    false => SubscriptionOptions::of_qos(qos),
                };
                FilterRequest { filter, options }
            },
        )
        .boxed()
}

fn subscribe(version: Version) -> BoxedStrategy<Subscribe<'static>> {
    let ids = of((1..=268_435_455_u32).prop_map(|id| NonZeroU32::new(id).unwrap()));
    let requests = prop::collection::vec(request(version), 1..5);
    (packet_id(), ids, user_properties(), requests)
        .prop_map(move |(packet_id, id, user_properties, requests)| {
            let block = leak();
            SubscribeRequests::write(requests, version, block);
            Subscribe {
                packet_id,
                subscription_id: id.filter(|_| version.is_5()),
                user_properties: match version.is_5() {
                    true => user_properties,
                    false => UserProperties::default(),
                },
                requests: SubscribeRequests { bytes: block },
            }
        })
        .boxed()
}

fn unsubscribe(version: Version) -> BoxedStrategy<Unsubscribe<'static>> {
    let filters = prop::collection::vec(text(), 1..5);
    (packet_id(), user_properties(), filters)
        .prop_map(move |(packet_id, user_properties, filters)| {
            let block = leak();
            FilterTexts::write(filters, block);
            Unsubscribe {
                packet_id,
                user_properties: match version.is_5() {
                    true => user_properties,
                    false => UserProperties::default(),
                },
                filters: FilterTexts { bytes: block },
            }
        })
        .boxed()
}

fn suback(version: Version) -> BoxedStrategy<SubAck<'static>> {
    let codes = match version.is_5() {
        true => codes(&[0, 1, 2, 0x80, 0x87, 0x8f, 0xa2]),
        false => codes(&[0, 1, 2, 0x80]),
    };
    (packet_id(), codes, diagnostics(version))
        .prop_map(|(packet_id, reasons, diagnostics)| SubAck {
            packet_id,
            reasons,
            diagnostics,
        })
        .boxed()
}

fn unsuback(version: Version) -> BoxedStrategy<UnsubAck<'static>> {
    let codes = match version.is_5() {
        true => codes(&[0, 0x11, 0x80, 0x91]),
        false => Just(ReasonCodes::default()).boxed(),
    };
    (packet_id(), codes, diagnostics(version))
        .prop_map(|(packet_id, reasons, diagnostics)| UnsubAck {
            packet_id,
            reasons,
            diagnostics,
        })
        .boxed()
}

fn disconnect(version: Version) -> BoxedStrategy<Disconnect<'static>> {
    if !version.is_5() {
        return Just(Disconnect::new(ReasonCode::Success)).boxed();
    }
    let reason = code(&[0, 4, 0x80, 0x82, 0x8e, 0x9d]);
    (reason, of(any::<u32>()), of(text()), diagnostics(version))
        .prop_map(
            |(reason, session_expiry_s, server_reference, diagnostics)| Disconnect {
                reason,
                session_expiry_s,
                server_reference,
                diagnostics,
            },
        )
        .boxed()
}

fn auth() -> BoxedStrategy<Auth<'static>> {
    let reason = code(&[0, 0x18, 0x19]);
    (reason, text(), of(data()), diagnostics(Version::V5))
        .prop_map(|(reason, method, data, diagnostics)| Auth {
            reason,
            method: Some(method),
            data,
            diagnostics,
        })
        .boxed()
}

/// Any packet that both sides of a connection of this version could mean.
pub(crate) fn any_packet(version: Version) -> BoxedStrategy<Packet<'static>> {
    let of_publish = acknowledgement(version, &[0, 0x10, 0x80, 0x91, 0x97]);
    let of_release = acknowledgement(version, &[0, 0x92]);
    let of_both = prop_oneof![
        3 => connect(version).prop_map(Packet::Connect),
        2 => connack(version).prop_map(Packet::ConnAck),
        4 => publish(version).prop_map(Packet::Publish),
        1 => of_publish.clone().prop_map(Packet::PubAck),
        1 => of_publish.prop_map(Packet::PubRec),
        1 => of_release.clone().prop_map(Packet::PubRel),
        1 => of_release.prop_map(Packet::PubComp),
        2 => subscribe(version).prop_map(Packet::Subscribe),
        2 => suback(version).prop_map(Packet::SubAck),
        2 => unsubscribe(version).prop_map(Packet::Unsubscribe),
        2 => unsuback(version).prop_map(Packet::UnsubAck),
        1 => Just(Packet::PingReq),
        1 => Just(Packet::PingResp),
        2 => disconnect(version).prop_map(Packet::Disconnect),
    ];
    match version.is_5() {
        true => prop_oneof![15 => of_both, 1 => auth().prop_map(Packet::Auth)].boxed(),
        false => of_both.boxed(),
    }
}
