//! Certificates and users that change while the broker serves.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use quorate_broker::Broker;
use quorate_conf::Config;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Has the broker read its certificates and users again whenever a file of theirs has
/// changed; new connections get the new ones. Never ends.
pub(super) async fn follow(config: &Config, broker: &Broker) -> Infallible {
    let certificates: Vec<PathBuf> = certificates(config).map(Path::to_owned).collect();
    let users: Vec<PathBuf> = config.auth.scram_users.iter().cloned().collect();
    if certificates.is_empty() && users.is_empty() {
        return std::future::pending().await;
    }
    let mut before = (times(&certificates), times(&users));
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = (times(&certificates), times(&users));
        if now.0 != before.0 {
            reload_certificates(broker);
        }
        if now.1 != before.1 {
            reload_users(broker);
        }
        before = now;
    }
}

fn reload_certificates(broker: &Broker) {
    match broker.reload_certificates() {
        Ok(()) => tracing::info!("the listeners have new certificates"),
        // The old ones serve on; whoever replaces files one by one is seen again.
        Err(error) => tracing::warn!(%error, "the old certificates stay in use"),
    }
}

fn reload_users(broker: &Broker) {
    match broker.reload_users() {
        Ok(users) => tracing::info!(users, "the users were read again"),
        Err(error) => tracing::warn!(%error, "the users stay as they were"),
    }
}

fn certificates(config: &Config) -> impl Iterator<Item = &Path> {
    let listeners = config.listeners.enabled.iter();
    listeners
        .filter_map(|listener| listener.tls())
        .flat_map(|tls| {
            let own = [tls.cert.as_path(), tls.key.as_path()];
            own.into_iter().chain(tls.client_certificates.ca())
        })
}

/// None for a file that is not there at the moment.
fn times(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    let changed = |file: &PathBuf| std::fs::metadata(file).ok()?.modified().ok();
    files.iter().map(changed).collect()
}
