//! The server's part of the opening (RFC 6455, 4.2).
//!
//! ```text
//! bytes so far ──> Head ──> GET, path, no body ──> upgrade, version, key ──> subprotocol
//!                   | need more      | any of them is wrong                     |
//!                   v                v                                          v
//!                NeedMore         Refused: 4xx, close                    Accepted: 101
//! ```

use data_encoding::BASE64;
use thiserror::Error;

use super::accept_key::accept_key;
use super::http_head::{Head, HeadError, is_token};
use super::request_target::target_is;
use super::subprotocol::Subprotocol;

const KEY_BYTES: usize = 16;
const VERSION: &str = "13";

/// What became of the bytes so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handshake {
    /// The request is not all there. The caller bounds the time, this module the size.
    NeedMore,
    /// What follows the first `consumed` bytes are frames.
    Accepted {
        consumed: usize,
        response: Vec<u8>,
        protocol: Subprotocol,
    },
    /// To be answered, and closed then.
    Refused {
        response: Vec<u8>,
        error: HandshakeError,
    },
}

/// Why a request is not upgraded. The messages go to the client too, and repeat
/// nothing that it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeError {
    #[error(transparent)]
    Head(#[from] HeadError),
    #[error("the request does not begin with a line like `GET /path HTTP/1.1`")]
    RequestLine,
    #[error("WebSocket needs HTTP/1.1, and the request has another version")]
    HttpVersion,
    #[error("WebSocket begins with GET, and the request has another method")]
    Method,
    #[error("the target of the request is no valid path")]
    Target,
    #[error("there is no MQTT at this path; the listener's configuration names the right one")]
    Path,
    #[error("a request for WebSocket must not have a body")]
    Body,
    #[error(
        "this is no web server: only WebSocket is spoken here, and the request does not have `Upgrade: websocket`"
    )]
    NoUpgrade,
    #[error("the request does not have `Connection: upgrade`; a proxy may have removed it")]
    NoConnectionUpgrade,
    #[error("only version {VERSION} of WebSocket is spoken here")]
    WebSocketVersion,
    #[error("Sec-WebSocket-Key is not {KEY_BYTES} bytes in base64")]
    Key,
    #[error(
        "only the subprotocol `mqtt` is spoken here, and Sec-WebSocket-Protocol does not offer it"
    )]
    Subprotocol,
}

/// Judges a request from all bytes that the client has sent so far. `path` is the
/// one that this listener serves, not encoded.
pub fn accept(input: &[u8], path: &str) -> Handshake {
    match Head::parse(input) {
        Ok(None) => Handshake::NeedMore,
        Ok(Some(head)) => match check(head, path) {
            Ok((key, protocol)) => Handshake::Accepted {
                consumed: head.bytes,
                response: accepting(key, protocol),
                protocol,
            },
            Err(error) => refused(error),
        },
        Err(error) => refused(error.into()),
    }
}

impl HandshakeError {
    /// The number and the phrase of the response.
    fn status(self) -> &'static str {
        match self {
            Self::Path => "404 Not Found",
            Self::Method => "405 Method Not Allowed",
            Self::NoUpgrade | Self::WebSocketVersion => "426 Upgrade Required",
            Self::Head(_)
            | Self::RequestLine
            | Self::HttpVersion
            | Self::Target
            | Self::Body
            | Self::NoConnectionUpgrade
            | Self::Key
            | Self::Subprotocol => "400 Bad Request",
        }
    }

    /// What the status asks for beyond the fields of each refusal.
    fn fields(self) -> &'static str {
        match self {
            Self::Method => "Allow: GET\r\nConnection: close\r\n",
            Self::NoUpgrade | Self::WebSocketVersion => {
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: close, upgrade\r\n"
            }
            _ => "Connection: close\r\n",
        }
    }
}

/// The client's key, and the subprotocol of those that it offers.
fn check<'a>(head: Head<'a>, path: &str) -> Result<(&'a [u8], Subprotocol), HandshakeError> {
    check_request_line(head.start_line, path)?;
    head.required("Host")?;
    check_no_body(head)?;
    if !head.lists("Upgrade", "websocket") {
        return Err(HandshakeError::NoUpgrade);
    }
    if !head.lists("Connection", "upgrade") {
        return Err(HandshakeError::NoConnectionUpgrade);
    }
    let version = head.optional("Sec-WebSocket-Version")?;
    if version != Some(VERSION.as_bytes()) {
        return Err(HandshakeError::WebSocketVersion);
    }
    let key = head.required("Sec-WebSocket-Key")?;
    match BASE64.decode(key) {
        Ok(bytes) if bytes.len() == KEY_BYTES => {}
        _ => return Err(HandshakeError::Key),
    }
    let protocol = choose_protocol(head).ok_or(HandshakeError::Subprotocol)?;
    Ok((key, protocol))
}

fn check_request_line(line: &[u8], path: &str) -> Result<(), HandshakeError> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(HandshakeError::RequestLine);
    };
    if !is_token(method) || !version.starts_with(b"HTTP/") {
        return Err(HandshakeError::RequestLine);
    }
    if version != b"HTTP/1.1" {
        return Err(HandshakeError::HttpVersion);
    }
    if method != b"GET" {
        return Err(HandshakeError::Method);
    }
    match target_is(target, path) {
        None => Err(HandshakeError::Target),
        Some(false) => Err(HandshakeError::Path),
        Some(true) => Ok(()),
    }
}

/// A body would be read as frames, and what two readers take differently can
/// carry a request past a proxy.
fn check_no_body(head: Head<'_>) -> Result<(), HandshakeError> {
    let length = head.optional("Content-Length")?;
    let chunked = head.values("Transfer-Encoding").next();
    if chunked.is_some() || length.is_some_and(|length| length != b"0") {
        return Err(HandshakeError::Body);
    }
    Ok(())
}

fn choose_protocol(head: Head<'_>) -> Option<Subprotocol> {
    Subprotocol::ALL.into_iter().find(|protocol| {
        head.elements("Sec-WebSocket-Protocol")
            .any(|offered| offered == protocol.as_str().as_bytes())
    })
}

fn accepting(key: &[u8], protocol: Subprotocol) -> Vec<u8> {
    let accept = accept_key(key);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\
         Sec-WebSocket-Protocol: {protocol}\r\n\r\n"
    )
    .into_bytes()
}

fn refused(error: HandshakeError) -> Handshake {
    let body = format!("{error}\n");
    let response = format!(
        "HTTP/1.1 {}\r\n{}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        error.status(),
        error.fields(),
        body.len(),
    )
    .into_bytes();
    Handshake::Refused { response, error }
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
