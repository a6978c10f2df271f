//! Retained messages: the last value by revision, never by a clock.

use rkyv::{Archive, Deserialize, Serialize};

use crate::ids::{Revision, Timestamp};
use crate::topic_name::TopicName;

/// A message as its publisher sent it. What MQTT 5 adds is kept as one encoded
/// block: the cluster stores it and never looks into it.
#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Message {
    pub qos: QoS,
    pub payload: Vec<u8>,
    pub properties: Vec<u8>,
    pub expires: Option<Timestamp>,
}

/// The names of the MQTT standard.
#[allow(clippy::enum_variant_names)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Archive, Serialize, Deserialize)]
#[rkyv(attr(allow(clippy::enum_variant_names)))]
pub enum QoS {
    AtMostOnce,
    AtLeastOnce,
    ExactlyOnce,
}

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Retained {
    pub revision: Revision,
    pub message: Message,
}

/// What all retained messages together may be, for one more to be kept. Whoever proposes
/// that brings it along: each replica then decides by the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct RetainedBound {
    pub messages: u32,
    /// By weight, and never more than the cluster's own bound.
    pub bytes: u64,
}

/// What a row of the table takes besides its texts and bytes, about.
const ROW_BYTES: usize = 64;

impl Retained {
    /// What the row counts against the bound of all retained messages.
    pub fn weight(&self, topic: &TopicName) -> u64 {
        row_weight(topic, &self.message)
    }
}

/// The same before there is a row.
pub fn row_weight(topic: &TopicName, message: &Message) -> u64 {
    (ROW_BYTES + topic.as_str().len() + message.bytes()) as u64
}

impl RetainedBound {
    /// None but the cluster's own.
    pub const NONE: Self = Self {
        messages: u32::MAX,
        bytes: u64::MAX,
    };
}

impl Message {
    pub fn bytes(&self) -> usize {
        self.payload.len() + self.properties.len()
    }
}
