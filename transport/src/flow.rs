//! Frames one way, in order: for what a node sends faster than it could ask.
//!
//! ```text
//! send ─ one buffer ══ stream ══ chunks ─ receive
//! ```
//!
//! Nothing is answered, so nothing has to be remembered for an answer. A receiver
//! that does not read holds the sender up, by the window of the stream.

use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream};
use quorate_model::ids::NodeId;

use crate::frame::{FrameError, FrameKind, FrameReader, FrameRef, Preface, gather};
use crate::link::LinkError;
use crate::serving::Host;

/// Chunks that are taken from the stream at once; one is a packet's worth.
const CHUNKS: usize = 64;

/// The sending end of a flow.
#[derive(Debug)]
pub struct FlowSender {
    to: NodeId,
    quic: Connection,
    /// None once a write was given up half-way: what follows could not be read.
    stream: Option<SendStream>,
    limit: usize,
    next: u64,
}

/// The receiving end of a flow.
pub struct FlowReceiver {
    host: Host,
    stream: RecvStream,
    reader: FrameReader,
    next: u64,
}

/// A flow that ended without having been finished. What came before is whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    #[error("the sender is gone: {0}")]
    Cut(String),
    #[error("the sender broke the protocol: {0}")]
    Broken(String),
}

impl FlowSender {
    pub(crate) async fn open(
        to: NodeId,
        quic: Connection,
        preface: Preface,
        limit: usize,
    ) -> Result<Self, LinkError> {
        let mut flow = Self {
            to,
            quic,
            stream: None,
            limit,
            next: 0,
        };
        let opened = flow.quic.open_uni().await;
        let mut stream = opened.map_err(|error| flow.failed(&error))?;
        let written = stream.write_all(&preface.encode()).await;
        written.map_err(|error| flow.failed(&error))?;
        flow.stream = Some(stream);
        Ok(flow)
    }

    /// Sends all of them in one go. They are on their way when this returns; after
    /// an error, or when the future was dropped, the flow is over and it is unknown
    /// how many arrived.
    pub async fn send(&mut self, bodies: &[Bytes]) -> Result<(), LinkError> {
        let (to, limit) = (self.to, self.limit);
        if let Some(body) = bodies.iter().find(|body| body.len() > limit) {
            let bytes = body.len();
            return Err(LinkError::TooLarge { to, bytes, limit });
        }
        let mut stream = self.take_stream()?;
        let first = self.next;
        self.next += bodies.len() as u64;
        let frames = (first..).zip(bodies).map(|(call, body)| FrameRef {
            kind: FrameKind::OneWay,
            call,
            body,
        });
        let mut chunks = Vec::new();
        gather(frames, &mut chunks);
        let written = stream.write_all_chunks(&mut chunks).await;
        written.map_err(|error| self.failed(&error))?;
        self.stream = Some(stream);
        Ok(())
    }

    /// Ends the flow, and returns when the other side's machine has all of it.
    pub async fn finish(mut self) -> Result<(), LinkError> {
        let mut stream = self.take_stream()?;
        stream.finish().map_err(|error| self.failed(&error))?;
        match stream.stopped().await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(self.failed(&"the other side does not take the flow")),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn take_stream(&mut self) -> Result<SendStream, LinkError> {
        let stream = self.stream.take();
        stream.ok_or_else(|| self.failed(&"the flow is over"))
    }

    /// Why a connection ended says more than that it did.
    fn failed(&self, error: &impl ToString) -> LinkError {
        let reason = self.quic.close_reason();
        LinkError::Unreachable {
            to: self.to,
            detail: reason.map_or_else(|| error.to_string(), |reason| reason.to_string()),
        }
    }
}

impl FlowReceiver {
    pub(crate) fn new(host: Host, stream: RecvStream) -> Self {
        Self {
            reader: FrameReader::new(FrameKind::OneWay, host.limit),
            host,
            stream,
            next: 0,
        }
    }

    /// Waits for frames and appends all that are whole, in the order in which
    /// they were sent. None come after 0, the orderly end. Dropping the future
    /// loses nothing.
    pub async fn receive(&mut self, bodies: &mut Vec<Bytes>) -> Result<usize, FlowError> {
        let had = bodies.len();
        loop {
            self.take_whole(bodies)?;
            if bodies.len() > had {
                return Ok(bodies.len() - had);
            }
            let mut chunks = [const { Bytes::new() }; CHUNKS];
            let read = self.stream.read_chunks(&mut chunks).await;
            let read = read.map_err(|error| FlowError::Cut(error.to_string()))?;
            let Some(read) = read else {
                return match self.reader.is_empty() {
                    true => Ok(0),
                    false => Err(FlowError::Cut(String::from("it ended within a frame"))),
                };
            };
            for chunk in chunks.into_iter().take(read) {
                self.reader.push(chunk);
            }
        }
    }

    fn take_whole(&mut self, bodies: &mut Vec<Bytes>) -> Result<(), FlowError> {
        loop {
            let frame = match self.reader.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.broken(&error)),
            };
            if frame.call != self.next {
                let (expected, found) = (self.next, frame.call);
                return Err(self.broken(&FrameError::OutOfOrder { expected, found }));
            }
            self.next += 1;
            bodies.push(frame.body);
        }
    }

    fn broken(&self, error: &FrameError) -> FlowError {
        self.host.line.end_broken(error);
        FlowError::Broken(error.to_string())
    }
}
