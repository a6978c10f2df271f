//! The core's link over simulated UDP.
//!
//! ```text
//! call   -> fragments -> turmoil -> reassembly -> serve -> fragments -> back
//! ```
//!
//! Cuts and latency are turmoil's. Loss and duplication are drawn here, for
//! every datagram by itself: turmoil's own failures break a link for both
//! directions and mend cuts that were made on purpose. A lost datagram is a
//! lost message; the caller's timeout is the only answer to it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::FutureExt;
use futures::future::BoxFuture;
use openraft::AsyncRuntime;
use quorate_core::{Link, LinkError};
use quorate_model::ids::NodeId;
use tokio::sync::oneshot;
use turmoil::net::UdpSocket;

use crate::runtime::{NodeContext, SimRuntime, lock};

const PORT: u16 = 7000;
const FRAGMENT_BYTES: usize = 16 * 1024;
const HEADER_BYTES: usize = 1 + 8 + 4 + 4;
/// Messages of which parts have come and parts were lost.
const MAX_PARTIAL: usize = 256;

/// What the network does to datagrams, shared by all nodes of a run.
#[derive(Debug, Default)]
pub struct Weather {
    pub loss_permille: AtomicU64,
    pub duplicate_permille: AtomicU64,
}

impl Weather {
    /// How often a datagram of this node arrives.
    pub fn copies(&self, sender: &NodeContext) -> usize {
        let loss = self.loss_permille.load(Ordering::Relaxed);
        let duplicate = self.duplicate_permille.load(Ordering::Relaxed);
        sender.draw(|rng| {
            if rng.permille(loss) {
                0
            } else if rng.permille(duplicate) {
                2
            } else {
                1
            }
        })
    }
}

/// One node's end of the network, for one life of the node.
#[derive(Debug)]
pub struct Network {
    socket: UdpSocket,
    weather: Arc<Weather>,
    next_call: AtomicU64,
    waiting: Mutex<BTreeMap<u64, oneshot::Sender<Bytes>>>,
}

/// The host name and the address of a node in turmoil.
pub fn address(node: u64) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 168, 0, node as u8))
}

impl Network {
    /// `life` keeps answers to an earlier life from being taken for answers to
    /// this one.
    pub async fn bind(weather: Arc<Weather>, life: u64) -> std::io::Result<Arc<Self>> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
        Ok(Arc::new(Self {
            socket,
            weather,
            next_call: AtomicU64::new(life << 32),
            waiting: Mutex::new(BTreeMap::new()),
        }))
    }

    /// Receives for ever; `answer` serves one request of one node.
    pub async fn run<F>(self: Arc<Self>, answer: F)
    where
        F: Fn(NodeId, Bytes) -> BoxFuture<'static, Bytes> + Send,
    {
        let mut partial: BTreeMap<(NodeId, bool, u64), Partial> = BTreeMap::new();
        let mut buffer = vec![0; HEADER_BYTES + FRAGMENT_BYTES];
        loop {
            let Ok((length, from)) = self.socket.recv_from(&mut buffer).await else {
                return;
            };
            let Some(fragment) = Fragment::parse(&buffer[..length]) else {
                continue;
            };
            let from = node_at(from.ip());
            let key = (from, fragment.is_reply, fragment.call);
            let message = partial.entry(key).or_default();
            let Some(message) = message.add(&fragment) else {
                if partial.len() > MAX_PARTIAL {
                    partial.pop_first();
                }
                continue;
            };
            partial.remove(&key);
            self.receive(from, fragment.is_reply, fragment.call, message, &answer);
        }
    }

    fn receive<F>(
        self: &Arc<Self>,
        from: NodeId,
        is_reply: bool,
        call: u64,
        message: Bytes,
        answer: &F,
    ) where
        F: Fn(NodeId, Bytes) -> BoxFuture<'static, Bytes> + Send,
    {
        if is_reply {
            if let Some(waiting) = lock(&self.waiting).remove(&call) {
                // The caller may have given up in this very moment.
                let _ = waiting.send(message);
            }
            return;
        }
        let served = answer(from, message);
        let network = self.clone();
        SimRuntime::spawn(async move {
            let reply = served.await;
            network.send(from, true, call, &reply);
        });
    }

    fn send(&self, to: NodeId, is_reply: bool, call: u64, message: &[u8]) {
        let fragments = message.len().div_ceil(FRAGMENT_BYTES).max(1);
        for index in 0..fragments {
            let end = message.len().min((index + 1) * FRAGMENT_BYTES);
            let part = &message[index * FRAGMENT_BYTES..end];
            let mut datagram = BytesMut::with_capacity(HEADER_BYTES + part.len());
            datagram.put_u8(u8::from(is_reply));
            datagram.put_u64(call);
            datagram.put_u32(index as u32);
            datagram.put_u32(fragments as u32);
            datagram.put_slice(part);
            for _ in 0..self.weather.copies(&NodeContext::current()) {
                // The network's failures are silent, as UDP's are.
                let _ = self
                    .socket
                    .try_send_to(&datagram, (address(to.get()), PORT));
            }
        }
    }
}

