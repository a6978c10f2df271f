//! Retained messages: the last value by revision, never by a clock.

use rkyv::{Archive, Deserialize, Serialize};

use crate::ids::{Revision, Timestamp};

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

impl Message {
    /// What the message counts against the bound of all retained messages.
    pub fn weight(&self) -> u64 {
        (self.payload.len() + self.properties.len()) as u64
    }
}
