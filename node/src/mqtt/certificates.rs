//! Certificates that are renewed while the broker serves.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use quorate_broker::Broker;
use quorate_conf::Config;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Has the broker read its certificates again whenever a file of theirs has changed;
/// new connections get the new ones. Never ends.
pub(super) async fn follow(config: &Config, broker: &Broker) -> Infallible {
    let files: Vec<PathBuf> = files(config).map(Path::to_owned).collect();
    if files.is_empty() {
        return std::future::pending().await;
    }
    let mut before = times(&files);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = times(&files);
        if now == before {
            continue;
        }
        before = now;
        match broker.reload_certificates() {
            Ok(()) => tracing::info!("the listeners have new certificates"),
            // The old ones serve on; whoever replaces files one by one is seen again.
            Err(error) => tracing::warn!(%error, "the old certificates stay in use"),
        }
    }
}

fn files(config: &Config) -> impl Iterator<Item = &Path> {
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
