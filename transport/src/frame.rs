//! How messages stand on a stream.
//!
//! ```text
//! stream:  preface (8 bytes)  frame  frame ...
//! frame:   length u32 | kind u8 | 0 0 0 | call u64 | body
//! ```
//!
//! Numbers are little-endian. Bodies are sealed by those who exchange them.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::service::Service;

pub(crate) const PREFACE_BYTES: usize = 8;
pub(crate) const HEADER_BYTES: usize = 16;
const MAGIC: [u8; 4] = *b"QRST";
const VERSION: u8 = 1;

/// The first bytes of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Preface {
    pub(crate) service: Service,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    pub(crate) call: u64,
    pub(crate) body: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Request = 1,
    Response = 2,
}

/// Why a stream is given up, and its connection with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a stream that begins with {0:02x?} is none of ours")]
    Preface([u8; PREFACE_BYTES]),
    #[error("there is no service {0}")]
    Service(u8),
    #[error("there is no kind of frame {0}")]
    Kind(u8),
    #[error("a frame of {length} bytes exceeds the limit of {limit}")]
    TooLarge { length: usize, limit: usize },
}

impl Preface {
    pub(crate) fn encode(self) -> [u8; PREFACE_BYTES] {
        let [a, b, c, d] = MAGIC;
        [a, b, c, d, VERSION, self.service as u8, 0, 0]
    }

    pub(crate) fn decode(bytes: [u8; PREFACE_BYTES]) -> Result<Self, FrameError> {
        let [a, b, c, d, version, service, 0, 0] = bytes else {
            return Err(FrameError::Preface(bytes));
        };
        if [a, b, c, d] != MAGIC || version != VERSION {
            return Err(FrameError::Preface(bytes));
        }
        let service = Service::of_number(service).ok_or(FrameError::Service(service))?;
        Ok(Self { service })
    }
}

impl Frame {
    pub(crate) fn put_header(&self, buffer: &mut BytesMut) {
        // A body has passed the limit, which is far below 4 GiB.
        buffer.put_u32_le(self.body.len() as u32);
        buffer.put_u8(self.kind as u8);
        buffer.put_bytes(0, 3);
        buffer.put_u64_le(self.call);
    }
}

/// Cuts what arrives into frames. What a header promises is believed only as
/// far as it arrives: memory grows with the bytes that came.
#[derive(Debug)]
pub(crate) struct FrameReader {
    limit: usize,
    buffer: BytesMut,
    /// The rest of the last chunk, still whole.
    chunk: Bytes,
}

impl FrameReader {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            buffer: BytesMut::new(),
            chunk: Bytes::new(),
        }
    }

    /// Takes in what arrived. Call only when [`FrameReader::next`] said none.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        if self.buffer.is_empty() && self.chunk.is_empty() {
            self.chunk = chunk;
        } else {
            self.gather();
            self.buffer.extend_from_slice(&chunk);
        }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        let available = if self.buffer.is_empty() {
            &self.chunk[..]
        } else {
            &self.buffer[..]
        };
        let Some(header) = available.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let (length, kind, call) = parse_header(header, self.limit)?;
        if available.len() < HEADER_BYTES + length {
            return Ok(None);
        }
        let body = if self.buffer.is_empty() {
            self.chunk.advance(HEADER_BYTES);
            self.chunk.split_to(length)
        } else {
            self.buffer.advance(HEADER_BYTES);
            self.buffer.split_to(length).freeze()
        };
        Ok(Some(Frame { kind, call, body }))
    }

    /// A frame that is split over chunks is put together in the buffer.
    fn gather(&mut self) {
        if !self.chunk.is_empty() {
            let chunk = std::mem::take(&mut self.chunk);
            self.buffer.extend_from_slice(&chunk);
        }
    }
}

fn parse_header(
    header: &[u8; HEADER_BYTES],
    limit: usize,
) -> Result<(usize, FrameKind, u64), FrameError> {
    let mut header = &header[..];
    let length = header.get_u32_le() as usize;
    let kind = match header.get_u8() {
        1 => FrameKind::Request,
        2 => FrameKind::Response,
        other => return Err(FrameError::Kind(other)),
    };
    header.advance(3);
    let call = header.get_u64_le();
    if length > limit {
        return Err(FrameError::TooLarge { length, limit });
    }
    Ok((length, kind, call))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn encode(frames: &[Frame]) -> Bytes {
        let mut bytes = BytesMut::new();
        for frame in frames {
            frame.put_header(&mut bytes);
            bytes.extend_from_slice(&frame.body);
        }
        bytes.freeze()
    }

    fn read_all(reader: &mut FrameReader, chunks: Vec<Bytes>) -> Result<Vec<Frame>, FrameError> {
        let mut frames = Vec::new();
        for chunk in chunks {
            reader.push(chunk);
            while let Some(frame) = reader.next()? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    fn any_frame() -> impl Strategy<Value = Frame> {
        let kind = prop_oneof![Just(FrameKind::Request), Just(FrameKind::Response)];
        (kind, any::<u64>(), vec(any::<u8>(), 0..200)).prop_map(|(kind, call, body)| Frame {
            kind,
            call,
            body: body.into(),
        })
    }

    proptest! {
        #[test]
        fn frames_survive_any_cut(
            frames in vec(any_frame(), 0..8),
            cuts in vec(0.0..1.0_f64, 0..12),
        ) {
            let bytes = encode(&frames);
            let mut at: Vec<usize> =
                cuts.iter().map(|cut| (cut * bytes.len() as f64) as usize).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let chunks = at.windows(2).map(|pair| bytes.slice(pair[0]..pair[1])).collect();
            let read = read_all(&mut FrameReader::new(1024), chunks);
            prop_assert_eq!(read.unwrap(), frames);
        }

        #[test]
        fn garbage_is_an_error_or_too_little(bytes in vec(any::<u8>(), 0..300)) {
            let mut reader = FrameReader::new(64);
            let _ = read_all(&mut reader, vec![bytes.into()]);
        }
    }

    #[test]
    fn a_length_of_four_gigabytes_is_refused_at_once() {
        let mut reader = FrameReader::new(1 << 20);
        reader.push(Bytes::from_static(&[
            0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ]));
        assert_eq!(
            reader.next().unwrap_err(),
            FrameError::TooLarge {
                length: u32::MAX as usize,
                limit: 1 << 20
            }
        );
        assert_eq!(reader.buffer.capacity(), 0);
    }

    #[test]
    fn a_preface_names_its_service() {
        for service in Service::ALL {
            let preface = Preface { service };
            assert_eq!(Preface::decode(preface.encode()), Ok(preface));
        }
        assert_eq!(
            Preface::decode(*b"QRST\x01\x09\0\0"),
            Err(FrameError::Service(9))
        );
        assert!(Preface::decode(*b"GET / HT").is_err());
        assert!(Preface::decode(*b"QRST\x02\x02\0\0").is_err());
    }
}
