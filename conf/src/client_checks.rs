//! What must hold between values that are about clients.

use std::path::Path;

use quorate_model::member::Roles;

use crate::byte_size::ByteSize;
use crate::config::Config;
use crate::listener_config::ListenerConfig;
use crate::listener_tls::ClientCertificates;
use crate::origin::Origins;
use crate::pki::check_readable;
use crate::problem::Problem;

pub(crate) fn check_clients(config: &Config, origins: &Origins) -> Vec<Problem> {
    let mut problems = Vec::new();
    for listener in &config.listeners.enabled {
        problems.extend(check_role(config, listener, origins));
        problems.extend(check_files(listener, origins));
    }
    problems.extend(check_expiry(config, origins));
    problems.extend(check_scram_users(config, origins));
    problems.extend(check_anybody(config, origins));
    problems
}

/// What does not stop a node, and is hardly meant.
pub(crate) fn warn_of_clients(config: &Config, origins: &Origins) -> Vec<Problem> {
    let mut warnings = Vec::new();
    warnings.extend(warn_of_queue(config, origins));
    warnings.extend(warn_of_unfinished(config, origins));
    let listeners = &config.listeners.enabled;
    warnings.extend(
        listeners
            .iter()
            .filter_map(|listener| warn_of_message_size(config, listener, origins)),
    );
    warnings.extend(warn_of_plain_listener(listeners, origins));
    warnings
}

fn check_role(config: &Config, listener: &ListenerConfig, origins: &Origins) -> Option<Problem> {
    let section = listener.id.section();
    (config.node.roles == Roles::Core).then(|| {
        Problem::new("a node with the role core alone serves no clients")
            .about(&section)
            .from(origins.of(&section))
            .with_hint(format!(
                "add replicant to node.roles, or set {section}.enabled to false"
            ))
    })
}

fn check_files(listener: &ListenerConfig, origins: &Origins) -> Vec<Problem> {
    let Some(tls) = listener.tls() else {
        return Vec::new();
    };
    let section = listener.id.section();
    let files = [
        ("cert", Some(tls.cert.as_path())),
        ("key", Some(tls.key.as_path())),
        ("client_ca", tls.client_certificates.ca()),
    ];
    let unreadable = files
        .into_iter()
        .filter_map(|(name, path)| check_file(&format!("{section}.{name}"), path?, origins));
    unreadable.collect()
}

fn check_file(key: &str, path: &Path, origins: &Origins) -> Option<Problem> {
    let problem = check_readable(path).err()?;
    Some(problem.about(key).from(origins.of(key)))
}

fn check_expiry(config: &Config, origins: &Origins) -> Option<Problem> {
    let (v3, max) = (
        config.mqtt.session_expiry_v3,
        config.mqtt.session_expiry_max,
    );
    (v3 > max).then(|| {
        Problem::new(format!(
            "{v3} is more than mqtt.session_expiry_max, which is {max}"
        ))
        .about("mqtt.session_expiry_v3")
        .from(origins.of("mqtt.session_expiry_v3"))
        .with_hint("raise mqtt.session_expiry_max, or leave mqtt.session_expiry_v3 out")
    })
}

fn check_scram_users(config: &Config, origins: &Origins) -> Option<Problem> {
    let path = config.auth.scram_users.as_ref()?;
    check_file("auth.scram_users", path, origins)
}

fn check_anybody(config: &Config, origins: &Origins) -> Option<Problem> {
    let listeners = &config.listeners.enabled;
    let has_users = config.auth.scram_users.is_some()
        || listeners.iter().any(|listener| {
            let tls = listener.tls().map(|tls| &tls.client_certificates);
            matches!(tls, Some(ClientCertificates::Required { .. }))
        });
    let shuts_all_out = !config.auth.allow_anonymous && !has_users && !listeners.is_empty();
    shuts_all_out.then(|| {
        Problem::new("no client could connect: there are no users")
            .about("auth.allow_anonymous")
            .from(origins.of("auth.allow_anonymous"))
            .with_hint("set auth.scram_users, or `verify = \"required\"` of a listener with TLS")
    })
}

fn warn_of_queue(config: &Config, origins: &Origins) -> Option<Problem> {
    let queue = config.mqtt.max_queue_bytes;
    let what_happens = "a large message fits no queue";
    warn_of_less_than_a_packet("mqtt.max_queue_bytes", queue, what_happens, config, origins)
}

fn warn_of_unfinished(config: &Config, origins: &Origins) -> Option<Problem> {
    let unfinished = config.mqtt.max_unfinished_bytes;
    let what_happens = "a client is sent away for a large packet that comes slowly";
    warn_of_less_than_a_packet(
        "mqtt.max_unfinished_bytes",
        unfinished,
        what_happens,
        config,
        origins,
    )
}

fn warn_of_less_than_a_packet(
    key: &str,
    value: ByteSize,
    what_happens: &str,
    config: &Config,
    origins: &Origins,
) -> Option<Problem> {
    let packet = config.mqtt.max_packet_size;
    (value < packet).then(|| {
        Problem::new(format!(
            "{value} is less than mqtt.max_packet_size, which is {packet}: {what_happens}"
        ))
        .about(key)
        .from(origins.of(key))
        .with_hint(format!("set it to {packet} or more"))
    })
}

fn warn_of_message_size(
    config: &Config,
    listener: &ListenerConfig,
    origins: &Origins,
) -> Option<Problem> {
    let (message, packet) = (
        listener.websocket()?.max_message_size,
        config.mqtt.max_packet_size,
    );
    let key = format!("{}.max_message_size", listener.id.section());
    (message < packet).then(|| {
        Problem::new(format!(
            "{message} is less than mqtt.max_packet_size, which is {packet}, and most clients \
             send a packet as one message"
        ))
        .about(&key)
        .from(origins.of(&key))
        .with_hint(format!("leave {key} out"))
    })
}

/// Who configures TLS may think that this is all there is.
fn warn_of_plain_listener(listeners: &[ListenerConfig], origins: &Origins) -> Option<Problem> {
    let has_tls = listeners.iter().any(|listener| listener.tls().is_some());
    let by_itself = listeners
        .iter()
        .find(|listener| !origins.has(&listener.id.section()))?;
    let section = by_itself.id.section();
    has_tls.then(|| {
        Problem::new(format!(
            "{section} takes connections without TLS at {}, as nothing says otherwise",
            by_itself.bind
        ))
        .with_hint(format!(
            "set {section}.enabled to false, or to true to keep it"
        ))
    })
}
