//! One connection's WebSocket: requests and frames in, frames out.

use std::ops::Range;
use std::sync::Arc;

use super::end::LayerEnd;
use super::frames_out::FramesOut;
use super::head::Head;
use crate::carrier::WebSocketConfig;
use crate::websocket::frame::Role;
use crate::websocket::handshake::{self, Handshake, HandshakeError};
use crate::websocket::reader::{Event, Reader};

#[derive(Debug)]
pub(super) struct WebSocketLayer {
    state: State,
    pub(super) out: FramesOut,
}

#[derive(Debug)]
enum State {
    /// The request has not come.
    Opening(Head, Arc<WebSocketConfig>),
    Open(Box<Reader>),
    /// The request was refused.
    Refused,
}

/// What one step through the frames found.
enum Found {
    Payload(usize),
    Closed,
    Other,
}

impl WebSocketLayer {
    pub(super) fn new(config: Arc<WebSocketConfig>) -> Self {
        Self {
            state: State::Opening(Head::default(), config),
            out: FramesOut::default(),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        match &self.state {
            State::Opening(head, _) => head.held_bytes(),
            State::Open(_) | State::Refused => 0,
        }
    }

    /// Takes the next bytes, and leaves what the frames carry together in them, where it
    /// says. What came before an end is part of it.
    pub(super) fn take_in(&mut self, bytes: &mut [u8], end: &mut Option<LayerEnd>) -> Range<usize> {
        match self.open(bytes) {
            Ok(used) => {
                let payload = self.unframe(&mut bytes[used..], end);
                used + payload.start..used + payload.end
            }
            Err(error) => {
                end.get_or_insert(error.into());
                0..0
            }
        }
    }

    /// Nothing more is said but the close frame, behind all that waits.
    pub(super) fn close(&mut self) {
        if matches!(self.state, State::Open(_)) {
            self.out.close();
        }
    }

    /// Says how many bytes belong to the request.
    fn open(&mut self, bytes: &[u8]) -> Result<usize, HandshakeError> {
        let State::Opening(head, config) = &mut self.state else {
            return Ok(0);
        };
        let found = head.take(bytes, |all| match handshake::accept(all, &config.path) {
            Handshake::NeedMore => Ok(None),
            Handshake::Accepted {
                consumed, response, ..
            } => Ok(Some((response, consumed))),
            Handshake::Refused { response, error } => Err((response, error)),
        });
        match found {
            Ok(None) => Ok(bytes.len()),
            Ok(Some((response, used))) => {
                self.out.respond(response);
                let reader = Reader::new(Role::Server, config.max_message_bytes);
                self.state = State::Open(Box::new(reader));
                Ok(used)
            }
            Err((response, error)) => {
                self.out.respond(response);
                self.state = State::Refused;
                Err(error)
            }
        }
    }

    /// Moves the payload of all frames together, behind that of the first.
    fn unframe(&mut self, bytes: &mut [u8], end: &mut Option<LayerEnd>) -> Range<usize> {
        let State::Open(reader) = &mut self.state else {
            return 0..0;
        };
        let mut at = 0;
        let mut payload = 0..0;
        while at < bytes.len() {
            let (consumed, found) = match reader.read(&mut bytes[at..]) {
                Ok((consumed, event)) => (consumed, on_event(event, &mut self.out)),
                Err(error) => {
                    self.out.choose_close(Some(error.close_code()));
                    end.get_or_insert(error.into());
                    return payload;
                }
            };
            at += consumed;
            match found {
                Found::Payload(length) if payload.is_empty() => payload = at - length..at,
                Found::Payload(length) => {
                    bytes.copy_within(at - length..at, payload.end);
                    payload.end += length;
                }
                Found::Closed => {
                    end.get_or_insert(LayerEnd::Closed);
                    return payload;
                }
                Found::Other => {}
            }
        }
        payload
    }
}

fn on_event(event: Event<'_>, out: &mut FramesOut) -> Found {
    match event {
        Event::Data(payload) => return Found::Payload(payload.len()),
        Event::Ping(payload) => out.answer_ping(payload),
        Event::Pong | Event::NeedMore => {}
        Event::Close(code) => {
            out.choose_close(code);
            return Found::Closed;
        }
    }
    Found::Other
}
