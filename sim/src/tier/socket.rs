//! QUIC's datagrams over turmoil's. Cuts and latency are turmoil's; loss and
//! duplication are the weather's.
//!
//! ```text
//! turmoil -> keeper (a task, owns the port) -> inbox -> quinn
//! turmoil <-------------------------------------------- quinn
//! ```
//!
//! A crash drops the tasks of a node and may leave what they shared, so the port
//! belongs to a task, as a real one belongs to a process.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures::FutureExt;
use openraft::AsyncRuntime;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use tokio::sync::oneshot;
use turmoil::net::UdpSocket;

use crate::runtime::{SimRuntime, lock};
use crate::tier::process::Process;

/// What does not fit is lost, as by any kernel.
const INBOX_DATAGRAMS: usize = 4096;
const LARGEST_DATAGRAM: usize = 64 * 1024;

pub struct SimSocket {
    local: SocketAddr,
    port: Weak<UdpSocket>,
    inbox: Arc<Mutex<Inbox>>,
    process: Arc<Process>,
    /// The keeper lets go of the port when this is gone.
    _held: oneshot::Sender<()>,
}

#[derive(Default)]
struct Inbox {
    datagrams: VecDeque<(SocketAddr, Bytes)>,
    reader: Option<Waker>,
}

impl SimSocket {
    /// A port of 0 is any free one.
    pub fn bind(process: Arc<Process>, port: u16) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let bound = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).now_or_never();
        let port = bound.unwrap_or_else(|| unreachable!("turmoil binds at once"))?;
        let local = port.local_addr()?;
        let port = Arc::new(port);
        let inbox = Arc::<Mutex<Inbox>>::default();
        let (held, released) = oneshot::channel();
        let weak = Arc::downgrade(&port);
        SimRuntime::spawn(keep(port, Arc::clone(&inbox), released));
        Ok(Arc::new(Self {
            local,
            port: weak,
            inbox,
            process,
            _held: held,
        }))
    }
}

async fn keep(port: Arc<UdpSocket>, inbox: Arc<Mutex<Inbox>>, mut released: oneshot::Receiver<()>) {
    let mut buffer = vec![0; LARGEST_DATAGRAM];
    loop {
        let received = tokio::select! {
            biased;
            _ = &mut released => return,
            received = port.recv_from(&mut buffer) => received,
        };
        let Ok((length, from)) = received else { return };
        let mut inbox = lock(&inbox);
        if inbox.datagrams.len() < INBOX_DATAGRAMS {
            inbox
                .datagrams
                .push_back((from, Bytes::copy_from_slice(&buffer[..length])));
        }
        if let Some(reader) = inbox.reader.take() {
            reader.wake();
        }
    }
}

impl AsyncUdpSocket for SimSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let port = self.port.upgrade().filter(|_| !self.process.is_dead());
        let Some(port) = port else { return Ok(()) };
        for _ in 0..self.process.copies() {
            // The network's failures are silent, as UDP's are.
            let _ = port.try_send_to(transmit.contents, transmit.destination);
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        task: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut inbox = lock(&self.inbox);
        let Some((from, datagram)) = inbox.datagrams.pop_front() else {
            inbox.reader = Some(task.waker().clone());
            return Poll::Pending;
        };
        let length = datagram.len().min(buffers[0].len());
        buffers[0][..length].copy_from_slice(&datagram[..length]);
        meta[0] = RecvMeta {
            addr: from,
            len: length,
            stride: length,
            ecn: None,
            dst_ip: None,
        };
        Poll::Ready(Ok(1))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

impl fmt::Debug for SimSocket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("SimSocket")
            .field(&self.local)
            .finish()
    }
}

/// A simulated link takes whatever it is given.
#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
