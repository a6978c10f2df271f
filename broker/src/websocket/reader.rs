//! From the bytes of a connection to the payload of its frames.

use super::close_code::CloseCode;
use super::frame::{FrameError, Header, MAX_CONTROL_BYTES, MAX_HEADER_BYTES, Opcode, Role};
use super::mask::Mask;

/// Takes frames apart. It keeps the beginning of a split header and of a split
/// control frame, at most 14 and 125 bytes, and never payload.
#[derive(Debug)]
pub struct Reader {
    role: Role,
    max_message_bytes: u64,
    state: State,
    partial: PartialHeader,
    mask: Mask,
    /// The payload of the control frame that is being read, or was just handed out.
    control: Vec<u8>,
    /// The payload of the unfinished message so far, as far as headers announced it.
    message_bytes: Option<u64>,
}

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The next bytes of the stream that the frames carry, never empty. They are
    /// the last of those consumed, so a caller may also find them in its buffer.
    Data(&'a [u8]),
    /// To be answered with a pong of the same payload.
    Ping(&'a [u8]),
    Pong,
    /// The other end closes; to be answered with the same code. Whatever it sends
    /// after this is ignored.
    Close(Option<CloseCode>),
    /// All of the input was consumed.
    NeedMore,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Header,
    Payload { opcode: Opcode, remaining: u64 },
    Closed,
    Failed(FrameError),
}

/// An event before it borrows anything.
#[derive(Debug, Clone, Copy)]
enum Step {
    Data { bytes: usize },
    Control(Opcode),
    NeedMore,
}

#[derive(Debug)]
struct PartialHeader {
    bytes: [u8; MAX_HEADER_BYTES],
    length: usize,
}

impl Reader {
    /// Of the end `role`. `max_message_bytes` bounds the sum of all fragments of
    /// a message.
    pub fn new(role: Role, max_message_bytes: u64) -> Self {
        Self {
            role,
            max_message_bytes,
            state: State::Header,
            partial: PartialHeader {
                bytes: [0; MAX_HEADER_BYTES],
                length: 0,
            },
            mask: Mask::new([0; 4]),
            control: Vec::new(),
            message_bytes: None,
        }
    }

    /// Reads up to the next event, and says how many bytes of `input` it took.
    /// Payload is unmasked where it lies. Call it with the rest until it needs more.
    ///
    /// An error is final: each later read returns it again.
    pub fn read<'a>(&'a mut self, input: &'a mut [u8]) -> Result<(usize, Event<'a>), FrameError> {
        match self.advance(input) {
            Ok((consumed, step)) => Ok((consumed, self.event(step, &input[..consumed])?)),
            Err(error) => {
                self.state = State::Failed(error);
                Err(error)
            }
        }
    }

    fn advance(&mut self, input: &mut [u8]) -> Result<(usize, Step), FrameError> {
        let mut at = 0;
        loop {
            match self.state {
                State::Header => {
                    let Some((header, used)) = self.partial.take(self.role, &input[at..])? else {
                        return Ok((input.len(), Step::NeedMore));
                    };
                    at += used;
                    self.begin(header)?;
                }
                State::Payload { opcode, remaining } => {
                    let rest = &mut input[at..];
                    let here = usize::try_from(remaining)
                        .map_or(rest.len(), |remaining| remaining.min(rest.len()));
                    if let Some(step) = self.payload(opcode, remaining, &mut rest[..here]) {
                        return Ok((at + here, step));
                    }
                    at += here;
                }
                State::Closed => return Ok((input.len(), Step::NeedMore)),
                State::Failed(error) => return Err(error),
            }
        }
    }

    fn begin(&mut self, header: Header) -> Result<(), FrameError> {
        if header.opcode.is_control() {
            self.control.clear();
        } else {
            self.count(header)?;
        }
        if let Some(key) = header.key {
            self.mask = Mask::new(key);
        }
        self.state = State::Payload {
            opcode: header.opcode,
            remaining: header.payload_bytes,
        };
        Ok(())
    }

    /// Where the frame stands in its message, and whether that grows too big.
    fn count(&mut self, header: Header) -> Result<(), FrameError> {
        let before = match (header.opcode, self.message_bytes) {
            (Opcode::Continuation, None) => return Err(FrameError::NothingToContinue),
            (Opcode::Continuation, Some(before)) => before,
            (_, None) => 0,
            (_, Some(_)) => return Err(FrameError::MessageNotFinished),
        };
        let bytes = before.saturating_add(header.payload_bytes);
        let limit = self.max_message_bytes;
        if bytes > limit {
            return Err(FrameError::MessageTooBig { bytes, limit });
        }
        self.message_bytes = (!header.fin).then_some(bytes);
        Ok(())
    }

    /// Takes payload in; `None` when the frame is over and has shown nothing.
    fn payload(&mut self, opcode: Opcode, remaining: u64, payload: &mut [u8]) -> Option<Step> {
        if self.role == Role::Server {
            self.mask.apply(payload);
        }
        let remaining = remaining - payload.len() as u64;
        self.state = match remaining {
            0 => State::Header,
            _ => State::Payload { opcode, remaining },
        };
        if opcode.is_control() {
            self.control.extend_from_slice(payload);
            assert!(
                self.control.len() <= MAX_CONTROL_BYTES,
                "a control frame of {} bytes passed the header's check",
                self.control.len()
            );
        }
        match (opcode.is_control(), payload.len(), remaining) {
            (true, _, 0) => Some(Step::Control(opcode)),
            (false, 0, 0) => None,
            (true, ..) | (false, 0, _) => Some(Step::NeedMore),
            (false, bytes, _) => Some(Step::Data { bytes }),
        }
    }

    fn event<'a>(&'a mut self, step: Step, consumed: &'a [u8]) -> Result<Event<'a>, FrameError> {
        match step {
            Step::Data { bytes } => Ok(Event::Data(&consumed[consumed.len() - bytes..])),
            Step::Control(Opcode::Ping) => Ok(Event::Ping(&self.control)),
            Step::Control(Opcode::Close) => match close_code(&self.control) {
                Ok(code) => {
                    self.state = State::Closed;
                    Ok(Event::Close(code))
                }
                Err(error) => {
                    self.state = State::Failed(error);
                    Err(error)
                }
            },
            Step::Control(_) => Ok(Event::Pong),
            Step::NeedMore => Ok(Event::NeedMore),
        }
    }
}

