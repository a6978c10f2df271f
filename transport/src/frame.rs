//! How messages stand on a stream.
//!
//! ```text
//! stream:  preface (8 bytes)  frame  frame ...
//! frame:   length u32 | kind u8 | 0 0 0 | call u64 | body
//! ```
//!
//! Numbers are little-endian. Bodies are sealed by those who exchange them.

use std::collections::VecDeque;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::service::Service;

pub(crate) const PREFACE_BYTES: usize = 8;
const HEADER_BYTES: usize = 16;
const MAGIC: [u8; 4] = *b"QRST";
const VERSION: u8 = 1;
/// What is gathered in one buffer; larger bodies are passed on uncopied.
const BATCH_BYTES: usize = 64 * 1024;
const COPIED_BYTES: usize = 4 * 1024;

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

/// A frame that is to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameRef<'a> {
    pub(crate) kind: FrameKind,
    pub(crate) call: u64,
    pub(crate) body: &'a Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Request = 1,
    Response = 2,
    /// Of a flow: its number counts the frames, and nothing answers it.
    OneWay = 3,
}

/// Why a stream is given up, and its connection with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a stream that begins with {0:02x?} is none of ours")]
    Preface([u8; PREFACE_BYTES]),
    #[error("there is no service {0}")]
    Service(u8),
    #[error("a frame of kind {found} stands where one of kind {expected} belongs")]
    Kind { expected: u8, found: u8 },
    #[error("a frame of {length} bytes exceeds the limit of {limit}")]
    TooLarge { length: usize, limit: usize },
    #[error("frame {found} of a flow stands where {expected} belongs")]
    OutOfOrder { expected: u64, found: u64 },
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
    pub(crate) fn borrow(&self) -> FrameRef<'_> {
        FrameRef {
            kind: self.kind,
            call: self.call,
            body: &self.body,
        }
    }
}

impl FrameRef<'_> {
    fn copied_bytes(self) -> usize {
        let body = self.body.len();
        HEADER_BYTES + if body <= COPIED_BYTES { body } else { 0 }
    }

    fn put_header(self, buffer: &mut BytesMut) {
        // A body has passed the limit, which is far below 4 GiB.
        buffer.put_u32_le(self.body.len() as u32);
        buffer.put_u8(self.kind as u8);
        buffer.put_bytes(0, 3);
        buffer.put_u64_le(self.call);
    }
}

/// Cuts what arrives into frames. What a header promises is believed only as
/// far as it arrives: memory grows with the bytes that came.
///
/// A frame that lies within a chunk is a part of that chunk; one that is split
/// over several is put together, and nothing else is copied.
#[derive(Debug)]
pub(crate) struct FrameReader {
    /// The one kind that may come.
    kind: FrameKind,
    limit: usize,
    /// The beginning of a frame whose rest is in later chunks.
    split: BytesMut,
    chunks: VecDeque<Bytes>,
}

impl FrameReader {
    pub(crate) fn new(kind: FrameKind, limit: usize) -> Self {
        Self {
            kind,
            limit,
            split: BytesMut::new(),
            chunks: VecDeque::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.split.is_empty() && self.chunks.is_empty()
    }

    /// Takes in what arrived.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.chunks.push_back(chunk);
        }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        while let Some(chunk) = self.chunks.front_mut() {
            if self.split.is_empty() {
                if let Some(frame) = take_frame(chunk, self.kind, self.limit)? {
                    if chunk.is_empty() {
                        self.chunks.pop_front();
                    }
                    return Ok(Some(frame));
                }
                self.split.extend_from_slice(chunk);
                self.chunks.pop_front();
                continue;
            }
            let missing = missing_bytes(&self.split, self.kind, self.limit)?;
            let part = chunk.split_to(missing.min(chunk.len()));
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
            self.split.extend_from_slice(&part);
            if missing_bytes(&self.split, self.kind, self.limit)? == 0 {
                let mut whole = std::mem::take(&mut self.split).freeze();
                return take_frame(&mut whole, self.kind, self.limit);
            }
        }
        Ok(None)
    }
}

