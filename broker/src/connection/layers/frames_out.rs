//! The frames of a server: one around all that waits when a write begins, and control
//! frames between them.

use std::io::{self, Write};

use crate::connection::output::{Output, Written};
use crate::websocket::close_code::CloseCode;
use crate::websocket::frame::{HeaderBytes, Opcode};
use crate::websocket::writer::{server_header, write_close, write_pong};

#[derive(Debug, Default)]
pub(super) struct FramesOut {
    lead: Lead,
    lead_sent: usize,
    /// How much of the output belongs to the frame whose header is on its way or sent.
    frame_left: usize,
    /// The payload of the last ping without an answer. A client that sends more of them
    /// than it reads answers gets one answer (RFC 6455, 5.5.3).
    ping: Option<Box<[u8]>>,
    close: Close,
}

/// What goes before the payload.
#[derive(Debug, Default)]
enum Lead {
    #[default]
    Nothing,
    Header(HeaderBytes),
    /// A control frame, or the response to the request.
    Whole(Vec<u8>),
}

#[derive(Debug, Default)]
enum Close {
    #[default]
    NotYet,
    /// The reason is there, but packets of the client may still be answered.
    Chosen(Option<CloseCode>),
    /// When all else is sent.
    Wanted(Option<CloseCode>),
    Begun,
}

impl FramesOut {
    /// Answers the request; nothing is sent before it.
    pub(super) fn respond(&mut self, response: Vec<u8>) {
        self.lead = Lead::Whole(response);
        self.lead_sent = 0;
    }

    pub(super) fn answer_ping(&mut self, payload: &[u8]) {
        self.ping = Some(payload.into());
    }

    /// What the close frame will say. The first reason holds.
    pub(super) fn choose_close(&mut self, code: Option<CloseCode>) {
        if matches!(self.close, Close::NotYet) {
            self.close = Close::Chosen(code);
        }
    }

    /// Nothing more is said but the close frame, behind all that waits.
    pub(super) fn close(&mut self) {
        match self.close {
            Close::NotYet => self.close = Close::Wanted(Some(CloseCode::NORMAL)),
            Close::Chosen(code) => self.close = Close::Wanted(code),
            Close::Wanted(_) | Close::Begun => {}
        }
    }

    /// Whether something waits that is no output.
    pub(super) fn has_own(&self) -> bool {
        !self.lead().is_empty() || self.ping.is_some() || matches!(self.close, Close::Wanted(_))
    }

    pub(super) fn write(
        &mut self,
        output: &mut Output,
        to: &mut impl Write,
    ) -> io::Result<Written> {
        while self.begin(output.pending()) {
            let lead = &self.lead()[self.lead_sent..];
            match output.write_part(lead, self.frame_left, to) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => self.advance(sent, output),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    output.forget_sent();
                    return Ok(Written::Some);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        output.clear();
        Ok(Written::All)
    }

    /// Goes on to the next frame if the one before is sent. Says whether there is any.
    fn begin(&mut self, pending: usize) -> bool {
        if !self.lead().is_empty() || self.frame_left > 0 {
            return true;
        }
        if let Some(payload) = self.ping.take() {
            let mut pong = Vec::new();
            write_pong(&payload, &mut pong);
            self.lead = Lead::Whole(pong);
            return true;
        }
        if pending > 0 {
            self.lead = Lead::Header(server_header(Opcode::Binary, pending));
            self.frame_left = pending;
            return true;
        }
        if let Close::Wanted(code) = self.close {
            let mut frame = Vec::new();
            write_close(code, "", &mut frame);
            self.lead = Lead::Whole(frame);
            self.close = Close::Begun;
            return true;
        }
        false
    }

    fn advance(&mut self, sent: usize, output: &mut Output) {
        let of_lead = sent.min(self.lead().len() - self.lead_sent);
        self.lead_sent += of_lead;
        if self.lead_sent == self.lead().len() {
            self.lead = Lead::Nothing;
            self.lead_sent = 0;
        }
        let of_output = sent - of_lead;
        self.frame_left -= of_output;
        output.advance(of_output);
    }

    fn lead(&self) -> &[u8] {
        match &self.lead {
            Lead::Nothing => &[],
            Lead::Header(header) => header.as_slice(),
            Lead::Whole(bytes) => bytes,
        }
    }
}

#[cfg(test)]
#[path = "frames_out_tests.rs"]
mod tests;
