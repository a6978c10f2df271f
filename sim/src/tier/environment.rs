//! The clock, the tasks and the names that a simulated transport takes.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use openraft::AsyncRuntime;
use quinn::{AsyncTimer, AsyncUdpSocket, TokioRuntime};
use quorate_transport::{Environment, Resolve};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::clock::EPOCH;
use crate::rng::Rng;
use crate::runtime::{NodeContext, SimRuntime};

/// The environment of one process; its draws follow from the process's seed.
pub fn environment() -> Environment {
    let context = NodeContext::current();
    let mut quic_seed = [0; 32];
    for chunk in quic_seed.chunks_mut(8) {
        chunk.copy_from_slice(&context.draw(Rng::draw).to_le_bytes());
    }
    Environment {
        runtime: Arc::new(QuicRuntime),
        time: Arc::new(SimTime),
        resolver: Arc::new(AddressesOnly),
        seed: context.draw(Rng::draw),
        quic_seed: Some(quic_seed),
    }
}

/// quinn on the simulated clock, its tasks within the node's context.
#[derive(Debug)]
struct QuicRuntime;

impl quinn::Runtime for QuicRuntime {
    fn new_timer(&self, until: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(until)
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        SimRuntime::spawn(task);
    }

    fn wrap_udp_socket(&self, _: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        Err(io::Error::other("the simulator has no real sockets"))
    }

    fn now(&self) -> Instant {
        TokioRuntime.now()
    }
}

/// What time it is for certificates.
#[derive(Debug)]
struct SimTime;

impl TimeProvider for SimTime {
    fn current_time(&self) -> Option<UnixTime> {
        let elapsed = turmoil::sim_elapsed().unwrap_or_default();
        Some(UnixTime::since_unix_epoch(EPOCH + elapsed))
    }
}

#[derive(Debug)]
struct AddressesOnly;

impl Resolve for AddressesOnly {
    fn resolve(&self, address: &str) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let parsed = address.parse().map(|address| vec![address]);
        let parsed = parsed.map_err(|_| io::Error::from(io::ErrorKind::NotFound));
        async move { parsed }.boxed()
    }
}
