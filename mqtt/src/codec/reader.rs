//! Takes a packet's fields off its bytes, one after the other.

use std::num::NonZeroU16;

use super::error::Malformed;
use super::frame::variable_integer;
use crate::packet_id::PacketId;

#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        let (byte, rest) = self.rest.split_first().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(*byte)
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    #[inline]
    pub(super) fn variable_integer(&mut self) -> Result<usize, Malformed> {
        let (value, bytes) = variable_integer(self.rest)?.ok_or(Malformed::Short)?;
        self.rest = &self.rest[bytes..];
        Ok(value)
    }

    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    #[inline]
    pub(super) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let bytes = self.u16()?;
        self.take(usize::from(bytes))
    }

    #[inline]
    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.binary()?;
        let text = str::from_utf8(bytes).map_err(|_| Malformed::Utf8)?;
        match any(bytes, |byte| byte == 0) {
            true => Err(Malformed::Nul),
            false => Ok(text),
        }
    }

    #[inline]
    pub(super) fn packet_id(&mut self) -> Result<PacketId, Malformed> {
        PacketId::new(self.u16()?).ok_or(Malformed::PacketIdZero)
    }

    pub(super) fn non_zero_u16(&mut self) -> Result<Option<NonZeroU16>, Malformed> {
        self.u16().map(NonZeroU16::new)
    }

    pub(super) const fn end(&self) -> Result<(), Malformed> {
        match self.is_empty() {
            true => Ok(()),
            false => Err(Malformed::TrailingBytes),
        }
    }
}

/// Whether one of the bytes is such. Looks at all of them: without a way out in the
/// middle the compiler takes many at once, and most of the bytes here are fine.
#[inline]
pub(super) fn any(bytes: &[u8], is_such: impl Fn(u8) -> bool) -> bool {
    bytes
        .iter()
        .fold(false, |found, byte| found | is_such(*byte))
}
