//! Version 2.
//!
//! ```text
//! signature (12) | version(4) command(4) | family(4) transport(4) | length u16 | body
//! body: source address, destination address, source port, destination port, extra fields
//! ```
//!
//! Numbers are big-endian.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Addresses, ProxyError, ProxyHeader, extra};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// A header as it occurs has some hundred bytes, nearly all of them extra fields.
pub(super) const MAX_BODY_BYTES: usize = 4 * 1024;
const HEAD_BYTES: usize = 16;
/// Two paths of 108 bytes.
const UNIX_ADDRESSES_BYTES: usize = 216;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Local,
    Proxy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Unspecified,
    Inet,
    Inet6,
    Unix,
}

pub(super) fn read(input: &[u8]) -> Result<Option<ProxyHeader>, ProxyError> {
    let Some((head, rest)) = input.split_first_chunk::<HEAD_BYTES>() else {
        return Ok(None);
    };
    let [.., version_and_command, family_and_transport, high, low] = *head;
    let command = command(version_and_command)?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > MAX_BODY_BYTES {
        return Err(ProxyError::TooLong(length));
    }
    let family = match command {
        Command::Proxy => family(family_and_transport)?,
        // It says nothing about a client, and what it says must be ignored.
        Command::Local => Family::Unspecified,
    };
    let Some(body) = rest.get(..length) else {
        return Ok(None);
    };
    let consumed = HEAD_BYTES + length;
    let (mut header, extra) = split_body(family, body, consumed)?;
    header.tls = extra::read(&input[..consumed], extra)?;
    Ok(Some(header))
}

fn command(byte: u8) -> Result<Command, ProxyError> {
    match (byte >> 4, byte & 0x0f) {
        (2, 0) => Ok(Command::Local),
        (2, 1) => Ok(Command::Proxy),
        (2, command) => Err(ProxyError::Command(command)),
        (version, _) => Err(ProxyError::Version(version)),
    }
}

/// Stream or datagram makes no difference to the addresses.
fn family(byte: u8) -> Result<Family, ProxyError> {
    let family = match byte >> 4 {
        0 => Family::Unspecified,
        1 => Family::Inet,
        2 => Family::Inet6,
        3 => Family::Unix,
        family => return Err(ProxyError::Family(family)),
    };
    match byte & 0x0f {
        0 => Ok(Family::Unspecified),
        1 | 2 => Ok(family),
        transport => Err(ProxyError::Transport(transport)),
    }
}

/// The header without its extra fields, and those.
fn split_body(
    family: Family,
    body: &[u8],
    consumed: usize,
) -> Result<(ProxyHeader, &[u8]), ProxyError> {
    let without = ProxyHeader::without_addresses(consumed);
    let split = match family {
        // Nobody knows how long its addresses are, so nothing behind them is found.
        Family::Unspecified => Some((without, b"".as_slice())),
        Family::Unix => body
            .split_at_checked(UNIX_ADDRESSES_BYTES)
            .map(|(_, extra)| (without, extra)),
        Family::Inet => split_addresses::<4>(body).map(|(addresses, ports, extra)| {
            let addresses = Addresses::new(addresses.map(Ipv4Addr::from), ports);
            (ProxyHeader::between(consumed, addresses), extra)
        }),
        Family::Inet6 => split_addresses::<16>(body).map(|(addresses, ports, extra)| {
            let addresses = Addresses::new(addresses.map(Ipv6Addr::from), ports);
            (ProxyHeader::between(consumed, addresses), extra)
        }),
    };
    split.ok_or(ProxyError::AddressesCut)
}

type Split<'a, const N: usize> = ([[u8; N]; 2], [u16; 2], &'a [u8]);

fn split_addresses<const N: usize>(body: &[u8]) -> Option<Split<'_, N>> {
    let (source, rest) = body.split_first_chunk::<N>()?;
    let (destination, rest) = rest.split_first_chunk::<N>()?;
    let (from, rest) = rest.split_first_chunk()?;
    let (to, extra) = rest.split_first_chunk()?;
    let ports = [u16::from_be_bytes(*from), u16::from_be_bytes(*to)];
    Some(([*source, *destination], ports, extra))
}
