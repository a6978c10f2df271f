//! Why a layer lets nothing through any more.

use thiserror::Error;

use crate::proxy_protocol::ProxyError;
use crate::websocket::frame::FrameError;
use crate::websocket::handshake::HandshakeError;

#[derive(Debug, Error)]
pub(crate) enum LayerEnd {
    #[error("the client has closed it")]
    Closed,
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    #[error("TLS: more bytes than a handshake may have")]
    TlsTooLong,
    #[error("no WebSocket: {0}")]
    Handshake(#[from] HandshakeError),
    #[error("WebSocket: {0}")]
    Frame(#[from] FrameError),
}
