//! What a transport takes from the world around it, so that the simulator can
//! give it another.

use std::net::SocketAddr;
use std::sync::Arc;
use std::{fmt, io};

use futures::FutureExt;
use futures::future::BoxFuture;
use quinn::Runtime;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};

/// Turns an address as people write it into addresses to dial.
pub trait Resolve: Send + Sync + fmt::Debug + 'static {
    fn resolve(&self, address: &str) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
}

/// The resolver of the machine, asked anew at every dial: a name may have moved.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, address: &str) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let address = address.to_owned();
        async move { Ok(tokio::net::lookup_host(address).await?.collect()) }.boxed()
    }
}

#[derive(Debug, Clone)]
pub struct Environment {
    /// Tasks and timers.
    pub runtime: Arc<dyn Runtime>,
    /// Decides whether certificates are valid.
    pub time: Arc<dyn TimeProvider>,
    pub resolver: Arc<dyn Resolve>,
    /// Seeds jitter; everything secret is drawn elsewhere.
    pub seed: u64,
    /// Makes QUIC's own choices repeatable; never in production.
    pub quic_seed: Option<[u8; 32]>,
}

impl Environment {
    /// tokio, the machine's clock and resolver.
    pub fn system(seed: u64) -> Self {
        Self {
            runtime: Arc::new(quinn::TokioRuntime),
            time: Arc::new(DefaultTimeProvider),
            resolver: Arc::new(SystemResolver),
            seed,
            quic_seed: None,
        }
    }
}
