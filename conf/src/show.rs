//! A configuration as the TOML that would yield it.

use std::fmt::Display;
use std::path::Path;

use quorate_model::member::Roles;
use toml::Value;

use crate::config::Config;
use crate::listener_config::{Carrier, ListenerConfig};
use crate::mqtt_config::MqttConfig;
use crate::origin::Origins;
use crate::setting::entry_path;

/// With `origins`, each line ends in a comment that names where its value
/// came from. What is not set has no line.
pub(crate) fn show(config: &Config, origins: Option<&Origins>) -> String {
    let mut text = String::new();
    let mut shown = "";
    for Line {
        section,
        name,
        value,
    } in &lines(config)
    {
        if section != shown {
            text += if shown.is_empty() { "" } else { "\n" };
            text += &format!("[{section}]\n");
            shown = section;
        }
        text += &format!("{name} = {value}");
        if let Some(origins) = origins {
            text += &format!("  # {}", origins.of(&format!("{section}.{name}")));
        }
        text.push('\n');
    }
    text
}

struct Line {
    section: String,
    name: String,
    value: Value,
}

/// Section by section.
#[derive(Default)]
struct Lines {
    section: String,
    lines: Vec<Line>,
}

impl Lines {
    fn section(&mut self, path: impl Into<String>) {
        self.section = path.into();
    }

    fn add(&mut self, name: &str, value: impl Into<Value>) {
        self.lines.push(Line {
            section: self.section.clone(),
            name: name.to_owned(),
            value: value.into(),
        });
    }

    fn text(&mut self, name: &str, value: impl Display) {
        self.add(name, value.to_string());
    }

    fn optional(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn text_or_off(&mut self, name: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.text(name, "off"),
        }
    }

    fn number_or(&mut self, name: &str, value: Option<impl Into<u32>>, none: &str) {
        match value {
            Some(value) => self.add(name, value.into()),
            None => self.text(name, none),
        }
    }
}

fn lines(config: &Config) -> Vec<Line> {
    let mut lines = Lines::default();
    node(&mut lines, config);
    transport(&mut lines, config);
    lines.section("broker");
    lines.number_or("threads", config.broker.threads.map(u16::from), "auto");
    for one in &config.listeners.enabled {
        listener(&mut lines, one);
    }
    for id in &config.listeners.disabled {
        lines.section(id.section());
        lines.add("enabled", false);
    }
    mqtt(&mut lines, &config.mqtt);
    lines.section("subscribe");
    lines.text("visibility_wait", config.subscribe.visibility_wait);
    lines.section("auth");
    lines.add("allow_anonymous", config.auth.allow_anonymous);
    let users = config.auth.scram_users.as_ref();
    lines.optional("scram_users", users.map(|path| path.display()));
    lines.section("admin");
    lines.text("bind", config.admin.bind);
    lines.section("log");
    lines.text("level", &config.log.level);
    lines.text("format", config.log.format.as_str());
    lines.lines
}

fn node(lines: &mut Lines, config: &Config) {
    let node = &config.node;
    lines.section("node");
    lines.text("name", &node.name);
    lines.add("roles", roles(node.roles));
    lines.text("data_dir", node.data_dir.display());
    lines.optional("cookie", node.cookie.as_ref());
    lines.section("cluster");
    lines.text("name", &config.cluster.name);
    let strategy = config.cluster.discovery_strategy.as_str();
    lines.text("discovery_strategy", strategy);
}

/// The entries of a table as dotted keys, so that each has a line and an
/// origin.
fn transport(lines: &mut Lines, config: &Config) {
    let transport = &config.transport;
    lines.section("transport");
    lines.text("bind", transport.bind);
    lines.text("advertise", &transport.advertise);
    if let Some(pki) = &transport.pki {
        lines.text("ca", pki.ca.display());
        lines.text("cert", pki.cert.display());
        lines.text("key", pki.key.display());
    }
    for (name, target) in &transport.dial {
        lines.text(&entry_path("dial", name.as_str()), target);
    }
}

fn listener(lines: &mut Lines, listener: &ListenerConfig) {
    lines.section(listener.id.section());
    lines.text("bind", listener.bind);
    lines.add("enabled", true);
    lines.add("max_connections", listener.max_connections.get());
    lines.number_or("max_connect_rate", listener.max_connect_rate, "off");
    lines.text("first_packet_timeout", listener.first_packet_timeout);
    lines.text_or_off("max_bytes_rate", listener.max_bytes_rate);
    lines.number_or("max_messages_rate", listener.max_messages_rate, "off");
    if let Carrier::Stream { proxy_protocol, .. } = listener.carrier {
        lines.add("proxy_protocol", proxy_protocol);
    }
    if let Some(tls) = listener.tls() {
        lines.text("cert", tls.cert.display());
        lines.text("key", tls.key.display());
        let clients = &tls.client_certificates;
        lines.optional("client_ca", clients.ca().map(Path::display));
        lines.text("verify", clients.as_str());
        if matches!(listener.carrier, Carrier::Stream { .. }) {
            lines.text("min_tls_version", tls.min_version.as_str());
        }
    }
    if let Some(websocket) = listener.websocket() {
        lines.text("path", &websocket.path);
        lines.text("max_message_size", websocket.max_message_size);
    }
}

fn mqtt(lines: &mut Lines, mqtt: &MqttConfig) {
    lines.section("mqtt");
    lines.text("max_packet_size", mqtt.max_packet_size);
    lines.text("max_unfinished_bytes", mqtt.max_unfinished_bytes);
    lines.add("max_sessions", mqtt.max_sessions);
    lines.add("max_inflight", u32::from(mqtt.max_inflight));
    lines.add("receive_maximum", u32::from(mqtt.receive_maximum));
    lines.text("max_queue_bytes", mqtt.max_queue_bytes);
    lines.add("max_queue_messages", mqtt.max_queue_messages);
    lines.text("session_expiry_max", mqtt.session_expiry_max);
    lines.text("session_expiry_v3", mqtt.session_expiry_v3);
    lines.add("keepalive_multiplier", mqtt.keepalive_multiplier);
    let keepalive = mqtt.server_keepalive.map(|seconds| format!("{seconds}s"));
    lines.text_or_off("server_keepalive", keepalive);
    lines.add("max_client_id_bytes", u32::from(mqtt.max_client_id_bytes));
    lines.add("max_topic_levels", u32::from(mqtt.max_topic_levels));
    lines.add("max_topic_alias", u32::from(mqtt.max_topic_alias));
    lines.add("max_subscriptions", mqtt.max_subscriptions);
    lines.text("max_subscription_bytes", mqtt.max_subscription_bytes);
    lines.add("max_retained_messages", mqtt.max_retained_messages);
    lines.text("max_retained_bytes", mqtt.max_retained_bytes);
    lines.text("drain_timeout", mqtt.drain_timeout);
    lines.add("max_qos", u32::from(mqtt.max_qos));
    lines.add("retain_available", mqtt.retain_available);
    lines.add("wildcard_subscription", mqtt.wildcard_subscription);
    lines.add("shared_subscription", mqtt.shared_subscription);
    let strategy = mqtt.shared_subscription_strategy.as_str();
    lines.text("shared_subscription_strategy", strategy);
    lines.optional("response_prefix", mqtt.response_prefix.as_ref());
    lines.optional("server_reference", mqtt.server_reference.as_ref());
}

fn roles(roles: Roles) -> Value {
    let names = match roles {
        Roles::Core => vec!["core"],
        Roles::Replicant => vec!["replicant"],
        Roles::Both => vec!["core", "replicant"],
    };
    Value::from(names)
}