impl PartialHeader {
    /// The next header and how many bytes of `input` belong to it. `None` when
    /// it is not all there: then `input` is kept.
    fn take(&mut self, role: Role, input: &[u8]) -> Result<Option<(Header, usize)>, FrameError> {
        // Almost always the header lies whole in the input.
        if self.length == 0
            && let Some(found) = Header::decode(role, input)?
        {
            return Ok(Some(found));
        }
        let added = input.len().min(MAX_HEADER_BYTES - self.length);
        self.bytes[self.length..self.length + added].copy_from_slice(&input[..added]);
        let length = self.length + added;
        let Some((header, used)) = Header::decode(role, &self.bytes[..length])? else {
            assert!(
                length < MAX_HEADER_BYTES && added == input.len(),
                "{length} bytes are no header yet"
            );
            self.length = length;
            return Ok(None);
        };
        let used = used - self.length;
        self.length = 0;
        Ok(Some((header, used)))
    }
}

/// The code in the payload of a close frame.
fn close_code(payload: &[u8]) -> Result<Option<CloseCode>, FrameError> {
    let (number, reason) = match payload {
        [] => return Ok(None),
        [_] => return Err(FrameError::CloseCodeCut),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    let code = CloseCode::new(number).ok_or(FrameError::CloseCode(number))?;
    std::str::from_utf8(reason).map_err(|_| FrameError::CloseReason)?;
    Ok(Some(code))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
