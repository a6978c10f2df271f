//! Where clients connect, and what one of them may do there.

use std::net::SocketAddr;
use std::num::NonZeroU32;

use crate::byte_size::ByteSize;
use crate::human_duration::HumanDuration;
use crate::listener_id::ListenerId;
use crate::listener_tls::ListenerTls;

/// `[listeners.KIND.NAME]`, enabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    pub id: ListenerId,
    /// Port 0 is any free port.
    pub bind: SocketAddr,
    pub max_connections: NonZeroU32,
    /// New connections in a second; `None` is no limit, here as below.
    pub max_connect_rate: Option<NonZeroU32>,
    /// From the accepted connection to a complete CONNECT: the proxy's header
    /// and the handshakes of TLS and WebSocket are part of it.
    pub first_packet_timeout: HumanDuration,
    /// Bytes in a second from one connection; what is above waits unread.
    pub max_bytes_rate: Option<ByteSize>,
    /// PUBLISH in a second from one connection; what is above waits unread.
    pub max_messages_rate: Option<NonZeroU32>,
    pub carrier: Carrier,
}

/// What stands between the socket and MQTT, outermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// tcp, tls, ws and wss.
    Stream {
        /// Each connection begins with the header of the PROXY protocol,
        /// version 1 or 2, that names the client.
        proxy_protocol: bool,
        tls: Option<ListenerTls>,
        websocket: Option<WebSocketConfig>,
    },
    /// ALPN `mqtt`.
    Quic { tls: ListenerTls },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketConfig {
    /// Of the request; begins with `/`.
    pub path: String,
    /// Of one WebSocket message, whole.
    pub max_message_size: ByteSize,
}

impl ListenerConfig {
    pub fn tls(&self) -> Option<&ListenerTls> {
        match &self.carrier {
            Carrier::Stream { tls, .. } => tls.as_ref(),
            Carrier::Quic { tls } => Some(tls),
        }
    }

    pub fn websocket(&self) -> Option<&WebSocketConfig> {
        match &self.carrier {
            Carrier::Stream { websocket, .. } => websocket.as_ref(),
            Carrier::Quic { .. } => None,
        }
    }
}
