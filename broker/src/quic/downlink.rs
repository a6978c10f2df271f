//! From a reactor to its client's streams.

use std::convert::Infallible;
use std::io;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use quinn::{SendStream, StoppedError, WriteError};
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;

use super::boundary::Boundary;
use super::bridge::{Bridge, Stage};
use super::cut::cut;
use super::lanes::Slot;
use super::packet_head::lets_in;

/// Of one read.
const CHUNK_BYTES: usize = 16 * 1024;

struct Downlink<'a> {
    bridge: &'a Bridge,
    control: SendStream,
    way: Way,
}

enum Way {
    /// Until a CONNACK lets the client in. The rest of a packet has to come.
    Opening(BytesMut),
    /// All is the control stream's.
    Single(Boundary),
    /// Each packet goes where it belongs.
    Many(BytesMut),
}

/// Ends when the reactor has, and the client has got all of it.
pub(super) async fn run(
    bridge: &Bridge,
    mut from: OwnedReadHalf,
    control: SendStream,
    mut absence: mpsc::Receiver<Infallible>,
) {
    let mut downlink = Downlink {
        bridge,
        control,
        way: Way::Opening(BytesMut::new()),
    };
    if let Err(error) = downlink.pass_all(&mut from).await {
        tracing::debug!(%error, "a client takes nothing more");
        // What it has sent before may still be on its way to the reactor, which reads
        // on only if somebody takes its answers.
        let end = async {
            if let WriteError::Stopped(_) = error {
                bridge.uplink.lock().await.end().await;
            }
        };
        let discard = async { while read(&mut from).await.is_some() {} };
        tokio::join!(end, discard);
    }
    bridge.advance(Stage::Over);
    *bridge.slot() = Slot::Over;
    if downlink.control.finish().is_ok() {
        let _ = downlink.control.stopped().await;
    }
    // Nothing is ever sent here: it ends with the last stream.
    let _ = absence.recv().await;
}

/// None at the end.
async fn read(from: &mut OwnedReadHalf) -> Option<Bytes> {
    loop {
        from.readable().await.ok()?;
        match try_read(from) {
            Ok(bytes) if bytes.is_empty() => return None,
            Ok(bytes) => return Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}

/// An idle connection has no buffer.
fn try_read(from: &OwnedReadHalf) -> io::Result<Bytes> {
    let mut buffer = [0; CHUNK_BYTES];
    let read = from.try_read(&mut buffer)?;
    Ok(Bytes::copy_from_slice(&buffer[..read]))
}

impl Downlink<'_> {
    /// An error is why the client takes nothing more.
    async fn pass_all(&mut self, from: &mut OwnedReadHalf) -> Result<(), WriteError> {
        let mut stopped = pin!(self.control.stopped());
        loop {
            let bytes = tokio::select! {
                bytes = read(from) => bytes,
                stopped = &mut stopped => {
                    return Err(match stopped {
                        Ok(Some(code)) => WriteError::Stopped(code),
                        Ok(None) => WriteError::ClosedStream,
                        Err(StoppedError::ConnectionLost(error)) => {
                            WriteError::ConnectionLost(error)
                        }
                        Err(StoppedError::ZeroRttRejected) => WriteError::ZeroRttRejected,
                    });
                }
            };
            match bytes {
                Some(bytes) => self.pass(bytes).await?,
                None => return Ok(()),
            }
        }
    }

    async fn pass(&mut self, bytes: Bytes) -> Result<(), WriteError> {
        match &mut self.way {
            Way::Opening(begun) => {
                begun.extend_from_slice(&bytes);
                let mut is_in = false;
                let (whole, _) = cut(begun, usize::MAX, |frame, _| {
                    is_in |= lets_in(frame);
                    Ok::<_, Infallible>(())
                });
                let packets = begun.split_to(whole).freeze();
                let rest = is_in.then(|| std::mem::take(begun).freeze());
                self.write(packets).await?;
                if let Some(rest) = rest {
                    self.bridge.advance(Stage::Single);
                    self.way = Way::Single(Boundary::default());
                    self.pass_single(rest).await?;
                }
                Ok(())
            }
            Way::Single(_) => self.pass_single(bytes).await,
            Way::Many(_) => self.pass_many(bytes).await,
        }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), WriteError> {
        match bytes.is_empty() {
            true => Ok(()),
            false => self.control.write_chunk(bytes).await,
        }
    }

    async fn pass_single(&mut self, bytes: Bytes) -> Result<(), WriteError> {
        let Way::Single(boundary) = &mut self.way else {
            return Ok(());
        };
        if !self.bridge.is_at(Stage::Switching) {
            boundary.take_all(&bytes);
            return self.write(bytes).await;
        }
        let rest = match boundary.is_between_packets() {
            true => bytes,
            false => {
                let taken = boundary.take_one(&bytes);
                let is_between = boundary.is_between_packets();
                self.write(bytes.slice(..taken)).await?;
                if !is_between {
                    return Ok(());
                }
                bytes.slice(taken..)
            }
        };
        self.way = Way::Many(BytesMut::new());
        self.pass_many(rest).await
    }

    async fn pass_many(&mut self, bytes: Bytes) -> Result<(), WriteError> {
        let Way::Many(begun) = &mut self.way else {
            return Ok(());
        };
        begun.extend_from_slice(&bytes);
        let (batches, whole) = match self.bridge.slot().get() {
            Some(lanes) => lanes.sort(begun),
            None => return Ok(()),
        };
        let packets = begun.split_to(whole).freeze();
        if begun.is_empty() {
            *begun = BytesMut::new();
        }
        for batch in batches {
            let bytes = packets.slice(batch.range);
            let unplaced = match batch.to {
                Some(lane) => lane.put(bytes, batch.has_answers).await.err(),
                None => Some(bytes),
            };
            if let Some(bytes) = unplaced {
                self.write(bytes).await?;
            }
        }
        Ok(())
    }
}