/// What the core calls its peers through.
#[derive(Debug)]
pub struct SimLink(pub Arc<Network>);

impl Link for SimLink {
    fn call(
        &self,
        to: NodeId,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, LinkError>> {
        let network = self.0.clone();
        async move {
            let call = network.next_call.fetch_add(1, Ordering::Relaxed);
            let (sender, receiver) = oneshot::channel();
            lock(&network.waiting).insert(call, sender);
            let _forget = Forget {
                network: network.clone(),
                call,
            };
            network.send(to, false, call, &request);
            match SimRuntime::timeout(timeout, receiver).await {
                Ok(Ok(reply)) => Ok(reply),
                Ok(Err(_)) | Err(_) => Err(LinkError::Timeout {
                    to,
                    timeout_ms: timeout.as_millis() as u64,
                }),
            }
        }
        .boxed()
    }
}

/// Forgets a call also when its future is dropped.
struct Forget {
    network: Arc<Network>,
    call: u64,
}

impl Drop for Forget {
    fn drop(&mut self) {
        lock(&self.network.waiting).remove(&self.call);
    }
}

struct Fragment<'a> {
    is_reply: bool,
    call: u64,
    index: usize,
    count: usize,
    part: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (header, part) = datagram.split_at_checked(HEADER_BYTES)?;
        Some(Self {
            is_reply: header[0] == 1,
            call: u64::from_be_bytes(header[1..9].try_into().ok()?),
            index: u32::from_be_bytes(header[9..13].try_into().ok()?) as usize,
            count: u32::from_be_bytes(header[13..17].try_into().ok()?) as usize,
            part,
        })
    }
}

/// The parts of one message that have come.
#[derive(Default)]
struct Partial {
    parts: BTreeMap<usize, Bytes>,
}

impl Partial {
    fn add(&mut self, fragment: &Fragment<'_>) -> Option<Bytes> {
        let part = Bytes::copy_from_slice(fragment.part);
        self.parts.insert(fragment.index, part);
        if self.parts.len() < fragment.count {
            return None;
        }
        let mut whole = BytesMut::new();
        for part in self.parts.values() {
            whole.put_slice(part);
        }
        Some(whole.freeze())
    }
}

fn node_at(address: IpAddr) -> NodeId {
    match address {
        IpAddr::V4(address) => NodeId::new(u64::from(address.octets()[3])),
        IpAddr::V6(_) => unreachable!("simulated nodes have IPv4 addresses"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::rng::Rng;

    const SERVER: NodeId = NodeId::new(1);

    /// One call of `bytes` bytes to a server that sends them back.
    fn echo(bytes: usize, loss_permille: u64) -> Result<usize, LinkError> {
        let weather = Arc::new(Weather::default());
        weather
            .loss_permille
            .store(loss_permille, Ordering::Relaxed);
        weather.duplicate_permille.store(300, Ordering::Relaxed);
        let mut sim = turmoil::Builder::new().rng_seed(1).build();
        let answer = Arc::new(Mutex::new(None));
        let context = |node| NodeContext::new(Rng::new(node), Arc::default());
        let (served, server) = (weather.clone(), context(1));
        sim.host(address(1), move || {
            let weather = served.clone();
            server.scope(async move {
                let network = Network::bind(weather, 1).await?;
                let echo = |_, request: Bytes| async move { request }.boxed();
                network.run(echo).await;
                Ok(())
            })
        });
        let written = answer.clone();
        sim.client(
            address(2),
            context(2).scope(async move {
                let network = Network::bind(weather, 1).await?;
                SimRuntime::spawn(network.clone().run(|_, _| async { Bytes::new() }.boxed()));
                let request = Bytes::from(vec![7; bytes]);
                let reply = SimLink(network)
                    .call(SERVER, request, Duration::from_secs(1))
                    .await;
                lock(&written).replace(reply.map(|reply| reply.len()));
                Ok(())
            }),
        );
        sim.run().unwrap();
        lock(&answer).take().unwrap()
    }

    #[test]
    fn messages_of_any_size_arrive_whole() {
        for bytes in [
            0,
            1,
            FRAGMENT_BYTES,
            FRAGMENT_BYTES + 1,
            10 * FRAGMENT_BYTES,
        ] {
            assert_eq!(echo(bytes, 0), Ok(bytes));
        }
    }

    #[test]
    fn a_lost_message_is_a_timeout() {
        assert_eq!(
            echo(1, 1000),
            Err(LinkError::Timeout {
                to: SERVER,
                timeout_ms: 1000
            })
        );
    }
}
