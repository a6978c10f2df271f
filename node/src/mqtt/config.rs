//! What is configured, in the broker's terms.

use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use quorate_broker::{
    AuthenticationConfig, BrokerConfig, Carrier, ClientCertificates, ListenerConfig,
    SharedStrategy, TlsConfig, TlsVersion, WebSocketConfig,
};
use quorate_conf::{Config, MqttConfig};
use quorate_model::retained::{QoS, RetainedBound};
use quorate_mqtt::limits::Limits;

pub(super) fn broker_config(config: &Config, hash_seed: u64) -> BrokerConfig {
    let mqtt = &config.mqtt;
    BrokerConfig {
        listeners: config.listeners.enabled.iter().map(listener).collect(),
        authentication: AuthenticationConfig {
            allow_anonymous: config.auth.allow_anonymous,
            scram_users: config.auth.scram_users.clone(),
        },
        limits: limits(mqtt),
        max_unfinished_bytes: mqtt.max_unfinished_bytes.bytes() as usize,
        max_sessions: mqtt.max_sessions as usize,
        retained_bound: RetainedBound {
            messages: mqtt.max_retained_messages,
            bytes: mqtt.max_retained_bytes.bytes(),
        },
        shared_strategy: shared_strategy(mqtt.shared_subscription_strategy),
        threads: config
            .broker
            .threads
            .map_or_else(processors, |threads| usize::from(threads.get())),
        server_reference: mqtt.server_reference.as_deref().map(Into::into),
        hash_seed,
        drain_timeout: mqtt.drain_timeout.get(),
    }
}

/// How many processors the node may use.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

fn listener(listener: &quorate_conf::ListenerConfig) -> ListenerConfig {
    let max_bytes_rate = listener.max_bytes_rate.map(|rate| rate.bytes());
    ListenerConfig {
        name: listener.id.to_string(),
        bind: listener.bind,
        max_connections: listener.max_connections.get() as usize,
        max_connect_rate: listener.max_connect_rate,
        first_packet_timeout: listener.first_packet_timeout.get(),
        max_bytes_rate: max_bytes_rate.and_then(NonZeroU64::new),
        max_messages_rate: listener.max_messages_rate,
        carrier: carrier(&listener.carrier),
    }
}

fn carrier(carrier: &quorate_conf::Carrier) -> Carrier {
    match carrier {
        quorate_conf::Carrier::Stream {
            proxy_protocol,
            tls,
            websocket,
        } => Carrier::Stream {
            proxy_protocol: *proxy_protocol,
            tls: tls.as_ref().map(tls_config),
            websocket: websocket.as_ref().map(|websocket| WebSocketConfig {
                path: websocket.path.clone(),
                max_message_bytes: websocket.max_message_size.bytes(),
            }),
        },
        quorate_conf::Carrier::Quic { tls } => Carrier::Quic {
            tls: tls_config(tls),
        },
    }
}

fn tls_config(tls: &quorate_conf::ListenerTls) -> TlsConfig {
    TlsConfig {
        cert: tls.cert.clone(),
        key: tls.key.clone(),
        min_version: match tls.min_version {
            quorate_conf::TlsVersion::V1_2 => TlsVersion::V1_2,
            quorate_conf::TlsVersion::V1_3 => TlsVersion::V1_3,
        },
        client_certificates: match &tls.client_certificates {
            quorate_conf::ClientCertificates::NotAsked => ClientCertificates::NotAsked,
            quorate_conf::ClientCertificates::Optional { ca } => {
                ClientCertificates::Optional { ca: ca.clone() }
            }
            quorate_conf::ClientCertificates::Required { ca } => {
                ClientCertificates::Required { ca: ca.clone() }
            }
        },
    }
}

const fn shared_strategy(strategy: quorate_conf::SharedStrategy) -> SharedStrategy {
    match strategy {
        quorate_conf::SharedStrategy::Random => SharedStrategy::Random,
        quorate_conf::SharedStrategy::RoundRobin => SharedStrategy::RoundRobin,
        quorate_conf::SharedStrategy::Sticky => SharedStrategy::Sticky,
        quorate_conf::SharedStrategy::Local => SharedStrategy::Local,
        quorate_conf::SharedStrategy::HashClientid => SharedStrategy::HashClientId,
        quorate_conf::SharedStrategy::HashTopic => SharedStrategy::HashTopic,
    }
}

