//! A client's end of a WebSocket, over any stream.

use std::io::{self, Read, Write};

use quorate_broker::websocket::client::{check_response, request};
use quorate_broker::websocket::close_code::CloseCode;
use quorate_broker::websocket::frame::{Header, Opcode, Role};
use quorate_broker::websocket::mask::Mask;

const KEY: [u8; 4] = [0x17, 0x2a, 0x99, 0xf0];
const NONCE: [u8; 16] = [3; 16];

pub(crate) struct WebSocket<S> {
    pub(crate) stream: S,
    /// What came and has not been looked at.
    input: Vec<u8>,
    /// Of the frame that is being read.
    payload: Vec<u8>,
    /// No frame carries more than that.
    pub(crate) frame_bytes: usize,
}

impl<S: Read + Write> WebSocket<S> {
    pub(crate) fn open(mut stream: S, path: &str) -> Self {
        let request = request("broker", path, NONCE).unwrap();
        stream.write_all(&request).unwrap();
        let mut web_socket = Self {
            stream,
            input: Vec::new(),
            payload: Vec::new(),
            frame_bytes: usize::MAX,
        };
        let head = loop {
            if let Some(length) = check_response(&web_socket.input, NONCE).unwrap() {
                break length;
            }
            assert!(web_socket.fill().unwrap() > 0, "no response");
        };
        web_socket.input.drain(..head);
        web_socket
    }

    /// One frame, as a client should send it.
    pub(crate) fn send(&mut self, fin: bool, opcode: Opcode, payload: &[u8]) {
        self.try_send(fin, opcode, payload).unwrap();
    }

    fn try_send(&mut self, fin: bool, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        let header = Header {
            fin,
            opcode,
            payload_bytes: payload.len() as u64,
            key: Some(KEY),
        };
        let mut frame = header.encode().as_slice().to_vec();
        let from = frame.len();
        frame.extend_from_slice(payload);
        Mask::new(KEY).apply(&mut frame[from..]);
        self.stream.write_all(&frame)
    }

    /// The next frame; None at the end of the stream.
    pub(crate) fn receive(&mut self) -> Option<(Opcode, Vec<u8>)> {
        loop {
            if let Some((header, from)) = Header::decode(Role::Client, &self.input).unwrap() {
                let end = from + header.payload_bytes as usize;
                if self.input.len() >= end {
                    let payload = self.input[from..end].to_vec();
                    self.input.drain(..end);
                    return Some((header.opcode, payload));
                }
            }
            match self.fill() {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no frame: {error}"),
            }
        }
    }

    pub(crate) fn expect_close(&mut self, code: CloseCode) {
        let (opcode, payload) = self.receive().expect("a close frame");
        assert_eq!(opcode, Opcode::Close);
        assert_eq!(payload[..2], code.number().to_be_bytes());
        assert_eq!(self.receive(), None);
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 16 * 1024];
        let read = self.stream.read(&mut bytes)?;
        self.input.extend_from_slice(&bytes[..read]);
        Ok(read)
    }
}

/// Payload alone; a close frame is the end.
impl<S: Read + Write> Read for WebSocket<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.payload.is_empty() {
            match self.receive() {
                Some((Opcode::Binary, payload)) => self.payload = payload,
                Some((Opcode::Close, _)) | None => return Ok(0),
                Some(other) => panic!("{other:?}"),
            }
        }
        let count = buffer.len().min(self.payload.len());
        buffer[..count].copy_from_slice(&self.payload[..count]);
        self.payload.drain(..count);
        Ok(count)
    }
}

/// One message a write, in as many frames as are needed.
impl<S: Read + Write> Write for WebSocket<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut opcode = Opcode::Binary;
        let mut frames = bytes.chunks(self.frame_bytes).peekable();
        while let Some(frame) = frames.next() {
            self.try_send(frames.peek().is_none(), opcode, frame)?;
            opcode = Opcode::Continuation;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
