//! Where mqttbytes is right about 3.1.1, both codecs have the same bytes for the same
//! packets.

use bytes::BytesMut;
use mqttbytes::{Protocol, QoS, v4};
use proptest::prelude::*;

use super::arbitrary::any_packet;
use super::{decode_one, encoded};
use crate::packet::{Connect, LastWill, Packet};
use crate::version::Version::V3_1_1;

fn qos(ours: quorate_model::retained::QoS) -> QoS {
    mqttbytes::qos(ours as u8).unwrap()
}

/// None for what it cannot say: a password that is no text, an empty user name, and
/// AUTH.
fn theirs(packet: &Packet<'_>) -> Option<v4::Packet> {
    let owned = str::to_owned;
    Some(match packet {
        Packet::Connect(connect) => v4::Packet::Connect(their_connect(connect)?),
        Packet::ConnAck(connack) => v4::Packet::ConnAck(v4::ConnAck::new(
            match connack.reason.to_v3_return_code() {
                0 => v4::ConnectReturnCode::Success,
                1 => v4::ConnectReturnCode::RefusedProtocolVersion,
                2 => v4::ConnectReturnCode::BadClientId,
                3 => v4::ConnectReturnCode::ServiceUnavailable,
                4 => v4::ConnectReturnCode::BadUserNamePassword,
                _ => v4::ConnectReturnCode::NotAuthorized,
            },
            connack.session_present,
        )),
        Packet::Publish(publish) => v4::Packet::Publish(v4::Publish {
            dup: publish.duplicate,
            qos: qos(publish.qos),
            retain: publish.retain,
            topic: owned(publish.topic),
            pkid: publish.packet_id.map_or(0, |id| id.get()),
            payload: publish.payload.to_vec().into(),
        }),
        Packet::PubAck(ack) => v4::Packet::PubAck(v4::PubAck::new(ack.packet_id.get())),
        Packet::PubRec(ack) => v4::Packet::PubRec(v4::PubRec::new(ack.packet_id.get())),
        Packet::PubRel(ack) => v4::Packet::PubRel(v4::PubRel::new(ack.packet_id.get())),
        Packet::PubComp(ack) => v4::Packet::PubComp(v4::PubComp::new(ack.packet_id.get())),
        Packet::Subscribe(subscribe) => {
            let filters = subscribe.requests.iter();
            let filters = filters
                .map(|one| v4::SubscribeFilter::new(owned(one.filter), qos(one.options.qos)));
            let mut theirs = v4::Subscribe::new_many(filters);
            theirs.pkid = subscribe.packet_id.get();
            v4::Packet::Subscribe(theirs)
        }
        Packet::SubAck(suback) => {
            let codes = suback.reasons.iter().map(|code| match code.byte() {
                0x80 => v4::SubscribeReasonCode::Failure,
                granted => v4::SubscribeReasonCode::Success(mqttbytes::qos(granted).unwrap()),
            });
            v4::Packet::SubAck(v4::SubAck::new(suback.packet_id.get(), codes.collect()))
        }
        Packet::Unsubscribe(unsubscribe) => v4::Packet::Unsubscribe(v4::Unsubscribe {
            pkid: unsubscribe.packet_id.get(),
            topics: unsubscribe.filters.iter().map(owned).collect(),
        }),
        Packet::UnsubAck(ack) => v4::Packet::UnsubAck(v4::UnsubAck::new(ack.packet_id.get())),
        Packet::PingReq => v4::Packet::PingReq,
        Packet::PingResp => v4::Packet::PingResp,
        Packet::Disconnect(_) => v4::Packet::Disconnect,
        Packet::Auth(_) => return None,
    })
}

fn their_connect(connect: &Connect<'_>) -> Option<v4::Connect> {
    let password = String::from_utf8(connect.password.unwrap_or_default().to_vec()).ok()?;
    if connect.user_name == Some("") || (connect.password.is_some() && password.is_empty()) {
        return None;
    }
    let login = connect
        .user_name
        .map(|name| v4::Login::new(name.to_owned(), password));
    let will = |will: &LastWill<'_>| v4::LastWill {
        topic: will.topic.to_owned(),
        message: will.payload.to_vec().into(),
        qos: qos(will.qos),
        retain: will.retain,
    };
    Some(v4::Connect {
        protocol: Protocol::V4,
        keep_alive: connect.keep_alive_s,
        client_id: connect.client_id.to_owned(),
        clean_session: connect.clean_start,
        last_will: connect.will.as_ref().map(will),
        login,
    })
}

fn written(packet: &v4::Packet) -> BytesMut {
    let mut out = BytesMut::new();
    let out_ref = &mut out;
    let written = match packet {
        v4::Packet::Connect(one) => one.write(out_ref),
        v4::Packet::ConnAck(one) => one.write(out_ref),
        v4::Packet::Publish(one) => one.write(out_ref),
        v4::Packet::PubAck(one) => one.write(out_ref),
        v4::Packet::PubRec(one) => one.write(out_ref),
        v4::Packet::PubRel(one) => one.write(out_ref),
        v4::Packet::PubComp(one) => one.write(out_ref),
        v4::Packet::Subscribe(one) => one.write(out_ref),
        v4::Packet::SubAck(one) => one.write(out_ref),
        v4::Packet::Unsubscribe(one) => one.write(out_ref),
        v4::Packet::UnsubAck(one) => one.write(out_ref),
        v4::Packet::PingReq => v4::PingReq.write(out_ref),
        v4::Packet::PingResp => v4::PingResp.write(out_ref),
        v4::Packet::Disconnect => v4::Disconnect.write(out_ref),
    };
    written.unwrap();
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn both_codecs_have_the_same_bytes_for_a_packet(packet in any_packet(V3_1_1)) {
        let Some(theirs) = theirs(&packet) else {
            return Ok(());
        };
        let ours = encoded(V3_1_1, &packet);
        let read = v4::read(&mut BytesMut::from(&ours[..]), ours.len());
        prop_assert_eq!(read.as_ref(), Ok(&theirs));
        let their_bytes = written(&theirs);
        let decoded = decode_one(V3_1_1, &their_bytes);
        prop_assert_eq!(decoded.as_ref(), Ok(&packet));
        prop_assert_eq!(&their_bytes[..], &ours[..]);
    }
}
