//! What clients may do, and how much of it.

use crate::byte_size::ByteSize;
use crate::human_duration::HumanDuration;
use crate::shared_strategy::SharedStrategy;

/// `[mqtt]`: the same for all listeners.
#[derive(Clone, Debug, PartialEq)]
pub struct MqttConfig {
    /// Of a whole packet, header included, in both directions. At most
    /// 268,435,460 bytes, which is what the protocol can count.
    pub max_packet_size: ByteSize,
    /// Of packets of this node's clients that have not come to their end.
    pub max_unfinished_bytes: ByteSize,
    /// Of one node, with and without a connection.
    pub max_sessions: u32,
    /// Messages with QoS 1 and 2 that are sent to a client and not
    /// acknowledged yet; a client may ask for fewer.
    pub max_inflight: u16,
    /// The same towards the broker: what it allows a client.
    pub receive_maximum: u16,
    /// Of messages that wait for one session.
    pub max_queue_bytes: ByteSize,
    pub max_queue_messages: u32,
    /// Whole seconds. Clients that ask for more get this.
    pub session_expiry_max: HumanDuration,
    /// Whole seconds, at most `session_expiry_max`. For clients of MQTT 3.1.1
    /// without a clean session, which cannot ask.
    pub session_expiry_v3: HumanDuration,
    /// A client that is silent for its keep alive times this is gone.
    pub keepalive_multiplier: f64,
    /// In seconds; in place of the keep alive that the client asks for.
    pub server_keepalive: Option<u16>,
    pub max_client_id_bytes: u16,
    pub max_topic_levels: u16,
    /// Aliases that a client may define; 0 for none.
    pub max_topic_alias: u16,
    /// Of one client.
    pub max_subscriptions: u32,
    /// Of the filters of one client.
    pub max_subscription_bytes: ByteSize,
    /// In the whole cluster.
    pub max_retained_messages: u32,
    /// In the whole cluster, topics included.
    pub max_retained_bytes: ByteSize,
    /// 0, 1 or 2.
    pub max_qos: u8,
    pub retain_available: bool,
    pub wildcard_subscription: bool,
    pub shared_subscription: bool,
    pub shared_subscription_strategy: SharedStrategy,
    /// What the topics begin with that clients are told to take for responses; the
    /// client's id follows it.
    pub response_prefix: Option<String>,
    /// Other servers, in words that clients understand; told to those that
    /// are sent away.
    pub server_reference: Option<String>,
    /// For clients to go when the node stops.
    pub drain_timeout: HumanDuration,
}
