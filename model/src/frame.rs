//! One sealed format for everything that touches a disk or a wire.
//!
//! ```text
//! 0      4        6     8                 16
//! | kind | version | 0 0 | xxh3-64 (LE)    | body, aligned to 16 ...
//! ```
//!
//! The checksum covers kind, version and body, so that a flipped bit anywhere
//! is told apart from a format that this build does not know. Bodies are rkyv
//! archives: they are copied to aligned memory and validated before access.

use std::fmt;

use rkyv::api::high::{HighDeserializer, HighSerializer, HighValidator};
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor::{Error, Panic, ResultExt};
use rkyv::ser::allocator::ArenaHandle;
use rkyv::util::AlignedVec;
use rkyv::{Archive, Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bytes before the body.
pub const HEADER_BYTES: usize = 16;

/// No type that is archived here needs more.
const BODY_ALIGNMENT: usize = 16;

/// What a frame holds: four letters and the version of the body's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    pub kind: [u8; 4],
    pub version: u16,
}

/// Why bytes are not a frame of the expected format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("{kind}: {len} bytes are too few for a frame; the data was cut short")]
    Truncated { kind: String, len: usize },
    #[error("{kind}: {len} bytes are more than the {limit} that are allowed")]
    TooLarge {
        kind: String,
        len: usize,
        limit: usize,
    },
    #[error("expected a frame of kind {expected}, found {found}")]
    WrongKind { expected: String, found: String },
    #[error(
        "{kind}: written in format version {found}, this build knows up to {known}; \
         nothing was changed: run the version that wrote it, or a later one"
    )]
    NewerVersion {
        kind: String,
        found: u16,
        known: u16,
    },
    #[error("{kind}: format version {found} is no longer supported, the oldest known is {known}")]
    OlderVersion {
        kind: String,
        found: u16,
        known: u16,
    },
    #[error("{kind}: the checksum does not match; the data is corrupt")]
    Checksum { kind: String },
    #[error("{kind}: the body is malformed: {detail}")]
    Malformed { kind: String, detail: String },
}

impl Format {
    pub const fn new(kind: [u8; 4], version: u16) -> Self {
        Self { kind, version }
    }

    fn name(self) -> String {
        kind_name(&self.kind)
    }

    /// Whether these bytes say that they are of this kind; nothing else is checked.
    pub(crate) fn is_kind_of(self, bytes: &[u8]) -> bool {
        bytes.starts_with(&self.kind)
    }

    pub(crate) fn malformed(self, detail: &dyn fmt::Display) -> FrameError {
        FrameError::Malformed {
            kind: self.name(),
            detail: detail.to_string(),
        }
    }

    pub(crate) fn too_large(self, len: usize, limit: usize) -> FrameError {
        FrameError::TooLarge {
            kind: self.name(),
            len,
            limit,
        }
    }

    /// The checksum is seeded with kind and version, so it covers them too.
    fn checksum(self, body: &[u8]) -> u64 {
        let seed = (u64::from(u32::from_le_bytes(self.kind)) << 16) | u64::from(self.version);
        xxh3_64_with_seed(body, seed)
    }
}

/// Seals `value` into a frame.
pub fn seal<T>(format: Format, value: &T) -> Vec<u8>
where
    T: for<'a> Serialize<HighSerializer<Vec<u8>, ArenaHandle<'a>, Panic>>,
{
    let header = vec![0; HEADER_BYTES];
    let mut bytes = rkyv::api::high::to_bytes_in::<_, Panic>(value, header).always_ok();
    write_header(format, &mut bytes);
    bytes
}

/// Seals bytes that carry their own structure.
pub fn seal_raw(format: Format, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.resize(HEADER_BYTES, 0);
    bytes.extend_from_slice(body);
    write_header(format, &mut bytes);
    bytes
}

/// Opens a frame: header and checksum first, then validated access.
pub fn open<T>(format: Format, bytes: &[u8]) -> Result<T, FrameError>
where
    T: Archive,
    T::Archived:
        for<'a> CheckBytes<HighValidator<'a, Error>> + Deserialize<T, HighDeserializer<Error>>,
{
    view::<T, _>(format, bytes, |archived| {
        rkyv::deserialize::<T, Error>(archived)
    })?
    .map_err(|error| format.malformed(&error))
}

