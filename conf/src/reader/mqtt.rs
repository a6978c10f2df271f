use quorate_model::topic_name::TopicName;

use super::Reader;
use super::text::{
    count, duration, factor, seconds_of_u16, size, switch, unless_off, whole_seconds, word,
};
use crate::human_duration::HumanDuration;
use crate::mqtt_config::MqttConfig;
use crate::problem::Problem;
use crate::shared_strategy::SharedStrategy;

/// A header of five bytes, and what its variable byte integer can count.
const MAX_PACKET_SIZE: u64 = 5 + 268_435_455;
/// Below it, a broker could not tell a client what is wrong.
const MIN_PACKET_SIZE: u64 = 20;
/// Of memory.
const MAX_MEMORY: u64 = 1 << 40;
/// Every server has to take client ids of this length.
const MIN_CLIENT_ID_BYTES: u16 = 23;
/// A text of the protocol has at most so many bytes.
const MAX_TEXT_BYTES: usize = u16::MAX as usize;
/// With a client id behind it, it is a topic that a filter of a reasonable length matches.
const MAX_RESPONSE_PREFIX_BYTES: usize = 1024;

impl Reader<'_> {
    pub(super) fn mqtt(&mut self) -> Option<MqttConfig> {
        let packet_size = size(MIN_PACKET_SIZE..=MAX_PACKET_SIZE);
        let max_packet_size = self.required("mqtt.max_packet_size", packet_size);
        let max_unfinished_bytes = self.required("mqtt.max_unfinished_bytes", size(1..=MAX_MEMORY));
        let max_sessions = self.required("mqtt.max_sessions", count(1..=u32::MAX));
        let max_inflight = self.required("mqtt.max_inflight", count(1..=u16::MAX));
        let receive_maximum = self.required("mqtt.receive_maximum", count(1..=u16::MAX));
        let max_queue_bytes = self.required("mqtt.max_queue_bytes", size(1..=MAX_MEMORY));
        let max_queue_messages = self.required("mqtt.max_queue_messages", count(1..=u32::MAX));
        let expiry = self.session_expiry();
        let multiplier = self.required("mqtt.keepalive_multiplier", factor(1.0..=10.0));
        let server_keepalive = self.required("mqtt.server_keepalive", unless_off(seconds_of_u16));
        let client_id_bytes = count(MIN_CLIENT_ID_BYTES..=u16::MAX);
        let max_client_id_bytes = self.required("mqtt.max_client_id_bytes", client_id_bytes);
        let max_topic_levels = self.required("mqtt.max_topic_levels", count(1..=u16::MAX));
        let max_topic_alias = self.required("mqtt.max_topic_alias", count(0..=u16::MAX));
        let max_subscription_bytes =
            self.required("mqtt.max_subscription_bytes", size(1..=MAX_MEMORY));
        let max_subscriptions = self.required("mqtt.max_subscriptions", count(1..=u32::MAX));
        let max_retained = self.required("mqtt.max_retained_messages", count(1..=u32::MAX));
        let max_retained_bytes = self.required("mqtt.max_retained_bytes", size(1..=MAX_MEMORY));
        let max_qos = self.required("mqtt.max_qos", count(0..=2));
        let retain_available = self.required("mqtt.retain_available", switch);
        let wildcard_subscription = self.required("mqtt.wildcard_subscription", switch);
        let shared_subscription = self.required("mqtt.shared_subscription", switch);
        let strategy = word(SharedStrategy::ALL, SharedStrategy::as_str);
        let strategy = self.required("mqtt.shared_subscription_strategy", strategy);
        let response_prefix = self.optional("mqtt.response_prefix", response_prefix);
        let server_reference = self.optional("mqtt.server_reference", server_reference);
        let drain_timeout = self.required("mqtt.drain_timeout", duration);
        let (session_expiry_max, session_expiry_v3) = expiry?;
        Some(MqttConfig {
            max_packet_size: max_packet_size?,
            max_unfinished_bytes: max_unfinished_bytes?,
            max_sessions: max_sessions?,
            max_inflight: max_inflight?,
            receive_maximum: receive_maximum?,
            max_queue_bytes: max_queue_bytes?,
            max_queue_messages: max_queue_messages?,
            session_expiry_max,
            session_expiry_v3,
            keepalive_multiplier: multiplier?,
            server_keepalive: server_keepalive?,
            max_client_id_bytes: max_client_id_bytes?,
            max_topic_levels: max_topic_levels?,
            max_topic_alias: max_topic_alias?,
            max_subscriptions: max_subscriptions?,
            max_subscription_bytes: max_subscription_bytes?,
            max_retained_messages: max_retained?,
            max_retained_bytes: max_retained_bytes?,
            max_qos: max_qos?,
            retain_available: retain_available?,
            wildcard_subscription: wildcard_subscription?,
            shared_subscription: shared_subscription?,
            shared_subscription_strategy: strategy?,
            response_prefix: response_prefix?,
            server_reference: server_reference?,
            drain_timeout: drain_timeout?,
        })
    }

    /// The most, and that of clients which cannot ask.
    fn session_expiry(&mut self) -> Option<(HumanDuration, HumanDuration)> {
        let max = self.required("mqtt.session_expiry_max", whole_seconds);
        let v3 = self.optional("mqtt.session_expiry_v3", whole_seconds);
        let max = max?;
        Some((max, v3?.unwrap_or(max)))
    }
}

fn response_prefix(text: &str) -> Result<String, Problem> {
    let is_too_long = text.len() > MAX_RESPONSE_PREFIX_BYTES;
    if TopicName::new(text).is_err() || is_too_long || text.contains(char::is_control) {
        return Err(Problem::new(format!(
            "a prefix is the beginning of a topic, of 1 to {MAX_RESPONSE_PREFIX_BYTES} bytes \
             and without `+` and `#`"
        ))
        .with_hint("set it to something like \"response/\": the client's id follows it"));
    }
    Ok(text.to_owned())
}

fn server_reference(text: &str) -> Result<String, Problem> {
    if text.is_empty() || text.len() > MAX_TEXT_BYTES || text.contains(char::is_control) {
        return Err(Problem::new(format!(
            "a reference is a line of 1 to {MAX_TEXT_BYTES} bytes"
        ))
        .with_hint("name other servers, like \"broker2.example.org:1883\""));
    }
    Ok(text.to_owned())
}