/// The first frame of the bytes, if all of it is there.
fn take_frame(
    bytes: &mut Bytes,
    kind: FrameKind,
    limit: usize,
) -> Result<Option<Frame>, FrameError> {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    let (length, call) = parse_header(header, kind, limit)?;
    if bytes.len() < HEADER_BYTES + length {
        return Ok(None);
    }
    bytes.advance(HEADER_BYTES);
    let body = bytes.split_to(length);
    Ok(Some(Frame { kind, call, body }))
}

/// What the beginning of a frame lacks: first to a header, then to the frame.
fn missing_bytes(begun: &[u8], kind: FrameKind, limit: usize) -> Result<usize, FrameError> {
    let Some(header) = begun.first_chunk::<HEADER_BYTES>() else {
        return Ok(HEADER_BYTES - begun.len());
    };
    let (length, _) = parse_header(header, kind, limit)?;
    Ok((HEADER_BYTES + length).saturating_sub(begun.len()))
}

/// Small frames go into shared buffers, large bodies stand by themselves.
pub(crate) fn gather<'a>(
    frames: impl Iterator<Item = FrameRef<'a>> + Clone,
    chunks: &mut Vec<Bytes>,
) {
    // Exact: a buffer lives until all of it was acknowledged.
    let mut left: usize = frames.clone().map(FrameRef::copied_bytes).sum();
    let mut buffer = BytesMut::new();
    for frame in frames {
        let copied = frame.copied_bytes();
        if buffer.capacity() - buffer.len() < copied {
            flush(&mut buffer, chunks);
            buffer = BytesMut::with_capacity(left.min(BATCH_BYTES));
        }
        left -= copied;
        frame.put_header(&mut buffer);
        if frame.body.len() <= COPIED_BYTES {
            buffer.extend_from_slice(frame.body);
        } else {
            flush(&mut buffer, chunks);
            chunks.push(frame.body.clone());
        }
    }
    flush(&mut buffer, chunks);
}

fn flush(buffer: &mut BytesMut, chunks: &mut Vec<Bytes>) {
    if !buffer.is_empty() {
        chunks.push(buffer.split().freeze());
    }
}

fn parse_header(
    header: &[u8; HEADER_BYTES],
    kind: FrameKind,
    limit: usize,
) -> Result<(usize, u64), FrameError> {
    let mut header = &header[..];
    let length = header.get_u32_le() as usize;
    let (expected, found) = (kind as u8, header.get_u8());
    if found != expected {
        return Err(FrameError::Kind { expected, found });
    }
    header.advance(3);
    let call = header.get_u64_le();
    if length > limit {
        return Err(FrameError::TooLarge { length, limit });
    }
    Ok((length, call))
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
            frame.borrow().put_header(&mut bytes);
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
        (any::<u64>(), vec(any::<u8>(), 0..200)).prop_map(|(call, body)| Frame {
            kind: FrameKind::OneWay,
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
            let read = read_all(&mut FrameReader::new(FrameKind::OneWay, 1024), chunks);
            prop_assert_eq!(read.unwrap(), frames);
        }

        #[test]
        fn garbage_is_an_error_or_too_little(bytes in vec(any::<u8>(), 0..300)) {
            let mut reader = FrameReader::new(FrameKind::Request, 64);
            let _ = read_all(&mut reader, vec![bytes.into()]);
        }
    }

    #[test]
    fn a_length_of_four_gigabytes_is_refused_at_once() {
        let mut reader = FrameReader::new(FrameKind::Request, 1 << 20);
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
        assert_eq!(reader.split.capacity(), 0);
    }

    #[test]
    fn a_frame_of_another_kind_is_refused() {
        let frame = Frame {
            kind: FrameKind::Response,
            call: 1,
            body: Bytes::new(),
        };
        let mut reader = FrameReader::new(FrameKind::Request, 64);
        reader.push(encode(&[frame]));
        let (expected, found) = (1, 2);
        assert_eq!(reader.next(), Err(FrameError::Kind { expected, found }));
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
