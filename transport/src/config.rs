//! Settings of a transport.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quinn::{IdleTimeout, MtuDiscoveryConfig, VarInt};
use quorate_model::node_name::NodeName;

const STREAM_WINDOW_BYTES: u32 = 16 << 20;
/// All streams of a connection together.
pub(crate) const PEER_WINDOW_BYTES: u32 = 64 << 20;
/// What a datagram may hold where the path takes it; loopback and jumbo frames do.
/// quinn hands ten at once to the kernel, which takes 64 KiB: beyond that they are
/// dropped unseen, and what looks like a black hole makes them small for good.
pub(crate) const DATAGRAM_BYTES: u16 = 6_500;
const STRANGER_WINDOW_BYTES: u32 = 64 << 10;
const STRANGER_STREAMS: u32 = 2;

#[derive(Debug, Clone)]
pub struct TransportConfig {
    /// Where to dial a node instead of where it says it is.
    pub dial: BTreeMap<NodeName, String>,
    pub limits: TransportLimits,
    pub timing: TransportTiming,
    /// Off in the simulator, whose network has no sizes to discover.
    pub discovers_mtu: bool,
}

#[derive(Debug, Clone)]
pub struct TransportLimits {
    /// One message, either way.
    pub message_bytes: usize,
    /// Streams that a peer may have open, of each kind.
    pub streams: u32,
    /// Handshakes under way; beyond half of it an address has to show that it
    /// can receive, beyond all of it the oldest makes room.
    pub handshakes: usize,
    /// Nodes without a certificate that are being let in at once.
    pub visits: usize,
}

#[derive(Debug, Clone)]
pub struct TransportTiming {
    /// A connection that hears nothing for so long is dead.
    pub idle: Duration,
    pub keep_alive: Duration,
    /// How long one attempt to reach one address may take.
    pub dial: Duration,
    /// How long a peer may take to say who it is.
    pub handshake: Duration,
    /// The longest pause between attempts.
    pub backoff: Duration,
    /// The same for a peer that refuses.
    pub refused_backoff: Duration,
    /// A call that times out on a connection that was silent for so long makes
    /// a new one: after a cut QUIC's own retries may be seconds apart.
    pub suspect: Duration,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            dial: BTreeMap::new(),
            limits: TransportLimits {
                message_bytes: 24 << 20,
                streams: 64,
                handshakes: 128,
                visits: 16,
            },
            timing: TransportTiming {
                idle: Duration::from_secs(4),
                keep_alive: Duration::from_secs(1),
                dial: Duration::from_secs(2),
                handshake: Duration::from_secs(5),
                backoff: Duration::from_secs(1),
                refused_backoff: Duration::from_secs(15),
                suspect: Duration::from_millis(500),
            },
            discovers_mtu: true,
        }
    }
}

impl TransportConfig {
    /// For connections to nodes whose certificate was checked.
    pub(crate) fn quic_to_peers(&self) -> Arc<quinn::TransportConfig> {
        let mut quic = self.quic();
        quic.receive_window(VarInt::from_u32(PEER_WINDOW_BYTES))
            .max_concurrent_uni_streams(VarInt::from_u32(self.limits.streams));
        Arc::new(quic)
    }

    /// For connections of whoever dials: all that they can make this node keep
    /// is this much, until they have shown who they are.
    pub(crate) fn quic_from_anybody(&self) -> Arc<quinn::TransportConfig> {
        let mut quic = self.quic();
        quic.receive_window(VarInt::from_u32(STRANGER_WINDOW_BYTES))
            .send_window(u64::from(STRANGER_WINDOW_BYTES))
            .max_concurrent_bidi_streams(VarInt::from_u32(STRANGER_STREAMS));
        Arc::new(quic)
    }

    fn quic(&self) -> quinn::TransportConfig {
        let mut quic = quinn::TransportConfig::default();
        quic.max_concurrent_bidi_streams(VarInt::from_u32(self.limits.streams))
            .max_concurrent_uni_streams(VarInt::from_u32(0))
            .datagram_receive_buffer_size(None)
            .max_idle_timeout(IdleTimeout::try_from(self.timing.idle).ok())
            .keep_alive_interval(Some(self.timing.keep_alive))
            .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
            .send_window(u64::from(PEER_WINDOW_BYTES))
            .mtu_discovery_config(self.discovers_mtu.then(mtu_discovery));
        quic
    }
}

fn mtu_discovery() -> MtuDiscoveryConfig {
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(DATAGRAM_BYTES);
    discovery
}
