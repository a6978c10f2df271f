//! Calls over one long stream: requests of many callers in one batch, answers
//! as they come.
//!
//! ```text
//! caller ─ queue ─ writer ══ stream ══ reader ─ handler ─ queue ─ writer ══ ... ─ caller
//! ```
//!
//! A stream a message costs several times as much.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use quinn::{RecvStream, SendStream};
use tokio::sync::{mpsc, oneshot};

use crate::connection::Line;
use crate::frame::{Frame, FrameError, FrameKind, FrameReader, PREFACE_BYTES, Preface, gather};
use crate::service::{Caller, Serve, Service};
use crate::tasks::TaskGroup;

/// Requests up to this size share a stream; larger ones would hold the others
/// up and get one of their own.
pub(crate) const SMALL_BYTES: usize = 16 * 1024;
/// Calls that one side may have waiting in one lane.
const QUEUE_FRAMES: usize = 1024;
/// Requests that are served at once from one stream; more wait unread.
const SERVED_AT_ONCE: usize = 1024;
const SERVED_TO_A_STRANGER: usize = 1;

/// The calling end of a lane.
#[derive(Debug)]
pub(crate) struct Lane {
    queue: mpsc::Sender<Frame>,
    waiting: Arc<Waiting>,
}

/// Calls without an answer yet.
#[derive(Debug, Default)]
struct Waiting {
    next: AtomicU64,
    is_closed: AtomicBool,
    calls: Mutex<BTreeMap<u64, oneshot::Sender<Bytes>>>,
}

/// The stream is gone; whether a request was served is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneClosed;

/// Forgets a call also when its future is dropped.
struct Pending<'a> {
    waiting: &'a Waiting,
    call: u64,
}

impl Lane {
    /// Takes over a fresh stream; its tasks end with it.
    pub(crate) fn open(
        tasks: &TaskGroup,
        line: &Line,
        preface: Preface,
        (send, receive): (SendStream, RecvStream),
        limit: usize,
    ) -> Self {
        let (queue, frames) = mpsc::channel(QUEUE_FRAMES);
        let waiting = Arc::<Waiting>::default();
        let (written, read) = (Arc::clone(&waiting), Arc::clone(&waiting));
        tasks.spawn(async move {
            let preface = Bytes::copy_from_slice(&preface.encode());
            // The reader notices whatever ends the stream.
            let _ = write_frames(send, Some(preface), frames).await;
            written.close();
        });
        let line = line.clone();
        tasks.spawn(async move {
            if let Err(error) = read.deliver(receive, limit).await {
                line.end_broken(&error);
            }
            read.close();
        });
        Self { queue, waiting }
    }

    pub(crate) async fn call(&self, request: Bytes) -> Result<Bytes, LaneClosed> {
        let (sender, answer) = oneshot::channel();
        let call = self.waiting.next.fetch_add(1, Ordering::Relaxed);
        self.waiting.lock().insert(call, sender);
        let _pending = Pending {
            waiting: &self.waiting,
            call,
        };
        // After the insertion: whoever closes the lane sees the call, or the
        // call sees that it is closed.
        if self.waiting.is_closed.load(Ordering::SeqCst) {
            return Err(LaneClosed);
        }
        let frame = Frame {
            kind: FrameKind::Request,
            call,
            body: request,
        };
        self.queue.send(frame).await.map_err(|_| LaneClosed)?;
        answer.await.map_err(|_| LaneClosed)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.waiting.is_closed.load(Ordering::SeqCst)
    }
}

impl Waiting {
    async fn deliver(&self, mut receive: RecvStream, limit: usize) -> Result<(), FrameError> {
        let mut reader = FrameReader::new(FrameKind::Response, limit);
        while let Ok(Some(chunk)) = receive.read_chunk(usize::MAX, true).await {
            reader.push(chunk.bytes);
            while let Some(frame) = reader.next()? {
                self.answer(frame);
            }
        }
        Ok(())
    }

    fn answer(&self, frame: Frame) {
        if let Some(waiting) = self.lock().remove(&frame.call) {
            // The caller may have given up in this very moment.
            let _ = waiting.send(frame.body);
        }
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, oneshot::Sender<Bytes>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.waiting.lock().remove(&self.call);
    }
}

/// Reads a stream's preface.
pub(crate) async fn read_preface(receive: &mut RecvStream) -> Option<Result<Preface, FrameError>> {
    let mut bytes = [0; PREFACE_BYTES];
    receive.read_exact(&mut bytes).await.ok()?;
    Some(Preface::decode(bytes))
}

/// Serves the requests of one stream until it ends. What is under way then is
/// dropped: nobody waits for it any more.
pub(crate) async fn serve_stream(
    caller: Caller,
    service: Service,
    (send, mut receive): (SendStream, RecvStream),
    serve: Arc<dyn Serve>,
    limit: usize,
) -> Result<(), FrameError> {
    let (answers, frames) = mpsc::channel(QUEUE_FRAMES);
    let mut writer = std::pin::pin!(write_frames(send, None, frames));
    let mut handlers = FuturesUnordered::new();
    let mut reader = FrameReader::new(FrameKind::Request, limit);
    let at_once = match &caller {
        Caller::Stranger(_) => SERVED_TO_A_STRANGER,
        Caller::Node(_) => SERVED_AT_ONCE,
    };
    loop {
        while handlers.len() < at_once
            && let Some(frame) = reader.next()?
        {
            let answer = serve.serve(caller.clone(), service, frame.body);
            handlers.push(respond(frame.call, answer));
        }
        tokio::select! {
            chunk = receive.read_chunk(usize::MAX, true), if handlers.len() < at_once => {
                match chunk {
                    Ok(Some(chunk)) => reader.push(chunk.bytes),
                    // No more requests; what is under way is answered.
                    Ok(None) => break,
                    Err(_) => return Ok(()),
                }
            }
            Some(frame) = handlers.next() => {
                // The writer makes room for it: it has to run meanwhile.
                tokio::select! {
                    sent = answers.send(frame) => if sent.is_err() { return Ok(()) },
                    _ = &mut writer => return Ok(()),
                }
            }
            _ = &mut writer => return Ok(()),
        }
    }
    finish(answers, handlers, writer).await;
    Ok(())
}

async fn respond(call: u64, answer: impl Future<Output = Bytes>) -> Frame {
    Frame {
        kind: FrameKind::Response,
        call,
        body: answer.await,
    }
}

async fn finish(
    answers: mpsc::Sender<Frame>,
    mut handlers: FuturesUnordered<impl Future<Output = Frame>>,
    writer: impl Future<Output = Result<(), quinn::WriteError>>,
) {
    let handled = async move {
        while let Some(frame) = handlers.next().await {
            if answers.send(frame).await.is_err() {
                return;
            }
        }
    };
    let (_, _) = futures::join!(handled, writer);
}

/// Writes what is queued, all that waits in one go, until nobody can queue any
/// more; then ends the stream.
async fn write_frames(
    mut send: SendStream,
    preface: Option<Bytes>,
    mut frames: mpsc::Receiver<Frame>,
) -> Result<(), quinn::WriteError> {
    let mut batch = Vec::with_capacity(64);
    let mut chunks: Vec<Bytes> = preface.into_iter().collect();
    loop {
        if !chunks.is_empty() {
            send.write_all_chunks(&mut chunks).await?;
            chunks.clear();
        }
        if frames.recv_many(&mut batch, 256).await == 0 {
            // A finished stream cannot be finished again; nothing to do then.
            let _ = send.finish();
            return Ok(());
        }
        gather(batch.iter().map(Frame::borrow), &mut chunks);
        batch.clear();
    }
}
