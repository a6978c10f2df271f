//! Ports that are free on this machine.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

const TRANSPORT: u16 = 4370;
const ADMIN: u16 = 18083;

/// Where a node is looked for: the same ports each time, so that what was
/// typed yesterday works today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FirstPorts {
    pub(super) transport: u16,
    pub(super) admin: u16,
}

impl FirstPorts {
    pub(super) fn of(index: u16) -> Self {
        Self {
            transport: TRANSPORT + index,
            admin: ADMIN + index,
        }
    }
}

pub(super) struct FreePorts {
    /// Not bound yet, but another node's.
    given: BTreeSet<u16>,
}

impl FreePorts {
    pub(super) fn new(given: BTreeSet<u16>) -> Self {
        Self { given }
    }

    /// Transport and admin port of one node: the preferred ones, or whichever
    /// the system has. Another process can still be faster than the node; then
    /// the node says so.
    pub(super) fn pair(&mut self, preferred: FirstPorts) -> io::Result<(u16, u16)> {
        let transport = self.find(preferred.transport, free_udp)?;
        let admin = self.find(preferred.admin, free_tcp)?;
        Ok((transport, admin))
    }

    fn find(&mut self, preferred: u16, free: fn(u16) -> io::Result<u16>) -> io::Result<u16> {
        let any = std::iter::repeat_with(|| free(0)).take(100);
        let mut found = std::iter::once(free(preferred)).chain(any);
        let mut last = None;
        let port = found.find_map(|port| match port {
            Ok(port) => self.given.insert(port).then_some(port),
            Err(error) => {
                last = Some(error);
                None
            }
        });
        port.ok_or_else(|| last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }
}

pub(super) fn free_udp(port: u16) -> io::Result<u16> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
    Ok(socket.local_addr()?.port())
}

pub(super) fn free_tcp(port: u16) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_busy_or_given_is_passed_over() {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let busy = FirstPorts {
            transport: udp.local_addr().unwrap().port(),
            admin: tcp.local_addr().unwrap().port(),
        };
        let mut ports = FreePorts::new(BTreeSet::new());
        let (transport, admin) = ports.pair(busy).unwrap();
        assert_ne!(transport, busy.transport);
        assert_ne!(admin, busy.admin);
        let given = FirstPorts { transport, admin };
        let (other_transport, other_admin) = ports.pair(given).unwrap();
        let all = BTreeSet::from([transport, admin, other_transport, other_admin]);
        assert_eq!(all.len(), 4);
    }
}
