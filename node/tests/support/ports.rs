//! Ports for nodes under test.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which systems give ports to whoever asks for any: a
/// node that is down for a moment must find its port free when it comes back.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// A port that nobody else in this process gets, free for UDP and TCP.
pub(crate) fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Test processes that run side by side start at different places.
    let start = (std::process::id().wrapping_mul(97) % u32::from(COUNT)) as u16;
    loop {
        let offset = (start + GIVEN.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let address = (Ipv4Addr::LOCALHOST, FIRST + offset);
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
            return address.1;
        }
    }
}
