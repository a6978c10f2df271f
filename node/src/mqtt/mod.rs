//! The broker of a node: when it begins to serve, with which configuration, and how it
//! ends.

mod broker_metrics;
mod changed_files;
mod config;

use std::time::Duration;

pub(crate) use broker_metrics::BrokerMetrics;
use quorate_admin::api::{Code, Problem};
use quorate_broker::{Broker, ListenerError, StartError};
use quorate_conf::Config;
use quorate_core::TokioRuntime;
use quorate_core::tier::CoreNode;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::task::JoinError;

use crate::broker_plane::CorePlane;

/// How often a node looks whether it may begin to serve.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often it looks whether its broker is still there.
const LOOK_AT_BROKER_EVERY: Duration = Duration::from_secs(1);

/// Serves MQTT from the moment at which the cluster knows of the node, until `stop`.
/// Without listeners there is nothing to serve.
pub(crate) async fn serve(
    config: Config,
    node: CoreNode<TokioRuntime>,
    metrics: BrokerMetrics,
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
    let broker_config = config::broker_config(&config, hash_seed()?);
    let (plane, proposing) = CorePlane::new(node.clone());
    let proposing = tokio::spawn(proposing);
    let broker = Broker::start(broker_config, plane).map_err(|error| why_not(&error))?;
    metrics.follow(broker.metrics());
    for (listener, address) in config.listeners.enabled.iter().zip(broker.addresses()) {
        tracing::info!(listener = %listener.id, %address, "MQTT is served");
    }
    tokio::select! {
        () = stop => {}
        never = changed_files::follow(&config, &broker) => match never {},
        () = ended(&broker) => {}
    }
    let drained = tokio::task::spawn_blocking(move || broker.drain()).await;
    // The broker is gone, and with it the plane: the task has come to its end.
    let _ = proposing.await;
    match drained {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Problem::new(Code::Internal, error.to_string())),
        Err(panic) => Err(Problem::new(Code::Internal, panic.to_string())),
    }
}

/// Waits until the broker has ended by itself, which it does only when it cannot go on.
async fn ended(broker: &Broker) {
    while broker.is_serving() {
        tokio::time::sleep(LOOK_AT_BROKER_EVERY).await;
    }
}

fn why_not(error: &StartError) -> Problem {
    let problem = |code| Problem::new(code, format!("no MQTT is served: {error}"));
    match error {
        StartError::Listener(ListenerError::Bind { name, .. }) => problem(Code::Unavailable)
            .with_hint(format!(
                "another process may have the port: set listeners.{name}.bind, or stop it"
            )),
        StartError::Listener(ListenerError::Certificates { name, .. }) => {
            problem(Code::Configuration).with_hint(format!(
                "set listeners.{name}.cert, .key and .client_ca to PEM files that fit each other"
            ))
        }
        StartError::Users(_) => problem(Code::Configuration).with_hint(
            "the file is that of auth.scram_users; `quorate config user NAME` prints a line for it",
        ),
        StartError::System(_) => problem(Code::Unavailable),
    }
}

/// Whether the files that the configuration names would do.
pub(crate) fn check_files(config: &Config) -> Result<(), Problem> {
    let broker_config = config::broker_config(config, 0);
    Broker::check(&broker_config).map_err(|error| why_not(&error))
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
