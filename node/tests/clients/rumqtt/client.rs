//! One client of rumqttc, of either version, whose every step waits for the
//! broker's answer. What is said to it and by it is put in the words of version 5.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5::{
    ConnAckProperties, Filter, LastWillProperties, PublishProperties, SubscribeProperties,
};
use rustls::ClientConfig;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;

use super::{v3, v5};
use crate::matrix::{Transport, Version};
use crate::support::wait::PATIENCE;

/// How a client gets to the broker.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) transport: Transport,
    pub(super) version: Version,
    pub(super) port: u16,
    pub(super) tls: Arc<ClientConfig>,
}

impl Way {
    /// With a WebSocket, rumqttc takes an address for what it is told of the host.
    pub(super) fn host(&self) -> String {
        match self.transport {
            Transport::Tcp | Transport::Tls => "127.0.0.1".to_owned(),
            Transport::Ws | Transport::Wss => {
                format!("{}://127.0.0.1:{}/mqtt", self.transport.name(), self.port)
            }
        }
    }

    pub(super) fn carrier(&self) -> rumqttc::Transport {
        let tls = rumqttc::TlsConfiguration::Rustls(Arc::clone(&self.tls));
        match self.transport {
            Transport::Tcp => rumqttc::Transport::Tcp,
            Transport::Tls => rumqttc::Transport::Tls(tls),
            Transport::Ws => rumqttc::Transport::Ws,
            Transport::Wss => rumqttc::Transport::Wss(tls),
        }
    }

    pub(super) async fn connect(&self, id: &str) -> Client {
        self.connect_with(id, Asked::default()).await
    }

    pub(super) async fn connect_with(&self, id: &str, asked: Asked) -> Client {
        let (sender, events) = channel(QUEUE);
        let (requests, driver) = match self.version {
            Version::V3_1_1 => {
                let (requests, driver) = v3::start(self, id, &asked, sender);
                (Requests::V3(requests), driver)
            }
            Version::V5 => {
                let (requests, driver) = v5::start(self, id, &asked, sender);
                (Requests::V5(requests), driver)
            }
        };
        let mut client = Client {
            requests,
            events,
            driver,
            messages: VecDeque::new(),
            session_present: false,
            connack: None,
        };
        let Event::Connected {
            session_present,
            properties,
        } = client.answer().await
        else {
            panic!("no CONNACK");
        };
        client.session_present = session_present;
        client.connack = properties;
        client
    }
}

/// What a CONNECT says.
#[derive(Default)]
pub(super) struct Asked {
    /// The session is to be kept this long. In version 3.1.1 it only says that it is.
    pub(super) expiry_s: Option<u32>,
    pub(super) will: Option<Will>,
    pub(super) topic_alias_maximum: Option<u16>,
}

pub(super) struct Will {
    pub(super) topic: String,
    pub(super) retain: bool,
    pub(super) properties: Option<LastWillProperties>,
}

impl Will {
    pub(super) const PAYLOAD: &str = "gone";
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) qos: u8,
    pub(super) retain: bool,
    pub(super) duplicate: bool,
    pub(super) properties: PublishProperties,
}

/// What came from the broker, or from the connection.
#[derive(Debug)]
pub(super) enum Event {
    Connected {
        session_present: bool,
        properties: Option<ConnAckProperties>,
    },
    Message(Message),
    Subscribed(Vec<u8>),
    Unsubscribed(Vec<u8>),
    /// A message with QoS 0 has been written.
    Written,
    Puback(u8),
    Pubrec(u8),
    Pubcomp,
    Ended,
}

pub(super) enum Requests {
    V3(rumqttc::AsyncClient),
    V5(rumqttc::v5::AsyncClient),
}

pub(super) struct Client {
    requests: Requests,
    events: Receiver<Event>,
    driver: JoinHandle<()>,
    /// Those that came before they were asked for.
    messages: VecDeque<Message>,
    pub(super) session_present: bool,
    pub(super) connack: Option<ConnAckProperties>,
}

impl Client {
    async fn event(&mut self) -> Event {
        let came = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        came.expect("the broker says something in time")
            .expect("the connection has not ended")
    }

    /// The next that is not a message.
    async fn answer(&mut self) -> Event {
        loop {
            match self.event().await {
                Event::Message(message) => self.messages.push_back(message),
                answer => return answer,
            }
        }
    }

    pub(super) async fn receive(&mut self) -> Message {
        if let Some(message) = self.messages.pop_front() {
            return message;
        }
        match self.event().await {
            Event::Message(message) => message,
            other => panic!("{other:?} in place of a message"),
        }
    }