fn limits(mqtt: &MqttConfig) -> Limits {
    let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    let defaults = Limits::default();
    Limits {
        max_packet_bytes: u32::try_from(mqtt.max_packet_size.bytes()).unwrap_or(u32::MAX),
        max_inflight: mqtt
            .max_inflight
            .try_into()
            .unwrap_or(defaults.max_inflight),
        receive_maximum: mqtt
            .receive_maximum
            .try_into()
            .unwrap_or(defaults.receive_maximum),
        max_queue_bytes: mqtt.max_queue_bytes.bytes() as usize,
        max_queue_messages: mqtt.max_queue_messages as usize,
        session_expiry_max_s: seconds(mqtt.session_expiry_max.get()),
        session_expiry_v3_s: seconds(mqtt.session_expiry_v3.get()),
        keep_alive_percent: (mqtt.keepalive_multiplier * 100.0).round() as u32,
        server_keep_alive_s: mqtt.server_keepalive,
        topic_alias_maximum: mqtt.max_topic_alias,
        max_client_id_bytes: usize::from(mqtt.max_client_id_bytes),
        max_topic_levels: usize::from(mqtt.max_topic_levels),
        max_subscriptions: mqtt.max_subscriptions as usize,
        max_subscription_bytes: mqtt.max_subscription_bytes.bytes() as usize,
        response_prefix: mqtt.response_prefix.as_deref().map(Into::into),
        max_qos: match mqtt.max_qos {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            _ => QoS::ExactlyOnce,
        },
        retain_available: mqtt.retain_available,
        wildcard_subscriptions: mqtt.wildcard_subscription,
        shared_subscriptions: mqtt.shared_subscription,
        ..defaults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_reaches_the_broker() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "[mqtt]\nmax_inflight = 7\nkeepalive_multiplier = 2\nretain_available = false\n\
                    max_qos = 1\nmax_unfinished_bytes = \"3KB\"\nmax_sessions = 8\nmax_retained_messages = 9\nmax_retained_bytes = \"2KB\"\n\
                    server_reference = \"other:1883\"\nresponse_prefix = \"r/\"\nmax_subscription_bytes = \"4KB\"\n\
                    session_expiry_max = \"1h\"\nshared_subscription_strategy = \"sticky\"\n\
                    [listeners.tcp.default]\nbind = \"127.0.0.1:0\"\nmax_connections = 5\n";
        std::fs::write(file.path(), text).unwrap();
        let loaded = crate::config::load(Some(file.path()), &[], None);
        let config = loaded
            .map_err(|_| "the configuration is wrong")
            .unwrap()
            .config;
        let broker = broker_config(&config, 1);
        assert_eq!(broker.limits.max_inflight.get(), 7);
        assert_eq!(broker.limits.keep_alive_percent, 200);
        assert_eq!(broker.limits.session_expiry_max_s, 3600);
        assert_eq!(broker.limits.session_expiry_v3_s, 3600);
        assert!(!broker.limits.retain_available);
        assert_eq!(broker.limits.max_qos, QoS::AtLeastOnce);
        let bound = RetainedBound {
            messages: 9,
            bytes: 2_048,
        };
        assert_eq!(broker.retained_bound, bound);
        assert_eq!(broker.max_unfinished_bytes, 3 * 1024);
        assert_eq!(broker.max_sessions, 8);
        assert_eq!(broker.limits.max_subscription_bytes, 4 * 1024);
        assert_eq!(broker.limits.response_prefix.as_deref(), Some("r/"));
        assert_eq!(broker.server_reference.as_deref(), Some("other:1883"));
        assert_eq!(broker.shared_strategy, SharedStrategy::Sticky);
        assert_eq!(broker.listeners[0].max_connections, 5);
    }
}
