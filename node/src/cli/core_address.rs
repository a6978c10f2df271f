//! `NAME@HOST[:PORT]`: which core to join, and where.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use quorate_model::node_name::{NodeName, NodeNameError};
use thiserror::Error;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoreAddress {
    pub(crate) name: NodeName,
    pub(crate) port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum CoreAddressError {
    #[error(transparent)]
    Name(#[from] NodeNameError),
    #[error("the port `{0}` is no number from 1 to 65535")]
    Port(String),
    #[error("an IPv6 address with a port is written in brackets, like core1@[::1]:4370")]
    Brackets,
}

impl CoreAddress {
    /// Host and port, as a resolver takes them.
    pub(crate) fn dial(&self, default_port: u16) -> String {
        let (host, port) = (self.name.host(), self.port.unwrap_or(default_port));
        if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }
}

impl FromStr for CoreAddress {
    type Err = CoreAddressError;

    fn from_str(text: &str) -> Result<Self, CoreAddressError> {
        let (name, place) = text.split_once('@').ok_or(NodeNameError::NoHost)?;
        let (host, port) = split_port(place)?;
        let port = port.map(parse_port).transpose()?;
        let name = NodeName::new(format!("{name}@{host}"))?;
        Ok(Self { name, port })
    }
}

fn split_port(place: &str) -> Result<(&str, Option<&str>), CoreAddressError> {
    // Colons of an IPv6 address without a port.
    if IpAddr::from_str(place).is_ok() {
        return Ok((place, None));
    }
    if let Some(inside) = place.strip_prefix('[') {
        let (host, rest) = inside.split_once(']').ok_or(CoreAddressError::Brackets)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(CoreAddressError::Brackets),
        };
    }
    match place.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(CoreAddressError::Brackets),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((place, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, CoreAddressError> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| CoreAddressError::Port(text.to_owned()))
}

impl fmt::Display for CoreAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, host) = (self.name.name(), self.name.host());
        match self.port {
            Some(port) if host.contains(':') => write!(formatter, "{name}@[{host}]:{port}"),
            Some(port) => write!(formatter, "{name}@{host}:{port}"),
            None => write!(formatter, "{name}@{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in [
            "core1@10.0.0.1",
            "core1@10.0.0.1:4370",
            "core1@core-0.example:1",
            "core1@::1",
            "core1@[::1]:4370",
        ] {
            let address: CoreAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        assert_eq!(
            "a@[::1]".parse::<CoreAddress>().unwrap().to_string(),
            "a@::1"
        );
    }

    #[test]
    fn what_is_none() {
        let port = |port: &str| CoreAddressError::Port(port.to_owned());
        for (text, error) in [
            ("", NodeNameError::NoHost.into()),
            ("10.0.0.1:4370", NodeNameError::NoHost.into()),
            ("@host", NodeNameError::BadName.into()),
            ("core1@", NodeNameError::BadHost.into()),
            ("core1@:4370", NodeNameError::BadHost.into()),
            ("core1@host:", port("")),
            ("core1@host:0", port("0")),
            ("core1@host:65536", port("65536")),
            ("core1@host:udp", port("udp")),
            ("core1@[::1]4370", CoreAddressError::Brackets),
            ("core1@[::1", CoreAddressError::Brackets),
            ("core1@1:2:3", CoreAddressError::Brackets),
        ] {
            assert_eq!(text.parse::<CoreAddress>(), Err(error), "{text:?}");
        }
    }
}
