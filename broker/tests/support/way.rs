//! How a client reaches a listener.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use quorate_broker::{Carrier, WebSocketConfig};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::Authority;
use super::web_socket::WebSocket;

/// Far longer than anything takes here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const PATH: &str = "/mqtt";

pub(crate) trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

/// Outermost first, like a carrier.
#[derive(Clone, Default)]
pub(crate) struct Way {
    pub(crate) proxy: Option<Vec<u8>>,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) has_websocket: bool,
    /// Each byte goes out alone.
    pub(crate) drips: bool,
}

impl Way {
    /// All that there are, with the carrier for each.
    pub(crate) fn all(authority: &Authority) -> Vec<(Carrier, Self)> {
        let mut ways = Vec::new();
        for proxy in [None, Some(proxy_v1()), Some(proxy_v2())] {
            for (has_tls, has_websocket) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let carrier = Carrier::Stream {
                    proxy_protocol: proxy.is_some(),
                    tls: has_tls.then(|| authority.server()),
                    websocket: has_websocket.then(websocket),
                };
                let way = Self {
                    proxy: proxy.clone(),
                    tls: has_tls.then(|| authority.client()),
                    has_websocket,
                    drips: false,
                };
                ways.push((carrier, way));
            }
        }
        ways
    }

    pub(crate) fn open(&self, address: SocketAddr) -> Box<dyn Stream> {
        let mut socket = Socket {
            stream: connect(address),
            drips: self.drips,
        };
        if let Some(proxy) = &self.proxy {
            socket.write_all(proxy).unwrap();
        }
        match (&self.tls, self.has_websocket) {
            (None, false) => Box::new(socket),
            (Some(tls), false) => Box::new(over_tls(socket, tls)),
            (None, true) => Box::new(WebSocket::open(socket, PATH)),
            (Some(tls), true) => Box::new(WebSocket::open(over_tls(socket, tls), PATH)),
        }
    }
}

pub(crate) fn websocket() -> WebSocketConfig {
    WebSocketConfig {
        path: PATH.to_owned(),
        max_message_bytes: 1_100_000,
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub(crate) fn over_tls<S: Read + Write>(
    stream: S,
    config: &Arc<ClientConfig>,
) -> StreamOwned<ClientConnection, S> {
    let name = "127.0.0.1".try_into().unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    StreamOwned::new(connection, stream)
}

pub(crate) fn proxy_v1() -> Vec<u8> {
    b"PROXY TCP4 192.0.2.7 192.0.2.1 50123 1883\r\n".to_vec()
}

pub(crate) fn proxy_v2() -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend([192, 0, 2, 7, 192, 0, 2, 1, 0xc3, 0xcb, 0x07, 0x5b]);
    header
}

struct Socket {
    stream: TcpStream,
    drips: bool,
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match bytes {
            [first, ..] if self.drips => self.stream.write(&[*first]),
            bytes => self.stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
