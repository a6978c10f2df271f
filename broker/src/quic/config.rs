//! What QUIC may do on a listener.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{IdleTimeout, ServerConfig, TransportConfig, VarInt};

/// Streams that a client may have open: one for control, the others for data.
const STREAMS: u32 = 64;
/// What a client may have sent on one stream and on all of them before it is read.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const WINDOW_BYTES: u32 = 512 * 1024;
/// What may be on its way to a client that has not acknowledged it.
const SEND_WINDOW_BYTES: u64 = 512 * 1024;
/// A peer that is never heard is gone after this, whatever its keep alive; one that has
/// nothing to say is asked four times as often.
const IDLE_TIMEOUT_MS: u32 = 3_600_000;
const ASK_EVERY: Duration = Duration::from_millis(IDLE_TIMEOUT_MS as u64 / 4);
/// Connections that wait to be accepted, and what is held for them.
const WAITING: usize = 1024;
const WAITING_BYTES: u64 = 16 * 1024;
const ALL_WAITING_BYTES: u64 = 4 * 1024 * 1024;

pub(super) fn server_config(
    tls: &Arc<rustls::ServerConfig>,
) -> Result<ServerConfig, rustls::Error> {
    let crypto = QuicServerConfig::try_from(Arc::clone(tls));
    // Not without the cipher suite that QUIC begins with, which every provider has.
    let crypto = crypto.map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(STREAMS.into())
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(STREAM_WINDOW_BYTES.into())
        .receive_window(WINDOW_BYTES.into())
        .send_window(SEND_WINDOW_BYTES)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(ASK_EVERY));
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport))
        .max_incoming(WAITING)
        .incoming_buffer_size(WAITING_BYTES)
        .incoming_buffer_size_total(ALL_WAITING_BYTES);
    Ok(config)
}
