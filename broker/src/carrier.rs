//! What stands between a listener's socket and MQTT.

use crate::tls::TlsConfig;

/// Outermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    Stream {
        /// Each connection begins with the header of the PROXY protocol, which names
        /// the client. It is believed, so nobody but the proxy may reach the listener.
        proxy_protocol: bool,
        tls: Option<TlsConfig>,
        websocket: Option<WebSocketConfig>,
    },
    /// ALPN `mqtt`; one stream or several.
    Quic { tls: TlsConfig },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketConfig {
    /// Of the request; begins with `/`.
    pub path: String,
    /// Of one WebSocket message, whole.
    pub max_message_bytes: u64,
}

impl Carrier {
    /// MQTT right on the socket.
    pub const TCP: Self = Self::Stream {
        proxy_protocol: false,
        tls: None,
        websocket: None,
    };

    pub(crate) const fn tls(&self) -> Option<&TlsConfig> {
        match self {
            Self::Stream { tls, .. } => tls.as_ref(),
            Self::Quic { tls } => Some(tls),
        }
    }

    pub(crate) const fn websocket(&self) -> Option<&WebSocketConfig> {
        match self {
            Self::Stream { websocket, .. } => websocket.as_ref(),
            Self::Quic { .. } => None,
        }
    }

    pub(crate) const fn has_proxy_protocol(&self) -> bool {
        match self {
            Self::Stream { proxy_protocol, .. } => *proxy_protocol,
            Self::Quic { .. } => false,
        }
    }

    pub(crate) const fn is_quic(&self) -> bool {
        matches!(self, Self::Quic { .. })
    }
}
