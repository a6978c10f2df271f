//! What the reactors share of one listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quorate_mqtt::moment::Moment;
use thiserror::Error;

use crate::carrier::WebSocketConfig;
use crate::config::ListenerConfig;
use crate::connection::{LayersPlan, Pace};
use crate::tls::{CertificateError, ReloadableTls};

#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) config: ListenerConfig,
    tls: Option<ReloadableTls>,
    websocket: Option<Arc<WebSocketConfig>>,
    connections: AtomicUsize,
}

/// Why a listener cannot be opened.
#[derive(Debug, Error)]
pub enum ListenerError {
    #[error("listener {name}: {address} cannot be bound: {source}")]
    Bind {
        name: String,
        address: SocketAddr,
        source: io::Error,
    },
    #[error("listener {name}: {source}")]
    Certificates {
        name: String,
        source: Box<CertificateError>,
    },
}

impl ListenerError {
    pub(crate) fn certificates(config: &ListenerConfig, source: CertificateError) -> Self {
        Self::Certificates {
            name: config.name.clone(),
            source: Box::new(source),
        }
    }
}

impl Listener {
    pub(crate) fn new(config: ListenerConfig) -> Result<Self, ListenerError> {
        let websocket = config.carrier.websocket();
        let tls = config.carrier.tls();
        let tls = tls.map(|tls| ReloadableTls::load(tls, websocket.is_some()));
        let tls = tls.transpose();
        let tls = tls.map_err(|error| ListenerError::certificates(&config, error))?;
        Ok(Self {
            websocket: websocket.map(|websocket| Arc::new(websocket.clone())),
            tls,
            connections: AtomicUsize::new(0),
            config,
        })
    }

    pub(crate) const fn tls(&self) -> Option<&ReloadableTls> {
        self.tls.as_ref()
    }

    /// Whether a reactor has to do the work of TLS. QUIC has it inside, and what comes out
    /// of it is plain.
    pub(crate) fn has_handshake(&self) -> bool {
        self.tls.is_some() && !self.config.carrier.is_quic()
    }

    /// For a new connection.
    pub(crate) fn layers(&self, now: Moment) -> LayersPlan {
        let config = &self.config;
        let tls = self.tls.as_ref().filter(|_| self.has_handshake());
        LayersPlan {
            has_proxy_protocol: config.carrier.has_proxy_protocol(),
            tls: tls.map(ReloadableTls::current),
            websocket: self.websocket.clone(),
            pace: Pace::new(config.max_bytes_rate, config.max_messages_rate, now),
        }
    }

    /// Counts one more connection, unless there are all that may be.
    pub(crate) fn enter(&self) -> bool {
        let most = self.config.max_connections;
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        if before >= most {
            self.exit();
        }
        before < most
    }

    pub(crate) fn exit(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
