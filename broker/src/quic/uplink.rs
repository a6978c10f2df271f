//! From a client's streams to its reactor.

use std::sync::Arc;
use std::{fmt, io};

use bytes::{Bytes, BytesMut};
use quinn::RecvStream;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::oneshot;

use super::boundary::Boundary;
use super::bridge::{Bridge, Stage};
use super::demux::Lane;
use super::packet_head::{VERSION_BYTES, version};

/// Of one read.
const CHUNK_BYTES: usize = 64 * 1024;
/// The beginning of a packet up to this may be gathered on all streams at once, a larger
/// one on one stream at a time.
const SMALL_PACKET_BYTES: usize = 16 * 1024;
/// PINGRESP: what no client may send ends a connection with the words for that.
const PROTOCOL_ERROR: [u8; 2] = [0xd0, 0];

/// The one way into the reactor; whoever holds it may write whole packets.
pub(super) struct Uplink {
    socket: OwnedWriteHalf,
    /// The reactor hears nothing more.
    is_over: bool,
}

/// Nothing more can be said to the reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over;

impl Uplink {
    pub(super) const fn new(socket: OwnedWriteHalf) -> Self {
        Self {
            socket,
            is_over: false,
        }
    }

    pub(super) async fn pass(&mut self, bytes: &[u8]) -> Result<(), Over> {
        if self.is_over {
            return Err(Over);
        }
        let passed = self.socket.write_all(bytes).await;
        passed.map_err(|_: io::Error| self.close())
    }

    /// Has the reactor send the client away for something that it cannot see itself.
    pub(super) async fn complain(&mut self, why: &impl fmt::Display) -> Over {
        tracing::debug!(%why, "the connection ends");
        self.pass_malformed(&PROTOCOL_ERROR).await
    }

    /// Passes on what the reactor refuses, and nothing after it.
    pub(super) async fn pass_malformed(&mut self, bytes: &[u8]) -> Over {
        let _ = self.pass(bytes).await;
        self.close()
    }

    /// For the reactor, the client has closed its side.
    pub(super) async fn end(&mut self) {
        self.is_over = true;
        // It may be gone already.
        let _ = self.socket.shutdown().await;
    }

    const fn close(&mut self) -> Over {
        self.is_over = true;
        Over
    }
}

/// Passes the control stream on: as it comes while it is alone, and packet by packet
/// when there are others.
pub(super) async fn run_control(bridge: Arc<Bridge>, mut from: RecvStream) {
    let passed = match pass_as_it_comes(&bridge, &mut from).await {
        Ok(Some(rest)) => {
            bridge.advance(Stage::Many);
            // It goes when the connection does, so nothing ends it before.
            let (_keep, never) = oneshot::channel();
            pass_packets(&bridge, Lane::Control, &mut from, rest, never).await
        }
        Ok(None) => Ok(()),
        Err(over) => Err(over),
    };
    // After a complaint the reactor ends it, in its own words.
    if passed.is_ok() {
        bridge.uplink.lock().await.end().await;
    }
}

/// Returns what is left when packets have to be cut; none at the end of the stream.
async fn pass_as_it_comes(bridge: &Bridge, from: &mut RecvStream) -> Result<Option<Bytes>, Over> {
    let mut boundary = Boundary::default();
    let mut opening = Vec::new();
    let mut stage = bridge.stage.subscribe();
    loop {
        if bridge.is_at(Stage::Switching) && boundary.is_between_packets() {
            return Ok(Some(Bytes::new()));
        }
        let chunk = tokio::select! {
            chunk = from.read_chunk(CHUNK_BYTES, true) => chunk,
            _ = stage.changed() => continue,
        };
        let Ok(Some(chunk)) = chunk else {
            return Ok(None);
        };
        let bytes = chunk.bytes;
        if bridge.version.get().is_none() && opening.len() < VERSION_BYTES {
            let missing = VERSION_BYTES - opening.len();
            opening.extend_from_slice(&bytes[..bytes.len().min(missing)]);
            if let Some(version) = version(&opening) {
                let _ = bridge.version.set(version);
            }
        }
        let mut uplink = bridge.uplink.lock().await;
        if bridge.is_at(Stage::Switching) {
            let taken = boundary.take_one(&bytes);
            uplink.pass(&bytes[..taken]).await?;
            if boundary.is_between_packets() {
                return Ok(Some(bytes.slice(taken..)));
            }
        } else {
            boundary.take_all(&bytes);
            uplink.pass(&bytes).await?;
        }
    }
}

/// Passes a stream on packet by packet, to its end or until `stop` is dropped.
pub(super) async fn pass_packets(
    bridge: &Bridge,
    lane: Lane,
    from: &mut RecvStream,
    mut fresh: Bytes,
    mut stop: oneshot::Receiver<()>,
) -> Result<(), Over> {
    let mut begun = BytesMut::new();
    let mut turn = None;
    loop {
        if begun.is_empty() {
            let whole = bridge.pass_packets(lane, &fresh).await?;
            begun.extend_from_slice(&fresh[whole..]);
        } else {
            begun.extend_from_slice(&fresh);
            let whole = bridge.pass_packets(lane, &begun).await?;
            // So much memory is not kept for the beginning of the next one.
            if whole > 0 {
                begun = BytesMut::from(&begun[whole..]);
            }
        }
        if begun.len() <= SMALL_PACKET_BYTES {
            turn = None;
        } else if turn.is_none() {
            turn = bridge.large.acquire().await.ok();
        }
        let chunk = tokio::select! {
            _ = &mut stop => return Ok(()),
            chunk = from.read_chunk(CHUNK_BYTES, true) => chunk,
        };
        let Ok(Some(chunk)) = chunk else {
            return Ok(());
        };
        fresh = chunk.bytes;
    }
}
