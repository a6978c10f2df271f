//! One client's connection.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::debug;

/// For the whole head of a request, and for a connection that sends none.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// Some clients read their answer slowly, or never.
const MAX_AGE: Duration = Duration::from_secs(300);

/// What a request gets to end in when its connection is closed.
pub(super) const DRAIN: Duration = Duration::from_secs(5);

/// The head of a request and a piece of its body must fit.
const BUFFER_BYTES: usize = 16 * 1024;

pub(super) async fn run_connection<S>(
    stream: S,
    service: TowerToHyperService<Router>,
    mut draining: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = draining.wait_for(|draining| *draining) => None,
        () = sleep(MAX_AGE) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            timeout(DRAIN, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        debug!(%error, "an admin connection broke");
    }
}
