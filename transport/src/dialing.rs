//! Several addresses of one node, tried at once.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;

use crate::config::TransportConfig;
use crate::environment::Environment;
use crate::greeting::GreetingError;

/// A name is needed and not looked at; who answers is checked by its certificate.
pub(crate) const SERVER_NAME: &str = "quorate";

/// The next address is tried when the one before has been silent for so long.
const STAGGER: Duration = Duration::from_millis(250);

/// The first connection that comes about; or what was tried and how each
/// attempt ended, with the last error that somebody answered with.
pub(crate) async fn race<T, F>(
    environment: &Environment,
    config: &TransportConfig,
    addresses: &[String],
    attempt: impl Fn(SocketAddr) -> F,
) -> Result<T, (String, Option<GreetingError>)>
where
    F: Future<Output = Result<T, GreetingError>>,
{
    let mut problems = Vec::new();
    let mut targets = Vec::new();
    let limit = config.timing.dial;
    let resolving = addresses.iter().map(|address| {
        let resolved = environment.resolver.resolve(address);
        async move { (address, tokio::time::timeout(limit, resolved).await) }
    });
    for (address, resolved) in join_all(resolving).await {
        match resolved.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())) {
            Ok(found) if found.is_empty() => problems.push(format!("{address}: no address found")),
            Ok(found) => targets.extend(found),
            Err(error) => problems.push(format!("{address}: {error}")),
        }
    }
    targets.dedup();
    let mut attempts: FuturesUnordered<_> = targets
        .into_iter()
        .zip(0_u32..)
        .map(|(address, number)| {
            let attempt = &attempt;
            async move {
                tokio::time::sleep(STAGGER * number).await;
                let dialed = tokio::time::timeout(limit, attempt(address)).await;
                let silent = || GreetingError::Connection(String::from("it does not answer"));
                (address, dialed.unwrap_or_else(|_| Err(silent())))
            }
        })
        .collect();
    let mut answered = None;
    while let Some((address, result)) = attempts.next().await {
        match result {
            Ok(connection) => return Ok(connection),
            Err(error) => {
                problems.push(format!("{address}: {error}"));
                if !matches!(error, GreetingError::Connection(_)) {
                    answered = Some(error);
                }
            }
        }
    }
    if problems.is_empty() {
        problems.push(String::from("no address of it is known"));
    }
    Err((problems.join("; "), answered))
}
