//! What the broker allows its clients, the same for all of them.

use std::num::NonZeroU16;

use quorate_model::retained::QoS;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of a packet that a client sends.
    pub max_packet_bytes: u32,
    /// Messages of QoS 1 and 2 that are under way to one client.
    pub max_inflight: NonZeroU16,
    /// The same the other way, for a client of MQTT 5.
    pub receive_maximum: NonZeroU16,
    /// What waits for one client.
    pub max_queue_bytes: usize,
    pub max_queue_messages: usize,
    pub session_expiry_max_s: u32,
    /// Of a version 3 client that wants its session kept.
    pub session_expiry_v3_s: u32,
    /// How much longer than its keep alive a client may be silent, in percent of it.
    pub keep_alive_percent: u32,
    /// Instead of what a client of MQTT 5 asks for; an older one could not be told.
    pub server_keep_alive_s: Option<u16>,
    /// Topic aliases that a client may set.
    pub topic_alias_maximum: u16,
    /// Topic aliases that are set for a client that takes any.
    pub topic_aliases_to_client: u16,
    pub max_client_id_bytes: usize,
    pub max_topic_levels: usize,
    pub max_subscriptions: usize,
    /// Of the filters of one client.
    pub max_subscription_bytes: usize,
    /// Of what clients publish, and of what they are sent.
    pub max_qos: QoS,
    pub retain_available: bool,
    pub wildcard_subscriptions: bool,
    pub shared_subscriptions: bool,
    /// What response topics begin with; the client's id follows it.
    pub response_prefix: Option<Box<str>>,
}

impl Limits {
    /// Counts only where there could be more levels than there may be.
    pub fn has_too_many_levels(&self, topic: &str) -> bool {
        let limit = self.max_topic_levels;
        topic.len() >= limit && topic.bytes().filter(|byte| *byte == b'/').count() >= limit
    }
}

impl Default for Limits {
    fn default() -> Self {
        const fn non_zero(number: u16) -> NonZeroU16 {
            match NonZeroU16::new(number) {
                Some(number) => number,
                None => NonZeroU16::MIN,
            }
        }
        Self {
            max_packet_bytes: 1024 * 1024,
            max_inflight: non_zero(32),
            receive_maximum: non_zero(1024),
            max_queue_bytes: 1024 * 1024,
            max_queue_messages: 10_000,
            session_expiry_max_s: 7 * 24 * 3600,
            session_expiry_v3_s: 7 * 24 * 3600,
            keep_alive_percent: 150,
            server_keep_alive_s: None,
            topic_alias_maximum: 64,
            topic_aliases_to_client: 16,
            max_client_id_bytes: 1024,
            max_topic_levels: 128,
            max_subscriptions: 100_000,
            max_subscription_bytes: 16 * 1024 * 1024,
            max_qos: QoS::ExactlyOnce,
            retain_available: true,
            wildcard_subscriptions: true,
            shared_subscriptions: true,
            response_prefix: None,
        }
    }
}
