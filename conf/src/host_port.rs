//! `host:port`: where something can be reached from elsewhere.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use quorate_model::node_name::NodeName;
use thiserror::Error;

/// An IP address or a domain name, and a port. Unlike a `SocketAddr` it is
/// resolved by whoever connects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HostPortError {
    #[error("an address is host:port, like 10.0.0.1:4370 or [::1]:4370; the port is missing")]
    NoPort,
    #[error("a port is a number up to 65535")]
    BadPort,
    #[error("the host of an address is an IP address, in brackets if it is IPv6, or a domain name")]
    BadHost,
}

impl HostPort {
    pub(crate) fn of_node(name: &NodeName, port: u16) -> Self {
        Self {
            host: name.host().to_owned(),
            port,
        }
    }

    /// Without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `None` for a domain name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    pub(crate) fn is_loopback(&self) -> bool {
        match self.ip() {
            Some(ip) => ip.to_canonical().is_loopback(),
            None => self.host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// Whether the host means "all addresses", which nobody can connect to.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.ip()
            .is_some_and(|ip| ip.to_canonical().is_unspecified())
    }
}

impl FromStr for HostPort {
    type Err = HostPortError;

    fn from_str(text: &str) -> Result<Self, HostPortError> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or(HostPortError::BadHost)?;
                if !host.contains(':') {
                    return Err(HostPortError::BadHost);
                }
                (host, port.strip_prefix(':').ok_or(HostPortError::NoPort)?)
            }
            None => text.rsplit_once(':').ok_or(HostPortError::NoPort)?,
        };
        let bare_v6 = host.contains(':') && !text.starts_with('[');
        if bare_v6 || !host_is_valid(host) {
            return Err(HostPortError::BadHost);
        }
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HostPortError::BadPort);
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.parse().map_err(|_| HostPortError::BadPort)?,
        })
    }
}

/// The rule for hosts is that of node names; it is written there.
fn host_is_valid(host: &str) -> bool {
    NodeName::new(format!("any@{host}")).is_ok()
}

impl fmt::Display for HostPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(formatter, "[{host}]:{port}")
        } else {
            write!(formatter, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_shown() {
        for (text, host, port) in [
            ("10.0.0.1:4370", "10.0.0.1", 4370),
            ("[2001:db8::7]:1", "2001:db8::7", 1),
            ("core-0.quorate.svc:65535", "core-0.quorate.svc", 65535),
            ("localhost:0", "localhost", 0),
        ] {
            let address: HostPort = text.parse().unwrap();
            assert_eq!((address.host(), address.port()), (host, port));
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address() {
        for (text, error) in [
            ("10.0.0.1", HostPortError::NoPort),
            ("[::1]", HostPortError::NoPort),
            ("[::1]4370", HostPortError::NoPort),
            ("host:65536", HostPortError::BadPort),
            ("host:+1", HostPortError::BadPort),
            ("host:", HostPortError::BadPort),
            ("host:x", HostPortError::BadPort),
            (":4370", HostPortError::BadHost),
            ("::1:4370", HostPortError::BadHost),
            ("[10.0.0.1]:4370", HostPortError::BadHost),
            ("[::1:4370", HostPortError::BadHost),
            ("a@b:4370", HostPortError::BadHost),
            ("10.0.0.256:4370", HostPortError::BadHost),
            ("", HostPortError::NoPort),
        ] {
            assert_eq!(text.parse::<HostPort>(), Err(error), "{text}");
        }
    }

    #[test]
    fn loopback_and_wildcard_in_every_spelling() {
        for text in [
            "127.0.0.1:1",
            "127.9.9.9:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
            "LocalHost:1",
        ] {
            assert!(text.parse::<HostPort>().unwrap().is_loopback(), "{text}");
        }
        for text in ["0.0.0.0:1", "[::]:1", "[::ffff:0.0.0.0]:1"] {
            let address: HostPort = text.parse().unwrap();
            assert!(address.is_wildcard() && !address.is_loopback(), "{text}");
        }
        assert!(!"example.org:1".parse::<HostPort>().unwrap().is_loopback());
    }
}
