//! The broker of a node: when it begins to serve, with which configuration, and how it
//! ends.

use std::time::Duration;

use quorate_admin::api::{Code, Problem};
use quorate_broker::{Broker, BrokerConfig, ListenerConfig, SharedStrategy};
use quorate_conf::{Config, MqttConfig, SharedStrategy as ConfiguredStrategy};
use quorate_core::TokioRuntime;
use quorate_core::tier::CoreNode;
use quorate_mqtt::limits::Limits;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::task::JoinError;

use crate::broker_plane::CorePlane;

/// How often a node looks whether it may begin to serve.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Serves MQTT from the moment at which the cluster knows of the node, until `stop`.
/// Without listeners there is nothing to serve.
pub(crate) async fn serve(
    config: Config,
    node: CoreNode<TokioRuntime>,
    stop: impl Future<Output = ()>,
) -> Result<(), Problem> {
    if config.listeners.enabled.is_empty() {
        stop.await;
        return Ok(());
    }
    let mut stop = std::pin::pin!(stop);
    while !node.is_up() {
        tokio::select! {
            () = &mut stop => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    let broker_config = broker_config(&config, hash_seed()?)?;
    let (plane, proposing) = CorePlane::new(node.clone());
    let proposing = tokio::spawn(proposing);
    let broker = Broker::start(broker_config, plane).map_err(|error| {
        Problem::new(Code::Unavailable, format!("no MQTT is served: {error}"))
            .with_hint("another process may have the port: set another, or stop it")
    })?;
    for (listener, address) in config.listeners.enabled.iter().zip(broker.addresses()) {
        tracing::info!(listener = %listener.id, %address, "MQTT is served");
    }
    stop.await;
    let drained = tokio::task::spawn_blocking(move || broker.drain()).await;
    // The broker is gone, and with it the plane: the task has come to its end.
    let _ = proposing.await;
    match drained {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Problem::new(Code::Internal, error.to_string())),
        Err(panic) => Err(Problem::new(Code::Internal, panic.to_string())),
    }
}

/// Why a broker ended that nobody stopped.
pub(crate) fn why_it_ended(ended: Result<Result<(), Problem>, JoinError>) -> Problem {
    match ended {
        Ok(Ok(())) => Problem::new(Code::Internal, "the MQTT broker ended"),
        Ok(Err(problem)) => problem,
        Err(panic) => Problem::new(Code::Internal, format!("the MQTT broker failed: {panic}")),
    }
}

/// Keeps clients from choosing what collides.
fn hash_seed() -> Result<u64, Problem> {
    let mut seed = [0; 8];
    let drawn = SystemRandom::new().fill(&mut seed);
    drawn.map_err(|_| Problem::new(Code::Internal, "the system has no random numbers"))?;
    Ok(u64::from_le_bytes(seed))
}

fn broker_config(config: &Config, hash_seed: u64) -> Result<BrokerConfig, Problem> {
    let mut listeners = Vec::new();
    for listener in &config.listeners.enabled {
        if listener.tls().is_some() || listener.websocket().is_some() {
            let id = &listener.id;
            let what = format!(
                "this build serves no {} listeners yet: {id}",
                id.kind.as_str()
            );
            return Err(Problem::new(Code::Configuration, what));
        }
        listeners.push(ListenerConfig {
            name: listener.id.to_string(),
            bind: listener.bind,
            max_connections: listener.max_connections.get() as usize,
            first_packet_timeout: listener.first_packet_timeout.get(),
        });
    }
    let mqtt = &config.mqtt;
    Ok(BrokerConfig {
        listeners,
        limits: limits(mqtt),
        shared_strategy: match mqtt.shared_subscription_strategy {
            ConfiguredStrategy::Random => SharedStrategy::Random,
            ConfiguredStrategy::RoundRobin => SharedStrategy::RoundRobin,
            ConfiguredStrategy::Sticky => SharedStrategy::Sticky,
            ConfiguredStrategy::Local => SharedStrategy::Local,
            ConfiguredStrategy::HashClientid => SharedStrategy::HashClientId,
            ConfiguredStrategy::HashTopic => SharedStrategy::HashTopic,
        },
        threads: config
            .broker
            .threads
            .map_or(1, |threads| usize::from(threads.get())),
        hash_seed,
        drain_timeout: mqtt.drain_timeout.get(),
    })
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
                    session_expiry_max = \"1h\"\nshared_subscription_strategy = \"sticky\"\n\
                    [listeners.tcp.default]\nbind = \"127.0.0.1:0\"\nmax_connections = 5\n";
        std::fs::write(file.path(), text).unwrap();
        let loaded = crate::config::load(Some(file.path()), &[], None);
        let config = loaded
            .map_err(|_| "the configuration is wrong")
            .unwrap()
            .config;
        let broker = broker_config(&config, 1).unwrap();
        assert_eq!(broker.limits.max_inflight.get(), 7);
        assert_eq!(broker.limits.keep_alive_percent, 200);
        assert_eq!(broker.limits.session_expiry_max_s, 3600);
        assert_eq!(broker.limits.session_expiry_v3_s, 3600);
        assert!(!broker.limits.retain_available);
        assert_eq!(broker.shared_strategy, SharedStrategy::Sticky);
        assert_eq!(broker.listeners[0].max_connections, 5);
    }
}
