//! The sockets that a node binds, and which of them cannot stand together.

use std::net::{IpAddr, SocketAddr};

use crate::problem::Problem;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The key that it was configured with.
    pub key: String,
    pub protocol: Protocol,
    pub address: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Listener {
    /// Port 0 never collides: the system picks a free one.
    fn collides_with(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.address.port() != 0
            && self.address.port() == other.address.port()
            && overlap(self.address.ip(), other.address.ip())
    }
}

/// `[::]` takes IPv4 too unless the system says otherwise, so it overlaps with
/// everything; `0.0.0.0` only with IPv4 and `[::]`.
fn overlap(one: IpAddr, other: IpAddr) -> bool {
    let (one, other) = (one.to_canonical(), other.to_canonical());
    let takes =
        |this: IpAddr, that: IpAddr| this.is_unspecified() && (this.is_ipv6() || that.is_ipv4());
    one == other || takes(one, other) || takes(other, one)
}

/// One problem for each pair that wants the same port of the same address.
pub fn collisions(listeners: &[Listener]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, one) in listeners.iter().enumerate() {
        for other in &listeners[at + 1..] {
            if one.collides_with(other) {
                problems.push(problem(one, other));
            }
        }
    }
    problems
}

fn problem(one: &Listener, other: &Listener) -> Problem {
    let protocol = match one.protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    };
    Problem::new(format!(
        "{} and {} both want {protocol} port {} ({} and {})",
        one.key,
        other.key,
        one.address.port(),
        one.address,
        other.address
    ))
    .with_hint("give one of them another port or another address")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(key: &str, protocol: Protocol, address: &str) -> Listener {
        Listener {
            key: key.to_owned(),
            protocol,
            address: address.parse().unwrap(),
        }
    }

    fn collide(one: &str, other: &str) -> bool {
        let pair = |protocol| {
            let listeners = [
                listener("one", Protocol::Tcp, one),
                listener("other", protocol, other),
            ];
            !collisions(&listeners).is_empty()
        };
        assert!(!pair(Protocol::Udp), "protocols have ports of their own");
        pair(Protocol::Tcp)
    }

    #[test]
    fn which_addresses_collide() {
        for (one, other, expected) in [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("0.0.0.0:1", "0.0.0.0:1", true),
            ("0.0.0.0:1", "[::]:1", true),
            ("0.0.0.0:1", "[::1]:1", false),
            ("[::]:1", "127.0.0.1:1", true),
            ("[::]:1", "[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1:1", true),
            ("0.0.0.0:0", "0.0.0.0:0", false),
        ] {
            assert_eq!(collide(one, other), expected, "{one} {other}");
            assert_eq!(collide(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn every_pair_is_named() {
        let listeners = [
            listener("admin.bind", Protocol::Tcp, "127.0.0.1:1883"),
            listener("listeners.tcp.default.bind", Protocol::Tcp, "0.0.0.0:1883"),
            listener("listeners.ws.default.bind", Protocol::Tcp, "[::]:1883"),
        ];
        let problems = collisions(&listeners);
        assert_eq!(problems.len(), 3);
        assert_eq!(
            problems[0].what(),
            "admin.bind and listeners.tcp.default.bind both want TCP port 1883 \
             (127.0.0.1:1883 and 0.0.0.0:1883)"
        );
        assert_eq!(
            problems[0].hint(),
            Some("give one of them another port or another address")
        );
    }
}
