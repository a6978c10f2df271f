use super::{Key, Section, Shape};

pub(crate) const SECTIONS: [Section; 14] = [
    section("node", &[&NODE]),
    section("cluster", &[&CLUSTER]),
    section("transport", &[&TRANSPORT]),
    section("broker", &[&BROKER]),
    section("listeners.tcp.*", &[&BIND_TCP, &LISTENER, &BEHIND_PROXY]),
    section(
        "listeners.tls.*",
        &[&BIND_TLS, &LISTENER, &BEHIND_PROXY, &CERTIFICATES, &TLS],
    ),
    section(
        "listeners.ws.*",
        &[&BIND_WS, &LISTENER, &BEHIND_PROXY, &WEBSOCKET],
    ),
    section(
        "listeners.wss.*",
        &[
            &BIND_WSS,
            &LISTENER,
            &BEHIND_PROXY,
            &CERTIFICATES,
            &TLS,
            &WEBSOCKET,
        ],
    ),
    section("listeners.quic.*", &[&BIND_QUIC, &LISTENER, &CERTIFICATES]),
    section("mqtt", &[&MQTT_LIMITS, &MQTT_FEATURES]),
    section("subscribe", &[&SUBSCRIBE]),
    section("auth", &[&AUTH]),
    section("admin", &[&ADMIN]),
    section("log", &[&LOG]),
];

const NODE: [Key; 4] = [
    text("name", Some("quorate@127.0.0.1")),
    key("roles", Shape::List, Some("core,replicant")),
    text("data_dir", Some("quorate-data")),
    text("cookie", None),
];

const CLUSTER: [Key; 2] = [
    text("name", Some("quorate")),
    text("discovery_strategy", Some("manual")),
];

const TRANSPORT: [Key; 6] = [
    text("bind", Some("0.0.0.0:4370")),
    text("advertise", None),
    text("ca", None),
    text("cert", None),
    text("key", None),
    key("dial", Shape::Table, None),
];

const BROKER: [Key; 1] = [number("threads", Some("auto"))];

const BIND_TCP: [Key; 1] = [text("bind", Some("0.0.0.0:1883"))];
const BIND_TLS: [Key; 1] = [text("bind", Some("0.0.0.0:8883"))];
const BIND_WS: [Key; 1] = [text("bind", Some("0.0.0.0:8083"))];
const BIND_WSS: [Key; 1] = [text("bind", Some("0.0.0.0:8084"))];
const BIND_QUIC: [Key; 1] = [text("bind", Some("0.0.0.0:14567"))];

const LISTENER: [Key; 6] = [
    switch("enabled", "true"),
    number("max_connections", Some("1000000")),
    number("max_connect_rate", Some("off")),
    text("first_packet_timeout", Some("15s")),
    size("max_bytes_rate", Some("off")),
    number("max_messages_rate", Some("off")),
];

const BEHIND_PROXY: [Key; 1] = [switch("proxy_protocol", "false")];

const CERTIFICATES: [Key; 4] = [
    text("cert", None),
    text("key", None),
    text("client_ca", None),
    // Without it, `required` if there is a client_ca, else `none`.
    text("verify", None),
];

/// QUIC has 1.3 and no other.
const TLS: [Key; 1] = [text("min_tls_version", Some("1.2"))];

const WEBSOCKET: [Key; 2] = [
    text("path", Some("/mqtt")),
    // Without it, a little more than mqtt.max_packet_size.
    size("max_message_size", None),
];

const MQTT_LIMITS: [Key; 19] = [
    size("max_packet_size", Some("1MB")),
    size("max_unfinished_bytes", Some("1GB")),
    number("max_sessions", Some("1000000")),
    number("max_inflight", Some("32")),
    number("receive_maximum", Some("1024")),
    size("max_queue_bytes", Some("1MB")),
    number("max_queue_messages", Some("10000")),
    text("session_expiry_max", Some("7d")),
    // Without it, that of session_expiry_max.
    text("session_expiry_v3", None),
    number("keepalive_multiplier", Some("1.5")),
    text("server_keepalive", Some("off")),
    number("max_client_id_bytes", Some("1024")),
    number("max_topic_levels", Some("128")),
    number("max_topic_alias", Some("64")),
    number("max_subscriptions", Some("100000")),
    size("max_subscription_bytes", Some("16MB")),
    number("max_retained_messages", Some("1000000")),
    size("max_retained_bytes", Some("1GB")),
    text("drain_timeout", Some("10s")),
];

const MQTT_FEATURES: [Key; 7] = [
    number("max_qos", Some("2")),
    switch("retain_available", "true"),
    switch("wildcard_subscription", "true"),
    switch("shared_subscription", "true"),
    text("shared_subscription_strategy", Some("round_robin")),
    text("response_prefix", None),
    text("server_reference", None),
];

const SUBSCRIBE: [Key; 1] = [text("visibility_wait", Some("250ms"))];

const AUTH: [Key; 2] = [switch("allow_anonymous", "true"), text("scram_users", None)];

const ADMIN: [Key; 1] = [text("bind", Some("127.0.0.1:18083"))];

const LOG: [Key; 2] = [text("level", Some("info")), text("format", Some("text"))];

const fn section(path: &'static str, groups: &'static [&'static [Key]]) -> Section {
    Section { path, groups }
}

const fn key(name: &'static str, shape: Shape, default: Option<&'static str>) -> Key {
    Key {
        name,
        shape,
        default,
    }
}

const fn text(name: &'static str, default: Option<&'static str>) -> Key {
    key(name, Shape::Text, default)
}

const fn number(name: &'static str, default: Option<&'static str>) -> Key {
    key(name, Shape::Number, default)
}

const fn size(name: &'static str, default: Option<&'static str>) -> Key {
    key(name, Shape::Size, default)
}

const fn switch(name: &'static str, default: &'static str) -> Key {
    key(name, Shape::Switch, Some(default))
}
