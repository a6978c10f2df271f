//! MQTT 3.1.1 of rumqttc.

use rumqttc::{
    AsyncClient, ConnectReturnCode, Event as Said, EventLoop, LastWill, MqttOptions,
    NetworkOptions, Outgoing, Packet, Publish, QoS, SubscribeReasonCode,
};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use super::client::{Asked, Event, KEEP_ALIVE, MAX_PACKET_BYTES, Message, Way, Will};
use crate::support::wait::PATIENCE;

pub(super) fn start(
    way: &Way,
    id: &str,
    asked: &Asked,
    events: Sender<Event>,
) -> (AsyncClient, JoinHandle<()>) {
    let mut options = MqttOptions::new(id, way.host(), way.port);
    options
        .set_transport(way.carrier())
        .set_keep_alive(KEEP_ALIVE)
        .set_max_packet_size(MAX_PACKET_BYTES as usize, MAX_PACKET_BYTES as usize)
        .set_clean_session(asked.expiry_s.is_none());
    if let Some(will) = &asked.will {
        let topic = will.topic.as_str();
        let will = LastWill::new(topic, Will::PAYLOAD, QoS::AtLeastOnce, will.retain);
        options.set_last_will(will);
    }
    let (requests, mut event_loop) = AsyncClient::new(options, 10);
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(PATIENCE.as_secs());
    event_loop.set_network_options(network);
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
                properties: None,
            }
        }
        Said::Incoming(Packet::Publish(publish)) => Event::Message(message(publish)),
        Said::Incoming(Packet::SubAck(suback)) => {
            let codes = suback.return_codes.iter().map(|code| match code {
                SubscribeReasonCode::Success(qos) => *qos as u8,
                SubscribeReasonCode::Failure => 0x80,
            });
            Event::Subscribed(codes.collect())
        }
        Said::Incoming(Packet::UnsubAck(_)) => Event::Unsubscribed(Vec::new()),
        Said::Incoming(Packet::PubAck(_)) => Event::Puback(0),
        Said::Incoming(Packet::PubRec(_)) => Event::Pubrec(0),
        Said::Incoming(Packet::PubComp(_)) => Event::Pubcomp,
        Said::Outgoing(Outgoing::Publish(0)) => Event::Written,
        Said::Incoming(_) | Said::Outgoing(_) => return None,
    })
}

fn message(publish: Publish) -> Message {
    Message {
        topic: publish.topic,
        payload: publish.payload,
        qos: publish.qos as u8,
        retain: publish.retain,
        duplicate: publish.dup,
        properties: rumqttc::v5::mqttbytes::v5::PublishProperties::default(),
    }
}

pub(super) fn qos(number: u8) -> QoS {
    rumqttc::qos(number).unwrap()
}
