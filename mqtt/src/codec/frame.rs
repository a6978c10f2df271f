//! Where one packet ends and the next begins.

use super::error::{DecodeError, Malformed};

/// The largest number that a variable byte integer can hold.
pub const MAX_VARIABLE_INTEGER: usize = 268_435_455;
/// The first byte and the longest length.
pub const MAX_FIXED_HEADER_BYTES: usize = 5;

/// One packet as it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Packet type and flags.
    pub first: u8,
    pub body: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split<'a> {
    /// The first frame, and how many bytes it took.
    Whole { frame: Frame<'a>, bytes: usize },
    /// More bytes are needed: so many in all, as far as that is known.
    Partial { total: Option<usize> },
}

/// Looks for a frame at the beginning of `bytes`. A frame above `limit` is refused as
/// soon as its length is known.
#[inline]
pub fn split(bytes: &[u8], limit: usize) -> Result<Split<'_>, DecodeError> {
    let [first, length @ ..] = bytes else {
        return Ok(Split::Partial { total: None });
    };
    let Some((remaining, length_bytes)) = variable_integer(length)? else {
        return Ok(Split::Partial { total: None });
    };
    let header = 1 + length_bytes;
    let total = header + remaining;
    if total > limit {
        return Err(DecodeError::TooLarge {
            bytes: total,
            limit,
        });
    }
    Ok(match bytes.get(header..total) {
        Some(body) => Split::Whole {
            frame: Frame {
                first: *first,
                body,
            },
            bytes: total,
        },
        None => Split::Partial { total: Some(total) },
    })
}

/// The number at the beginning of `bytes` and its length; None if it is not complete.
/// Every number has one form: the shortest.
#[inline]
pub(super) fn variable_integer(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let padded = at > 0 && *byte == 0;
            return match padded {
                true => Err(Malformed::VariableInteger),
                false => Ok(Some((value, at + 1))),
            };
        }
    }
    match bytes.len() {
        0..4 => Ok(None),
        _ => Err(Malformed::VariableInteger),
    }
}

/// How many bytes the number takes.
pub const fn variable_integer_bytes(value: usize) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}
