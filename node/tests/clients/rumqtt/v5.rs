//! MQTT 5.0 of rumqttc.

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, ConnectReturnCode, LastWill, Packet, PubAckReason, PubRecReason, Publish,
    SubscribeReasonCode, UnsubAckReason,
};
use rumqttc::v5::{AsyncClient, Event as Said, EventLoop, MqttOptions};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use super::client::{Asked, Event, KEEP_ALIVE, MAX_PACKET_BYTES, Message, Way, Will};
use crate::support::wait::PATIENCE;

pub(super) const NO_MATCHING_SUBSCRIBERS: u8 = 0x10;
pub(super) const NO_SUBSCRIPTION_EXISTED: u8 = 0x11;

pub(super) fn start(
    way: &Way,
    id: &str,
    asked: &Asked,
    events: Sender<Event>,
) -> (AsyncClient, JoinHandle<()>) {
    let mut properties = ConnectProperties::new();
    properties.session_expiry_interval = asked.expiry_s;
    properties.topic_alias_max = asked.topic_alias_maximum;
    properties.max_packet_size = Some(MAX_PACKET_BYTES);
    let mut options = MqttOptions::new(id, way.host(), way.port);
    options
        .set_transport(way.carrier())
        .set_keep_alive(KEEP_ALIVE)
        .set_connection_timeout(PATIENCE.as_secs())
        .set_connect_properties(properties)
        .set_clean_start(asked.expiry_s.is_none());
    if let Some(will) = &asked.will {
        options.set_last_will(LastWill::new(
            will.topic.as_str(),
            Will::PAYLOAD,
            QoS::AtLeastOnce,
            will.retain,
            will.properties.clone(),
        ));
    }
    let (requests, event_loop) = AsyncClient::new(options, 10);
    (requests, tokio::spawn(drive(event_loop, events)))
}

async fn drive(mut event_loop: EventLoop, events: Sender<Event>) {
    loop {
        // After an error, the next poll would connect anew.
        let Ok(said) = event_loop.poll().await else {
            let _ = events.send(Event::Ended).await;
            return;
        };
        if let Some(event) = event(said)
            && events.send(event).await.is_err()
        {
            return;
        }
    }
}

fn event(said: Said) -> Option<Event> {
    Some(match said {
        Said::Incoming(Packet::ConnAck(connack)) => {
            assert_eq!(connack.code, ConnectReturnCode::Success);
            Event::Connected {
                session_present: connack.session_present,
                properties: connack.properties,
            }
        }
        Said::Incoming(Packet::Publish(publish)) => Event::Message(message(publish)),
        Said::Incoming(Packet::SubAck(suback)) => {
            let codes = suback.return_codes.iter().map(|code| match code {
                SubscribeReasonCode::Success(qos) => *qos as u8,
                other => panic!("{other:?}"),
            });
            Event::Subscribed(codes.collect())
        }
        Said::Incoming(Packet::UnsubAck(unsuback)) => {
            let codes = unsuback.reasons.iter().map(|reason| match reason {
                UnsubAckReason::Success => 0,
                UnsubAckReason::NoSubscriptionExisted => NO_SUBSCRIPTION_EXISTED,
                other => panic!("{other:?}"),
            });
            Event::Unsubscribed(codes.collect())
        }
        Said::Incoming(Packet::PubAck(puback)) => Event::Puback(match puback.reason {
            PubAckReason::Success => 0,
            PubAckReason::NoMatchingSubscribers => NO_MATCHING_SUBSCRIBERS,
            other => panic!("{other:?}"),
        }),
        Said::Incoming(Packet::PubRec(pubrec)) => Event::Pubrec(match pubrec.reason {
            PubRecReason::Success => 0,
            PubRecReason::NoMatchingSubscribers => NO_MATCHING_SUBSCRIBERS,
            other => panic!("{other:?}"),
        }),
        Said::Incoming(Packet::PubComp(_)) => Event::Pubcomp,
        Said::Outgoing(Outgoing::Publish(0)) => Event::Written,
        Said::Incoming(_) | Said::Outgoing(_) => return None,
    })
}

fn message(publish: Publish) -> Message {
    Message {
        topic: String::from_utf8(publish.topic.to_vec()).unwrap(),
        payload: publish.payload,
        qos: publish.qos as u8,
        retain: publish.retain,
        duplicate: publish.dup,
        properties: publish.properties.unwrap_or_default(),
    }
}

pub(super) fn qos(number: u8) -> QoS {
    rumqttc::v5::mqttbytes::qos(number).unwrap()
}