    /// The payloads that come before this one, which comes at last.
    pub(super) async fn receive_until(&mut self, payload: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let message = self.receive().await;
            if message.payload == payload {
                return before;
            }
            before.push(String::from_utf8(message.payload.to_vec()).unwrap());
        }
    }

    /// Returns the reason code: in both versions the granted QoS, or an error.
    pub(super) async fn subscribe(&mut self, path: &str, qos: u8) -> u8 {
        self.subscribe_with(Filter::new(path, v5::qos(qos)), None)
            .await
    }

    pub(super) async fn subscribe_with(&mut self, filter: Filter, id: Option<usize>) -> u8 {
        match &self.requests {
            Requests::V3(requests) => {
                let qos = v3::qos(filter.qos as u8);
                requests.subscribe(filter.path, qos).await.unwrap();
            }
            Requests::V5(requests) => {
                let properties = SubscribeProperties {
                    id,
                    user_properties: Vec::new(),
                };
                let asked = requests.subscribe_many_with_properties([filter], properties);
                asked.await.unwrap();
            }
        }
        match self.answer().await {
            Event::Subscribed(codes) => codes[0],
            other => panic!("{other:?} in place of a SUBACK"),
        }
    }

    pub(super) async fn unsubscribe(&mut self, path: &str) -> Vec<u8> {
        match &self.requests {
            Requests::V3(requests) => requests.unsubscribe(path).await.unwrap(),
            Requests::V5(requests) => requests.unsubscribe(path).await.unwrap(),
        }
        match self.answer().await {
            Event::Unsubscribed(codes) => codes,
            other => panic!("{other:?} in place of an UNSUBACK"),
        }
    }

    /// With QoS 1.
    pub(super) async fn publish(&mut self, topic: &str, payload: &str) -> u8 {
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        self.publish_with(topic, 1, false, payload, None).await
    }

    /// With QoS 1.
    pub(super) async fn retain(&mut self, topic: &str, payload: &str) {
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        self.publish_with(topic, 1, true, payload, None).await;
    }

    /// Returns the reason code of the first answer, once the last has come.
    pub(super) async fn publish_with(
        &mut self,
        topic: &str,
        qos: u8,
        retain: bool,
        payload: Bytes,
        properties: Option<PublishProperties>,
    ) -> u8 {
        self.begin_publish(topic, qos, retain, payload, properties)
            .await;
        match (qos, self.answer().await) {
            (0, Event::Written) => 0,
            (1, Event::Puback(code)) => code,
            (2, Event::Pubrec(code)) => {
                let last = self.answer().await;
                assert!(matches!(last, Event::Pubcomp), "{last:?}");
                code
            }
            (_, other) => panic!("{other:?} after a PUBLISH with QoS {qos}"),
        }
    }

    async fn begin_publish(
        &self,
        topic: &str,
        qos: u8,
        retain: bool,
        payload: Bytes,
        properties: Option<PublishProperties>,
    ) {
        match &self.requests {
            Requests::V3(requests) => {
                let asked = requests.publish(topic, v3::qos(qos), retain, payload);
                asked.await.unwrap();
            }
            Requests::V5(requests) => {
                let properties = properties.unwrap_or_default();
                let qos = v5::qos(qos);
                let asked =
                    requests.publish_with_properties(topic, qos, retain, payload, properties);
                asked.await.unwrap();
            }
        }
    }

    /// One after the other, without waiting for an acknowledgement between them.
    pub(super) async fn publish_all(&mut self, topic: &str, payloads: &[String], qos: u8) {
        for payload in payloads {
            let payload = Bytes::copy_from_slice(payload.as_bytes());
            self.begin_publish(topic, qos, false, payload, None).await;
        }
        let mut done = 0;
        while done < payloads.len() {
            let answer = self.answer().await;
            let is_last = match (qos, &answer) {
                (0, Event::Written) | (1, Event::Puback(0)) | (2, Event::Pubcomp) => true,
                (2, Event::Pubrec(0)) => false,
                _ => panic!("{answer:?} after a PUBLISH with QoS {qos}"),
            };
            done += usize::from(is_last);
        }
    }

    /// Waits for the end that somebody else brings about. Its reason is not to be had:
    /// rumqttc takes a DISCONNECT that stops at its code for the first part of a longer
    /// one.
    pub(super) async fn ended(mut self) {
        let answer = self.answer().await;
        assert!(matches!(answer, Event::Ended), "{answer:?}");
    }

    pub(super) async fn disconnect(self) {
        match &self.requests {
            Requests::V3(requests) => requests.disconnect().await.unwrap(),
            Requests::V5(requests) => requests.disconnect().await.unwrap(),
        }
        // The broker closes the connection then.
        self.ended().await;
    }

    /// Ends the connection without a word: no DISCONNECT, no end of TLS and WebSocket.
    pub(super) async fn kill(self) {
        self.driver.abort();
        assert!(self.driver.await.unwrap_err().is_cancelled());
    }
}

pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// More events than any scenario leaves unread.
const QUEUE: usize = 2_000;
/// By default rumqttc takes 10 KB.
pub(super) const MAX_PACKET_BYTES: u32 = 1_000_000;
