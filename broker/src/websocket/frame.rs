//! The header of a frame (RFC 6455, 5.2).
//!
//! ```text
//! fin rsv rsv rsv opcode(4) | masked length(7) | length: 0, 2 or 8 bytes | key: 0 or 4 bytes
//! ```

use thiserror::Error;

use super::close_code::CloseCode;

pub const MAX_HEADER_BYTES: usize = 14;
pub const MAX_CONTROL_BYTES: usize = 125;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
const LENGTH_IN_2_BYTES: u8 = 126;
const LENGTH_IN_8_BYTES: u8 = 127;

/// What a frame is for. Text is missing: MQTT is binary (MQTT-6.0.0-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// A further part of a message that an earlier frame began.
    Continuation = 0x0,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
}

/// Which end of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads masked frames, writes unmasked ones.
    Server,
    /// Reads unmasked frames, writes masked ones.
    Client,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whether the message ends with this frame.
    pub fin: bool,
    pub opcode: Opcode,
    pub payload_bytes: u64,
    /// The key under which the payload is masked, in frames of clients.
    pub key: Option<[u8; 4]>,
}

/// A header as it goes out.
#[derive(Debug, Clone, Copy)]
pub struct HeaderBytes {
    bytes: [u8; MAX_HEADER_BYTES],
    length: usize,
}

/// What the other end did wrong; the connection can't go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    #[error("frames of a client must be masked, and this one is not")]
    Unmasked,
    #[error("frames of a server must not be masked, and this one is")]
    Masked,
    #[error("a frame uses reserved bits, but no extension was agreed on")]
    ReservedBits,
    #[error("the opcode {0:#x} of a frame is reserved")]
    ReservedOpcode(u8),
    #[error("a text frame came, but MQTT travels in binary frames only")]
    Text,
    #[error("a control frame has more than {MAX_CONTROL_BYTES} bytes")]
    ControlTooLong,
    #[error("a control frame is fragmented")]
    ControlFragmented,
    #[error("the length of a frame takes more bytes than it needs")]
    LengthNotMinimal,
    #[error("the length of a frame has more than 63 bits")]
    LengthTooLarge,
    #[error("a continuation frame came without a message that it continues")]
    NothingToContinue,
    #[error("a message began before the last frame of the message before it")]
    MessageNotFinished,
    #[error("a message of at least {bytes} bytes exceeds the limit of {limit}")]
    MessageTooBig { bytes: u64, limit: u64 },
    #[error("a close frame holds one byte, and a close code has two")]
    CloseCodeCut,
    #[error("a close frame has the code {0}, which must not be sent")]
    CloseCode(u16),
    #[error("the reason in a close frame is not UTF-8")]
    CloseReason,
}

impl FrameError {
    /// What to tell the other end.
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::Text => CloseCode::UNSUPPORTED_DATA,
            Self::MessageTooBig { .. } => CloseCode::TOO_BIG,
            Self::CloseReason => CloseCode::INVALID_DATA,
            Self::Unmasked
            | Self::Masked
            | Self::ReservedBits
            | Self::ReservedOpcode(_)
            | Self::ControlTooLong
            | Self::ControlFragmented
            | Self::LengthNotMinimal
            | Self::LengthTooLarge
            | Self::NothingToContinue
            | Self::MessageNotFinished
            | Self::CloseCodeCut
            | Self::CloseCode(_) => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl Opcode {
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    fn of_number(number: u8) -> Result<Self, FrameError> {
        match number {
            0x0 => Ok(Self::Continuation),
            0x1 => Err(FrameError::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xa => Ok(Self::Pong),
            _ => Err(FrameError::ReservedOpcode(number)),
        }
    }
}

impl Header {
    /// The header at the beginning of what was received, and its length; `None`
    /// until all of it is there. What its first two bytes show to be wrong is
    /// refused with them.
    ///
    /// `role` is the end that reads.
    pub fn decode(role: Role, input: &[u8]) -> Result<Option<(Self, usize)>, FrameError> {
        let [first, second, rest @ ..] = input else {
            return Ok(None);
        };
        let (fin, opcode) = decode_first(*first)?;
        let short_length = second & LENGTH;
        check_mask(role, second & MASKED != 0)?;
        check_control(fin, opcode, short_length)?;
        let Some((payload_bytes, rest)) = decode_length(short_length, rest)? else {
            return Ok(None);
        };
        let (key, rest) = match (role, rest) {
            (Role::Client, _) => (None, rest),
            (Role::Server, [a, b, c, d, rest @ ..]) => (Some([*a, *b, *c, *d]), rest),
            (Role::Server, _) => return Ok(None),
        };
        let header = Self {
            fin,
            opcode,
            payload_bytes,
            key,
        };
        Ok(Some((header, input.len() - rest.len())))
    }

    pub fn encode(self) -> HeaderBytes {
        let mut out = HeaderBytes {
            bytes: [0; MAX_HEADER_BYTES],
            length: 0,
        };
        let masked = if self.key.is_some() { MASKED } else { 0 };
        let first = self.opcode as u8 | if self.fin { FIN } else { 0 };
        match self.payload_bytes {
            length @ 0..=125 => out.put(&[first, masked | length as u8]),
            length @ 126..=0xffff => {
                out.put(&[first, masked | LENGTH_IN_2_BYTES]);
                out.put(&(length as u16).to_be_bytes());
            }
            length => {
                out.put(&[first, masked | LENGTH_IN_8_BYTES]);
                out.put(&length.to_be_bytes());
            }
        }
        if let Some(key) = self.key {
            out.put(&key);
        }
        out
    }
}

impl HeaderBytes {
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

impl AsRef<[u8]> for HeaderBytes {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

fn decode_first(byte: u8) -> Result<(bool, Opcode), FrameError> {
    if byte & RESERVED != 0 {
        return Err(FrameError::ReservedBits);
    }
    Ok((byte & FIN != 0, Opcode::of_number(byte & OPCODE)?))
}

fn check_mask(role: Role, masked: bool) -> Result<(), FrameError> {
    match (role, masked) {
        (Role::Server, true) | (Role::Client, false) => Ok(()),
        (Role::Server, false) => Err(FrameError::Unmasked),
        (Role::Client, true) => Err(FrameError::Masked),
    }
}

fn check_control(fin: bool, opcode: Opcode, short_length: u8) -> Result<(), FrameError> {
    if !opcode.is_control() {
        return Ok(());
    }
    if !fin {
        return Err(FrameError::ControlFragmented);
    }
    if usize::from(short_length) > MAX_CONTROL_BYTES {
        return Err(FrameError::ControlTooLong);
    }
    Ok(())
}

/// The length and what follows it, `None` when it is not all there.
fn decode_length(short_length: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, FrameError> {
    let (length, least, rest) = match short_length {
        LENGTH_IN_2_BYTES => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), 126, rest),
            None => return Ok(None),
        },
        LENGTH_IN_8_BYTES => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from_be_bytes(*bytes), 0x1_0000, rest),
            None => return Ok(None),
        },
        short => (u64::from(short), 0, rest),
    };
    if length < least {
        return Err(FrameError::LengthNotMinimal);
    }
    if length > i64::MAX as u64 {
        return Err(FrameError::LengthTooLarge);
    }
    Ok(Some((length, rest)))
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
