//! Serves the streams that the other side of a connection opens.

use std::sync::Arc;
use std::time::Duration;

use quinn::{RecvStream, SendStream};

use crate::connection::{CloseCode, Line, close};
use crate::flow::FlowReceiver;
use crate::frame::Preface;
use crate::lane::{read_preface, serve_stream};
use crate::service::{Caller, Serve, Service};
use crate::tasks::TaskGroup;

/// A stream that says nothing for so long is none.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) line: Line,
    pub(crate) caller: Caller,
    pub(crate) serve: Arc<dyn Serve>,
    /// The largest message.
    pub(crate) limit: usize,
}

impl Host {
    /// Until the connection ends.
    pub(crate) async fn run(self, tasks: TaskGroup) {
        loop {
            let host = self.clone();
            tokio::select! {
                biased;
                stream = self.line.quic.accept_bi() => match stream {
                    Ok(stream) => tasks.spawn(host.serve_calls(stream)),
                    Err(_) => return,
                },
                stream = self.line.quic.accept_uni() => match stream {
                    Ok(stream) => tasks.spawn(host.serve_flow(stream)),
                    Err(_) => return,
                },
            }
        }
    }

    async fn serve_calls(self, (send, mut receive): (SendStream, RecvStream)) {
        let Some(service) = self.service_of(&mut receive).await else {
            return;
        };
        let (caller, serve) = (self.caller.clone(), Arc::clone(&self.serve));
        let served = serve_stream(caller, service, (send, receive), serve, self.limit);
        tokio::select! {
            biased;
            // While a handler runs, nobody may be reading what would tell.
            _ = self.line.quic.closed() => {}
            served = served => if let Err(error) = served {
                self.line.end_broken(&error);
            },
        }
    }

    async fn serve_flow(self, mut receive: RecvStream) {
        let Some(service) = self.service_of(&mut receive).await else {
            return;
        };
        // A stranger has no streams of this kind.
        if let Caller::Node(peer) = self.caller.clone() {
            let serve = Arc::clone(&self.serve);
            let flow = FlowReceiver::new(self, receive);
            serve.receive(peer, service, flow).await;
        }
    }

    /// What a stream is for, if the caller may open it.
    async fn service_of(&self, receive: &mut RecvStream) -> Option<Service> {
        let preface = tokio::time::timeout(PREFACE_TIMEOUT, read_preface(receive)).await;
        match preface.ok()?? {
            Ok(Preface { service }) if service.is_open_to(&self.caller) => Some(service),
            Ok(Preface { service }) => {
                let reason = format!("{service:?} is not open to this node");
                close(&self.line.quic, CloseCode::NotAllowed, &reason);
                None
            }
            Err(error) => {
                self.line.end_broken(&error);
                None
            }
        }
    }
}
