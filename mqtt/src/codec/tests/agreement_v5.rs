//! Where mqttbytes is right about 5.0, each codec reads what the other wrote as the
//! packet that was meant. It has other orders of properties, so bytes may differ.

use bytes::BytesMut;
use mqttbytes::{QoS, v5};
use proptest::prelude::*;

use super::arbitrary::any_packet;
use super::{decode_one, encoded};
use crate::codec::UserProperties;
use crate::packet::{
    Acknowledgement, Diagnostics, Disconnect, Packet, Publish, RetainHandling, SubAck, Subscribe,
    UnsubAck,
};
use crate::version::Version::V5;

fn qos(ours: quorate_model::retained::QoS) -> QoS {
    mqttbytes::qos(ours as u8).unwrap()
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn pairs(properties: UserProperties<'_>) -> Vec<(String, String)> {
    let pairs = properties.iter();
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// None for what it cannot say or read.
fn theirs(packet: &Packet<'_>) -> Option<v5::Packet> {
    Some(match packet {
        Packet::Publish(publish) => v5::Packet::Publish(their_publish(publish)?),
        Packet::PubAck(ack) => v5::Packet::PubAck(their_puback(ack)?),
        Packet::Subscribe(subscribe) => v5::Packet::Subscribe(their_subscribe(subscribe)),
        Packet::SubAck(suback) => v5::Packet::SubAck(their_suback(suback)?),
        Packet::UnsubAck(unsuback) => v5::Packet::UnsubAck(their_unsuback(unsuback)?),
        Packet::Disconnect(disconnect) => v5::Packet::Disconnect(their_disconnect(disconnect)?),
        Packet::PingReq => v5::Packet::PingReq,
        Packet::PingResp => v5::Packet::PingResp,
        _ => return None,
    })
}

/// With several subscription identifiers it loses count of the properties.
fn their_publish(publish: &Publish<'_>) -> Option<v5::Publish> {
    let ids = publish.subscription_ids.iter().map(|id| id.get() as usize);
    let properties = v5::PublishProperties {
        payload_format_indicator: publish.properties.payload_is_text.map(u8::from),
        message_expiry_interval: publish.properties.expiry_s,
        topic_alias: publish.topic_alias.map(|alias| alias.get()),
        response_topic: owned(publish.properties.response_topic),
        correlation_data: publish
            .properties
            .correlation_data
            .map(|data| data.to_vec().into()),
        user_properties: pairs(publish.properties.user_properties),
        subscription_identifiers: ids.collect(),
        content_type: owned(publish.properties.content_type),
    };
    let has_any = publish.topic_alias.is_some()
        || !publish.subscription_ids.is_empty()
        || !publish.properties.is_empty();
    (properties.subscription_identifiers.len() < 2).then(|| v5::Publish {
        dup: publish.duplicate,
        qos: qos(publish.qos),
        retain: publish.retain,
        topic: publish.topic.to_owned(),
        pkid: publish.packet_id.map_or(0, |id| id.get()),
        properties: has_any.then_some(properties),
        payload: publish.payload.to_vec().into(),
    })
}

fn says_more(diagnostics: &Diagnostics<'_>) -> bool {
    *diagnostics != Diagnostics::default()
}

fn their_puback(ack: &Acknowledgement<'_>) -> Option<v5::PubAck> {
    Some(v5::PubAck {
        pkid: ack.packet_id.get(),
        reason: match ack.reason.byte() {
            0 => v5::PubAckReason::Success,
            0x10 => v5::PubAckReason::NoMatchingSubscribers,
            0x80 => v5::PubAckReason::UnspecifiedError,
            0x91 => v5::PubAckReason::PacketIdentifierInUse,
            0x97 => v5::PubAckReason::QuotaExceeded,
            _ => return None,
        },
        properties: says_more(&ack.diagnostics).then(|| v5::PubAckProperties {
            reason_string: owned(ack.diagnostics.reason_string),
            user_properties: pairs(ack.diagnostics.user_properties),
        }),
    })
}

fn their_subscribe(subscribe: &Subscribe<'_>) -> v5::Subscribe {
    let filters = subscribe
        .requests
        .iter()
        .map(|request| v5::SubscribeFilter {
            path: request.filter.to_owned(),
            qos: qos(request.options.qos),
            nolocal: request.options.no_local,
            preserve_retain: request.options.retain_as_published,
            retain_forward_rule: match request.options.retain_handling {
                RetainHandling::Always => v5::RetainForwardRule::OnEverySubscribe,
                RetainHandling::IfNew => v5::RetainForwardRule::OnNewSubscribe,
                RetainHandling::Never => v5::RetainForwardRule::Never,
            },
        });
    let has_any = subscribe.subscription_id.is_some() || !subscribe.user_properties.is_empty();
    v5::Subscribe {
        pkid: subscribe.packet_id.get(),
        filters: filters.collect(),
        properties: has_any.then(|| v5::SubscribeProperties {
            id: subscribe.subscription_id.map(|id| id.get() as usize),
            user_properties: pairs(subscribe.user_properties),
        }),
    }
}

fn their_suback(suback: &SubAck<'_>) -> Option<v5::SubAck> {
    let codes = suback
        .reasons
        .iter()
        .map(|code| code.byte().try_into().ok());
    Some(v5::SubAck {
        pkid: suback.packet_id.get(),
        return_codes: codes.collect::<Option<_>>()?,
        properties: says_more(&suback.diagnostics).then(|| v5::SubAckProperties {
            reason_string: owned(suback.diagnostics.reason_string),
            user_properties: pairs(suback.diagnostics.user_properties),
        }),
    })
}

fn their_unsuback(unsuback: &UnsubAck<'_>) -> Option<v5::UnsubAck> {
    let codes = unsuback.reasons.iter().map(|code| match code.byte() {
        0 => Some(v5::UnsubAckReason::Success),
        0x11 => Some(v5::UnsubAckReason::NoSubscriptionExisted),
        0x80 => Some(v5::UnsubAckReason::UnspecifiedError),
        0x91 => Some(v5::UnsubAckReason::PacketIdentifierInUse),
        _ => None,
    });
    Some(v5::UnsubAck {
        pkid: unsuback.packet_id.get(),
        reasons: codes.collect::<Option<_>>()?,
        properties: says_more(&unsuback.diagnostics).then(|| v5::UnsubAckProperties {
            reason_string: owned(unsuback.diagnostics.reason_string),
            user_properties: pairs(unsuback.diagnostics.user_properties),
        }),
    })
}

/// It can only read one with properties.
fn their_disconnect(disconnect: &Disconnect<'_>) -> Option<v5::Disconnect> {
    let properties = v5::DisconnectProperties {
        session_expiry_interval: disconnect.session_expiry_s,
        reason_string: owned(disconnect.diagnostics.reason_string),
        user_properties: pairs(disconnect.diagnostics.user_properties),
        server_reference: owned(disconnect.server_reference),
    };
    let has_any = properties != v5::DisconnectProperties::new();
    has_any.then_some(v5::Disconnect {
        reason_code: disconnect.reason.byte().try_into().ok()?,
        properties: Some(properties),
    })
}

fn written(packet: &v5::Packet) -> BytesMut {
    let mut out = BytesMut::new();
    let out_ref = &mut out;
    let written = match packet {
        v5::Packet::Publish(one) => one.write(out_ref),
        v5::Packet::PubAck(one) => one.write(out_ref),
        v5::Packet::Subscribe(one) => one.write(out_ref),
        v5::Packet::SubAck(one) => one.write(out_ref),
        v5::Packet::UnsubAck(one) => one.write(out_ref),
        v5::Packet::Disconnect(one) => one.write(out_ref),
        v5::Packet::PingReq => v5::PingReq.write(out_ref),
        v5::Packet::PingResp => v5::PingResp.write(out_ref),
        other => panic!("{other:?} is not among those compared"),
    };
    written.unwrap();
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn each_codec_reads_what_the_other_wrote(packet in any_packet(V5)) {
        let Some(theirs) = theirs(&packet) else {
            return Ok(());
        };
        let ours = encoded(V5, &packet);
        let read = v5::read(&mut BytesMut::from(&ours[..]), ours.len());
        prop_assert_eq!(read.as_ref(), Ok(&theirs));
        let their_bytes = written(&theirs);
        let decoded = decode_one(V5, &their_bytes);
        prop_assert_eq!(decoded.as_ref(), Ok(&packet));
        prop_assert_eq!(their_bytes.len(), ours.len());
    }
}
