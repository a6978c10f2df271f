//! One connection to a known node, with a lane for each service.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use quinn::VarInt;
use tokio::time::Instant;

use crate::frame::{FrameError, Preface};
use crate::lane::{Lane, SMALL_BYTES, read_preface, serve_stream};
use crate::service::{Caller, KnownPeer, Serve, Service};
use crate::tasks::TaskGroup;

/// A stream that says nothing for so long is none.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(5);

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

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: KnownPeer,
    quic: quinn::Connection,
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

impl Connection {
    pub(crate) fn new(
        peer: KnownPeer,
        quic: quinn::Connection,
        tasks: TaskGroup,
        message_limit: usize,
    ) -> Self {
        Self {
            peer,
            quic,
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
        self.quic.close_reason().is_none()
    }

    pub(crate) fn close(&self, code: CloseCode, reason: &str) {
        close(&self.quic, code, reason);
    }

    /// Whether nothing came for `quiet` at least.
    pub(crate) fn is_silent_for(&self, quiet: Duration) -> bool {
        let datagrams = self.quic.stats().udp_rx.datagrams;
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
        answer.map_err(|_| match self.quic.close_reason() {
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

    async fn open(&self, service: Service) -> Result<Lane, quinn::ConnectionError> {
        let stream = self.quic.open_bi().await?;
        Ok(Lane::open(
            &self.tasks,
            Preface { service },
            stream,
            self.message_limit,
        ))
    }
}

/// Serves the streams that the other side opens, until the connection ends.
pub(crate) async fn serve_connection(
    quic: quinn::Connection,
    caller: Caller,
    serve: Arc<dyn Serve>,
    tasks: TaskGroup,
    limit: usize,
) {
    while let Ok((send, mut receive)) = quic.accept_bi().await {
        let (quic, caller, serve) = (quic.clone(), caller.clone(), Arc::clone(&serve));
        tasks.spawn(async move {
            let preface = tokio::time::timeout(PREFACE_TIMEOUT, read_preface(&mut receive)).await;
            let Ok(Some(preface)) = preface else { return };
            let served = match preface {
                Ok(preface) if preface.service.is_open_to(&caller) => {
                    serve_stream(caller, preface, (send, receive), serve, limit).await
                }
                Ok(preface) => {
                    let reason = format!("{:?} is not open to this node", preface.service);
                    return close(&quic, CloseCode::NotAllowed, &reason);
                }
                Err(error) => Err(error),
            };
            if let Err(error) = served {
                report_broken(&quic, &error);
            }
        });
    }
}

fn report_broken(quic: &quinn::Connection, error: &FrameError) {
    tracing::warn!(address = %quic.remote_address(), %error, "a peer broke the protocol; its connection is closed");
    close(quic, CloseCode::BrokenProtocol, &error.to_string());
}

pub(crate) fn close(quic: &quinn::Connection, code: CloseCode, reason: &str) {
    quic.close(VarInt::from_u32(code as u32), reason.as_bytes());
}
