//! One connection to a known node, with a lane for each service.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use quinn::VarInt;
use tokio::time::Instant;

use crate::flow::FlowSender;
use crate::frame::{FrameError, Preface};
use crate::lane::{Lane, SMALL_BYTES};
use crate::link::LinkError;
use crate::remarks::Remarks;
use crate::service::{KnownPeer, Service};
use crate::tasks::TaskGroup;

/// Why a connection is closed; the number is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum CloseCode {
    Stopping = 1,
    Refused = 2,
    BrokenProtocol = 3,
    NotAllowed = 4,
    Replaced = 5,
}

/// A connection as its streams know it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) quic: quinn::Connection,
    pub(crate) remarks: Arc<Remarks>,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: KnownPeer,
    line: Line,
    tasks: TaskGroup,
    message_limit: usize,
    lanes: Mutex<BTreeMap<Service, Arc<Lane>>>,
    heard: Mutex<Heard>,
}

/// When something last came from the other side.
#[derive(Debug)]
struct Heard {
    datagrams: u64,
    at: Instant,
}

impl Line {
    /// The other side broke the protocol.
    pub(crate) fn end_broken(&self, error: &FrameError) {
        let detail = format!("it broke the protocol: {error}");
        self.remarks.refused(self.quic.remote_address(), &detail);
        close(&self.quic, CloseCode::BrokenProtocol, &error.to_string());
    }
}

impl Connection {
    pub(crate) fn new(peer: KnownPeer, line: Line, tasks: TaskGroup, message_limit: usize) -> Self {
        Self {
            peer,
            line,
            tasks,
            message_limit,
            lanes: Mutex::default(),
            heard: Mutex::new(Heard {
                datagrams: 0,
                at: Instant::now(),
            }),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.line.quic.close_reason().is_none()
    }

    pub(crate) fn close(&self, code: CloseCode, reason: &str) {
        close(&self.line.quic, code, reason);
    }

    /// Whether nothing came for `quiet` at least.
    pub(crate) fn is_silent_for(&self, quiet: Duration) -> bool {
        let datagrams = self.line.quic.stats().udp_rx.datagrams;
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.datagrams != datagrams {
            heard.datagrams = datagrams;
            heard.at = Instant::now();
        }
        heard.at.elapsed() >= quiet
    }

    /// An error is a detail for people: the connection or the stream is gone.
    pub(crate) async fn call(&self, service: Service, request: Bytes) -> Result<Bytes, String> {
        let answer = if request.len() <= SMALL_BYTES {
            let lane = self
                .lane(service)
                .await
                .map_err(|error| error.to_string())?;
            lane.call(request).await
        } else {
            // Dropped with the call, which ends the stream.
            let lane = self
                .open(service)
                .await
                .map_err(|error| error.to_string())?;
            lane.call(request).await
        };
        answer.map_err(|_| match self.line.quic.close_reason() {
            Some(reason) => reason.to_string(),
            None => String::from("the other side closed the stream"),
        })
    }

    async fn lane(&self, service: Service) -> Result<Arc<Lane>, quinn::ConnectionError> {
        if let Some(lane) = self.kept(service) {
            return Ok(lane);
        }
        let opened = Arc::new(self.open(service).await?);
        // Another caller may have been faster; its lane serves both.
        if let Some(lane) = self.kept(service) {
            return Ok(lane);
        }
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.insert(service, Arc::clone(&opened));
        Ok(opened)
    }

    fn kept(&self, service: Service) -> Option<Arc<Lane>> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes
            .get(&service)
            .filter(|lane| !lane.is_closed())
            .cloned()
    }

    pub(crate) async fn open_flow(&self, service: Service) -> Result<FlowSender, LinkError> {
        let preface = Preface { service };
        FlowSender::open(
            self.peer.node,
            self.line.quic.clone(),
            preface,
            self.message_limit,
        )
        .await
    }

    async fn open(&self, service: Service) -> Result<Lane, quinn::ConnectionError> {
        let stream = self.line.quic.open_bi().await?;
        Ok(Lane::open(
            &self.tasks,
            &self.line,
            Preface { service },
            stream,
            self.message_limit,
        ))
    }
}

pub(crate) fn close(quic: &quinn::Connection, code: CloseCode, reason: &str) {
    quic.close(VarInt::from_u32(code as u32), reason.as_bytes());
}
