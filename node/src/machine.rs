//! The machine that a node runs on: its disk, its sockets, its randomness.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::{AsyncUdpSocket, Runtime, TokioRuntime};
use quorate_core::IoMode;
#[cfg(debug_assertions)]
use quorate_core::tier::FaultPoint;
use quorate_core::tier::{DiskError, NodeIdentity, Surroundings};
use quorate_model::ids::NodeId;
use quorate_raft_store::{Engine, SledEngine, StoreError};
use ring::rand::{SecureRandom, SystemRandom};
use socket2::{Domain, Protocol, Socket, Type};

use crate::data_dir::DataDir;

/// What bursts of datagrams wait in while the process is busy; the kernel gives
/// what it allows.
const SOCKET_BUFFER_BYTES: usize = 8 << 20;

pub(crate) struct Machine {
    dir: DataDir,
    bind: SocketAddr,
}

impl Machine {
    pub(crate) const fn new(dir: DataDir, bind: SocketAddr) -> Self {
        Self { dir, bind }
    }
}

impl Surroundings for Machine {
    fn load_identity(&self) -> Result<Option<NodeIdentity>, DiskError> {
        self.dir.load_identity()
    }

    fn save_identity(&self, identity: &NodeIdentity) -> Result<(), DiskError> {
        self.dir.save_identity(identity)
    }

    fn open_store(&self, node: NodeId) -> Result<Arc<dyn Engine>, StoreError> {
        let engine = SledEngine::open(&self.dir.store(node))?;
        Ok(Arc::new(engine))
    }

    fn has_store(&self, node: NodeId) -> bool {
        self.dir.store(node).exists()
    }

    fn discard_stores_except(&self, node: Option<NodeId>) -> Result<(), DiskError> {
        self.dir.discard_stores_except(node)
    }

    fn bind(&self) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        udp_socket(self.bind)
    }

    fn bind_for_visit(&self) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let any = match self.bind {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        udp_socket(any)
    }

    fn io_mode(&self) -> IoMode {
        IoMode::Thread
    }

    fn random(&self) -> u128 {
        let mut bytes = [0; 16];
        match SystemRandom::new().fill(&mut bytes) {
            Ok(()) => u128::from_ne_bytes(bytes),
            Err(_) => panic!("the system gives no random bytes; no id would be safe"),
        }
    }

    /// Tests of a debug build end the process here, as a crash would.
    #[cfg(debug_assertions)]
    fn reach(&self, point: FaultPoint) {
        if std::env::var("CRASH_QUORATE_AT").is_ok_and(|at| at == format!("{point:?}")) {
            std::process::abort();
        }
    }
}

/// An IPv6 socket on all addresses takes IPv4 too.
fn udp_socket(address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if let SocketAddr::V6(address) = address {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // The kernel caps them; a smaller buffer drops sooner and loses nothing.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{address}: {error}"));
    socket.bind(&address.into()).map_err(named)?;
    TokioRuntime.wrap_udp_socket(UdpSocket::from(socket))
}
