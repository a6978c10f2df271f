//! An application message on its way through the broker.

use std::cell::OnceCell;
use std::sync::Arc;

use bytes::Bytes;
use quorate_model::retained::QoS;

use crate::moment::Moment;

/// Tells one session from every other one on this node, now and later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionNumber(pub u64);

/// What goes with a message wherever it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    pub qos: QoS,
    /// As its publisher set it.
    pub retain: bool,
    pub expires: Moment,
    /// None for what the broker itself sends on somebody's behalf.
    pub publisher: Option<SessionNumber>,
}

/// A message that somebody has to keep. Its texts and bytes lie in one buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    traits: Traits,
    /// Topic, properties, payload.
    bytes: Bytes,
    topic_bytes: u16,
    property_bytes: u32,
}

/// A message that lies where it came in, for as long as nobody keeps it.
///
/// Most messages go straight into the buffers of their receivers and are never
/// allocated. The first who keeps it makes the copy that all share.
#[derive(Debug)]
pub struct Passing<'a> {
    pub traits: Traits,
    pub topic: &'a str,
    /// As [`write_properties`](crate::codec::write_properties) wrote them.
    pub properties: &'a [u8],
    pub payload: &'a [u8],
    kept: OnceCell<Arc<Message>>,
}

impl Message {
    /// What it takes beside its bytes, about.
    const FIXED_BYTES: usize = 96;

    /// # Panics
    /// If the topic is longer than an MQTT string.
    pub fn new(traits: Traits, topic: &str, properties: &[u8], payload: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(topic.len() + properties.len() + payload.len());
        bytes.extend_from_slice(topic.as_bytes());
        bytes.extend_from_slice(properties);
        bytes.extend_from_slice(payload);
        let topic_bytes = u16::try_from(topic.len());
        Self {
            traits,
            bytes: bytes.into(),
            topic_bytes: topic_bytes.unwrap_or_else(|_| panic!("a topic of {} bytes", topic.len())),
            property_bytes: properties.len() as u32,
        }
    }

    pub const fn traits(&self) -> &Traits {
        &self.traits
    }

    pub fn topic(&self) -> &str {
        let topic = &self.bytes[..usize::from(self.topic_bytes)];
        str::from_utf8(topic).unwrap_or_else(|_| panic!("a topic that is no text: {topic:?}"))
    }

    pub fn properties(&self) -> &[u8] {
        let start = usize::from(self.topic_bytes);
        &self.bytes[start..start + self.property_bytes as usize]
    }

    pub fn payload(&self) -> &[u8] {
        &self.bytes[usize::from(self.topic_bytes) + self.property_bytes as usize..]
    }

    /// What it counts in a bounded queue.
    pub fn weight(&self) -> usize {
        Self::FIXED_BYTES + self.bytes.len()
    }
}

impl<'a> Passing<'a> {
    pub const fn new(
        traits: Traits,
        topic: &'a str,
        properties: &'a [u8],
        payload: &'a [u8],
    ) -> Self {
        Self {
            traits,
            topic,
            properties,
            payload,
            kept: OnceCell::new(),
        }
    }

    /// A kept message that is on its way again.
    pub fn of(message: &'a Arc<Message>) -> Self {
        Self {
            traits: message.traits,
            topic: message.topic(),
            properties: message.properties(),
            payload: message.payload(),
            kept: OnceCell::from(Arc::clone(message)),
        }
    }

    /// The copy that all who keep it share.
    pub fn keep(&self) -> Arc<Message> {
        let make = || Message::new(self.traits, self.topic, self.properties, self.payload);
        Arc::clone(self.kept.get_or_init(|| Arc::new(make())))
    }

    pub fn weight(&self) -> usize {
        Message::FIXED_BYTES + self.topic.len() + self.properties.len() + self.payload.len()
    }
}
