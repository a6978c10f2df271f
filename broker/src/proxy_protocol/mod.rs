//! What a load balancer says about the client behind it: the PROXY protocol, version 1
//! (a line of text) and 2 (binary), before everything else on a connection.
//!
//! A header is believed. So it is read only where a listener is configured for it, and
//! required there: whoever could choose would choose an address too.

mod binary;
mod crc32c;
mod error;
mod extra;
mod text;

use std::net::{IpAddr, SocketAddr};

pub use error::ProxyError;

/// What stands before the bytes of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyHeader {
    /// Its length; what follows is the client's.
    pub consumed: usize,
    /// The client's address. `None` when the balancer speaks for itself, as in a health
    /// check, or doesn't say: then the connection's own addresses hold.
    pub source: Option<SocketAddr>,
    /// Where the client connected to.
    pub destination: Option<SocketAddr>,
    /// `None` when nothing is said about it, which does not mean that there was none.
    pub tls: Option<ProxyTls>,
}

/// What the balancer saw of the client's TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyTls {
    /// Whether the client used it at all.
    pub ssl: bool,
    pub verified_client_certificate: bool,
    /// The name in the client's certificate, and only in one that was verified: of any
    /// other it is what the client likes to be called. Without control characters.
    pub common_name: Option<String>,
}

/// Reads a header from all bytes received so far, `None` until all of it is there.
/// The caller bounds the time, this module the size.
pub fn read(input: &[u8]) -> Result<Option<ProxyHeader>, ProxyError> {
    if may_begin_with(input, binary::SIGNATURE) {
        binary::read(input)
    } else if may_begin_with(input, text::SIGNATURE) {
        text::read(input)
    } else {
        Err(ProxyError::Missing)
    }
}

impl ProxyHeader {
    fn without_addresses(consumed: usize) -> Self {
        Self {
            consumed,
            source: None,
            destination: None,
            tls: None,
        }
    }

    fn between(consumed: usize, addresses: Addresses) -> Self {
        Self {
            source: Some(addresses.source),
            destination: Some(addresses.destination),
            ..Self::without_addresses(consumed)
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Addresses {
    source: SocketAddr,
    destination: SocketAddr,
}

impl Addresses {
    fn new(addresses: [impl Into<IpAddr>; 2], ports: [u16; 2]) -> Self {
        let [source, destination] = addresses;
        Self {
            source: SocketAddr::new(source.into(), ports[0]),
            destination: SocketAddr::new(destination.into(), ports[1]),
        }
    }
}

/// Compares as far as the input goes.
fn may_begin_with(input: &[u8], signature: &[u8]) -> bool {
    let length = input.len().min(signature.len());
    input[..length] == signature[..length]
}

#[cfg(test)]
mod tests;
