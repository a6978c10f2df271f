use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Fewer than the kernel's range of ports for outgoing connections has.
const CONNECTIONS_PER_ADDRESS: usize = 10_000;
const LAST_OCTETS: usize = 250;

/// Where connections come from. One address has some 28,000 ports towards one server;
/// on loopback there are more addresses, and elsewhere the kernel chooses.
#[derive(Clone, Debug)]
pub struct Sources {
    is_loopback: bool,
    opened: usize,
}

impl Sources {
    pub fn towards(target: SocketAddr) -> Self {
        Self {
            is_loopback: target.is_ipv4() && target.ip().is_loopback(),
            opened: 0,
        }
    }

    /// The address to bind, None for whichever the kernel likes.
    pub fn take(&mut self) -> Option<IpAddr> {
        let block = self.opened / CONNECTIONS_PER_ADDRESS % LAST_OCTETS;
        self.opened += 1;
        let is_needed = self.is_loopback && block > 0;
        is_needed.then(|| Ipv4Addr::new(127, 0, 0, 1 + block as u8).into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn another_address_when_ports_run_out() {
        let mut sources = Sources::towards("127.0.0.1:1883".parse().unwrap());
        let taken: Vec<_> = (0..25_000).map(|_| sources.take()).collect();
        assert_eq!((taken[0], taken[9_999]), (None, None));
        assert_eq!(taken[10_000], Some(Ipv4Addr::new(127, 0, 0, 2).into()));
        assert_eq!(taken[24_999], Some(Ipv4Addr::new(127, 0, 0, 3).into()));
    }

    #[test]
    fn elsewhere_the_kernel_chooses() {
        let mut sources = Sources::towards("192.0.2.1:1883".parse().unwrap());
        assert!((0..25_000).all(|_| sources.take().is_none()));
    }
}
