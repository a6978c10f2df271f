//! Version 1: `PROXY TCP4 192.0.2.1 198.51.100.2 50123 1883`, and a line end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::{Addresses, ProxyError, ProxyHeader};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";
/// With its end; the longest line that the protocol allows.
pub(super) const MAX_LINE_BYTES: usize = 107;
const LINE_END: &[u8] = b"\r\n";

pub(super) fn read(input: &[u8]) -> Result<Option<ProxyHeader>, ProxyError> {
    let window = &input[..input.len().min(MAX_LINE_BYTES)];
    let Some(end) = window.windows(2).position(|pair| pair == LINE_END) else {
        if window.len() == MAX_LINE_BYTES {
            return Err(ProxyError::LineTooLong);
        }
        return Ok(None);
    };
    let consumed = end + LINE_END.len();
    let line = window[..end].strip_prefix(SIGNATURE);
    let header = match addresses(line.ok_or(ProxyError::Missing)?)? {
        Some(addresses) => ProxyHeader::between(consumed, addresses),
        None => ProxyHeader::without_addresses(consumed),
    };
    Ok(Some(header))
}

fn addresses(line: &[u8]) -> Result<Option<Addresses>, ProxyError> {
    // Whatever follows that word must be ignored.
    if line == b"UNKNOWN" || line.starts_with(b"UNKNOWN ") {
        return Ok(None);
    }
    let line = std::str::from_utf8(line).map_err(|_| ProxyError::Line)?;
    let (protocol, rest) = line.split_once(' ').unwrap_or((line, ""));
    match protocol {
        "TCP4" => parse::<Ipv4Addr>(rest).map(Some),
        "TCP6" => parse::<Ipv6Addr>(rest).map(Some),
        _ => Err(ProxyError::LineProtocol),
    }
}

fn parse<A: FromStr + Into<IpAddr>>(rest: &str) -> Result<Addresses, ProxyError> {
    let mut words = rest.split(' ');
    let mut word = || words.next().ok_or(ProxyError::Line);
    let addresses = [word()?, word()?];
    let ports = [word()?, word()?];
    if words.next().is_some() {
        return Err(ProxyError::Line);
    }
    let [source, destination] = addresses.map(|text| text.parse::<A>());
    let [from, to] = ports.map(port);
    match (source, destination) {
        (Ok(source), Ok(destination)) => Ok(Addresses::new([source, destination], [from?, to?])),
        _ => Err(ProxyError::LineAddress),
    }
}

/// Without a sign, and without zeros in front: some readers take those for octal.
fn port(text: &str) -> Result<u16, ProxyError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return Err(ProxyError::LinePort);
    }
    text.parse().map_err(|_| ProxyError::LinePort)
}
