//! HTTP/1.1 on a Unix socket and on loopback TCP.
//!
//! Each server owns its connections: it caps their number and their age, ends
//! them when it is told to stop, and joins every task before it returns.

mod connection;
mod listener;
mod socket;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tracing::{error, warn};

use self::connection::{DRAIN, run_connection};
use self::listener::Listener;
pub use self::socket::AdminSocket;
use crate::control::Control;
use crate::routes::{Exposure, router};
use crate::socket_path::PathTooLong;

/// Further ones wait in the system's backlog until one of these ends.
const MAX_CONNECTIONS: usize = 256;

/// On top of what the connections give themselves; after it they are cut.
const JOIN_GRACE: Duration = Duration::from_secs(1);

#[derive(Debug, Error)]
pub enum BindError {
    #[error(transparent)]
    PathTooLong(#[from] PathTooLong),
    #[error("{} exists and is no socket", .0.display())]
    NotASocket(PathBuf),
    #[error("another process answers at {}", .0.display())]
    InUse(PathBuf),
    #[error("the admin API has no users yet, so it only listens on loopback, not on {0}")]
    NotLoopback(SocketAddr),
    #[error("can't make the socket {}: {source}", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the listener has no address: {0}")]
    NoAddress(std::io::Error),
}

/// Serves until `shutdown` completes, then removes the socket's file.
pub async fn serve_unix(
    socket: AdminSocket,
    control: Arc<dyn Control>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let (listener, file) = socket.into_parts();
    let mut connections = Connections::new(router(control, Exposure::Unix));
    connections.accept_until(&listener, shutdown).await;
    // In this order a client finds a socket that answers, or none.
    drop(listener);
    if let Err(error) = std::fs::remove_file(&file) {
        warn!(file = %file.display(), %error, "the admin socket's file stays behind");
    }
    connections.drain().await;
}

/// Serves until `shutdown` completes. Refuses any address but loopback.
pub async fn serve_tcp(
    listener: TcpListener,
    control: Arc<dyn Control>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), BindError> {
    let address = listener.local_addr().map_err(BindError::NoAddress)?;
    if !address.ip().is_loopback() {
        return Err(BindError::NotLoopback(address));
    }
    let mut connections = Connections::new(router(control, Exposure::Loopback));
    connections.accept_until(&listener, shutdown).await;
    drop(listener);
    connections.drain().await;
    Ok(())
}

struct Connections {
    service: TowerToHyperService<Router>,
    tasks: JoinSet<()>,
    draining: watch::Sender<bool>,
}

impl Connections {
    fn new(router: Router) -> Self {
        Self {
            service: TowerToHyperService::new(router),
            tasks: JoinSet::new(),
            draining: watch::Sender::new(false),
        }
    }

    async fn accept_until<L: Listener>(
        &mut self,
        listener: &L,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let mut shutdown = pin!(shutdown);
        loop {
            let has_room = self.tasks.len() < MAX_CONNECTIONS;
            tokio::select! {
                biased;
                () = &mut shutdown => return,
                Some(ended) = self.tasks.join_next() => report(ended),
                stream = listener.next() , if has_room => {
                    let service = self.service.clone();
                    let draining = self.draining.subscribe();
                    self.tasks.spawn(run_connection(stream, service, draining));
                }
            }
        }
    }

    async fn drain(mut self) {
        self.draining.send_replace(true);
        let all_end = async {
            while let Some(ended) = self.tasks.join_next().await {
                report(ended);
            }
        };
        if timeout(DRAIN + JOIN_GRACE, all_end).await.is_err() {
            warn!(left = self.tasks.len(), "cutting admin connections");
            self.tasks.shutdown().await;
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(failure) = ended {
        error!(%failure, "an admin request failed");
    }
}