/// Checks all that [`open`] checks and shows the body in place, without a copy
/// of what it holds.
pub fn view<T, R>(
    format: Format,
    bytes: &[u8],
    look: impl FnOnce(&T::Archived) -> R,
) -> Result<R, FrameError>
where
    T: Archive,
    T::Archived: for<'a> CheckBytes<HighValidator<'a, Error>>,
{
    let body = open_raw(format, bytes)?;
    // Slices from a disk or a wire start anywhere; archives need alignment.
    let mut copy = AlignedVec::<BODY_ALIGNMENT>::new();
    let aligned = if body.as_ptr().addr().is_multiple_of(BODY_ALIGNMENT) {
        body
    } else {
        copy.extend_from_slice(body);
        &copy
    };
    let archived = rkyv::access::<T::Archived, Error>(aligned);
    archived.map(look).map_err(|error| format.malformed(&error))
}

/// Opens a frame whose body carries its own structure.
pub fn open_raw(format: Format, bytes: &[u8]) -> Result<&[u8], FrameError> {
    let kind = || format.name();
    let Some((header, body)) = bytes.split_at_checked(HEADER_BYTES) else {
        let len = bytes.len();
        return Err(FrameError::Truncated { kind: kind(), len });
    };
    let found = [header[0], header[1], header[2], header[3]];
    if found != format.kind {
        return Err(FrameError::WrongKind {
            expected: kind(),
            found: kind_name(&found),
        });
    }
    let version = u16::from_le_bytes([header[4], header[5]]);
    // The checksum of an unknown version is verified with its own number: bit
    // rot in the version field must not read as "written by a newer build".
    let written = Format::new(found, version);
    let sum = u64::from_le_bytes([
        header[8], header[9], header[10], header[11], header[12], header[13], header[14],
        header[15],
    ]);
    if sum != written.checksum(body) || header[6..8] != [0, 0] {
        return Err(FrameError::Checksum { kind: kind() });
    }
    let known = format.version;
    match version.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(body),
        std::cmp::Ordering::Greater => Err(FrameError::NewerVersion {
            kind: kind(),
            found: version,
            known,
        }),
        std::cmp::Ordering::Less => Err(FrameError::OlderVersion {
            kind: kind(),
            found: version,
            known,
        }),
    }
}

/// Refuses bytes beyond `limit` before anything is read from them.
pub fn check_size(format: Format, bytes: &[u8], limit: usize) -> Result<(), FrameError> {
    if bytes.len() > limit {
        return Err(format.too_large(bytes.len(), limit));
    }
    Ok(())
}

fn write_header(format: Format, bytes: &mut [u8]) {
    let sum = format.checksum(&bytes[HEADER_BYTES..]);
    bytes[0..4].copy_from_slice(&format.kind);
    bytes[4..6].copy_from_slice(&format.version.to_le_bytes());
    bytes[8..16].copy_from_slice(&sum.to_le_bytes());
}

/// Four letters where they are letters, else their hexadecimal form: found
/// kinds come from anywhere and end up in terminals.
fn kind_name(kind: &[u8; 4]) -> String {
    if kind.iter().all(u8::is_ascii_alphanumeric) {
        kind.iter().map(|byte| char::from(*byte)).collect()
    } else {
        format!("{:#010x}", u32::from_be_bytes(*kind))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const TEST: Format = Format::new(*b"TEST", 2);

    #[test]
    fn opens_what_it_sealed_at_any_alignment() {
        let value = vec![
            String::from("a"),
            String::from("longer than inline strings"),
        ];
        let sealed = seal(TEST, &value);
        for offset in 0..16 {
            let mut shifted = vec![0xee; offset];
            shifted.extend_from_slice(&sealed);
            let opened: Vec<String> = open(TEST, &shifted[offset..]).unwrap();
            assert_eq!(opened, value);
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_an_error() {
        let sealed = seal(TEST, &String::from("a value that is long enough to matter"));
        for bit in 0..sealed.len() * 8 {
            let mut broken = sealed.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            open::<String>(TEST, &broken).unwrap_err();
        }
        for len in 0..sealed.len() {
            open::<String>(TEST, &sealed[..len]).unwrap_err();
        }
    }

    #[test]
    fn versions_and_kinds_are_told_apart() {
        let newer = seal(Format::new(*b"TEST", 3), &7_u32);
        let older = seal(Format::new(*b"TEST", 1), &7_u32);
        let other = seal(Format::new([0, 1, 2, 3], 2), &7_u32);
        let problem = |bytes: &[u8]| open::<u32>(TEST, bytes).unwrap_err();
        assert!(matches!(
            problem(&newer),
            FrameError::NewerVersion {
                found: 3,
                known: 2,
                ..
            }
        ));
        assert!(matches!(
            problem(&older),
            FrameError::OlderVersion { found: 1, .. }
        ));
        assert_eq!(
            problem(&other).to_string(),
            "expected a frame of kind TEST, found 0x00010203"
        );
    }
}
