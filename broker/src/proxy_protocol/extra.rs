//! The extra fields of version 2: `kind u8 | length u16 | value`, one after the other.
//!
//! Those of an unknown kind are skipped. One that says something about the client must
//! not come twice: readers would differ in which of them they believe.

use super::crc32c::crc32c;
use super::{ProxyError, ProxyTls};

const CHECKSUM: u8 = 0x03;
const TLS: u8 = 0x20;
const TLS_COMMON_NAME: u8 = 0x22;
const CHECKSUM_BYTES: usize = 4;

const CLIENT_USED_TLS: u8 = 0x01;
/// In this connection, or earlier in this TLS session.
const CLIENT_SHOWED_CERTIFICATE: u8 = 0x02 | 0x04;

#[derive(Debug, Clone, Copy)]
struct Field<'a> {
    kind: u8,
    value: &'a [u8],
    /// How many bytes of all fields are behind this one.
    behind: usize,
}

/// Reads the extra fields, which are the end of `header`, and checks all of it when
/// one of them is a checksum.
pub(super) fn read(header: &[u8], extra: &[u8]) -> Result<Option<ProxyTls>, ProxyError> {
    if let Some(field) = find(extra, CHECKSUM)? {
        check(header, field)?;
    }
    find(extra, TLS)?.map(|field| tls(field.value)).transpose()
}

fn check(header: &[u8], field: Field<'_>) -> Result<(), ProxyError> {
    let stored: [u8; CHECKSUM_BYTES] = field
        .value
        .try_into()
        .map_err(|_| ProxyError::ChecksumLength)?;
    // It was computed while its own place held zeros.
    let end = header.len() - field.behind;
    let before = &header[..end - CHECKSUM_BYTES];
    let zeros = [0; CHECKSUM_BYTES];
    let computed = crc32c(before.iter().chain(&zeros).chain(&header[end..]));
    let found = u32::from_be_bytes(stored);
    if found != computed {
        return Err(ProxyError::Checksum { found, computed });
    }
    Ok(())
}

fn tls(value: &[u8]) -> Result<ProxyTls, ProxyError> {
    let [client, a, b, c, d, fields @ ..] = value else {
        return Err(ProxyError::TlsCut);
    };
    let verification = u32::from_be_bytes([*a, *b, *c, *d]);
    let ssl = client & CLIENT_USED_TLS != 0;
    let certificate = client & CLIENT_SHOWED_CERTIFICATE != 0;
    let verified = ssl && certificate && verification == 0;
    let name = find(fields, TLS_COMMON_NAME)?
        .map(|field| common_name(field.value))
        .transpose()?;
    Ok(ProxyTls {
        ssl,
        verified_client_certificate: verified,
        common_name: name
            .filter(|name| verified && !name.is_empty())
            .map(str::to_owned),
    })
}

fn common_name(value: &[u8]) -> Result<&str, ProxyError> {
    let name = std::str::from_utf8(value).map_err(|_| ProxyError::CommonName)?;
    if name.chars().any(char::is_control) {
        return Err(ProxyError::CommonName);
    }
    Ok(name)
}

/// The one field of a kind; looks at all, so that none is cut.
fn find(mut rest: &[u8], kind: u8) -> Result<Option<Field<'_>>, ProxyError> {
    let mut found = None;
    while !rest.is_empty() {
        let (field, behind) = split(rest).ok_or(ProxyError::ExtraCut)?;
        rest = behind;
        if field.kind == kind && found.replace(field).is_some() {
            return Err(ProxyError::ExtraTwice(kind));
        }
    }
    Ok(found)
}

fn split(fields: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let ([kind, high, low], rest) = fields.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let (value, rest) = rest.split_at_checked(length)?;
    let field = Field {
        kind: *kind,
        value,
        behind: rest.len(),
    };
    Some((field, rest))
}
