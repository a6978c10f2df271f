use std::num::NonZeroU16;

use quorate_model::retained::QoS;

use crate::codec::{SubscriptionIds, UserProperties};
use crate::packet_id::PacketId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    pub duplicate: bool,
    pub qos: QoS,
    pub retain: bool,
    /// Empty where a topic alias stands for it.
    pub topic: &'a str,
    /// Present exactly when the QoS is above 0.
    pub packet_id: Option<PacketId>,
    pub topic_alias: Option<NonZeroU16>,
    pub subscription_ids: SubscriptionIds<'a>,
    pub properties: PublishProperties<'a>,
    pub payload: &'a [u8],
}

/// What travels with a message to whoever receives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublishProperties<'a> {
    pub payload_is_text: Option<bool>,
    pub expiry_s: Option<u32>,
    pub content_type: Option<&'a str>,
    pub response_topic: Option<&'a str>,
    pub correlation_data: Option<&'a [u8]>,
    pub user_properties: UserProperties<'a>,
}

impl PublishProperties<'_> {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
