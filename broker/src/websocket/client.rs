//! The client's part of the opening (RFC 6455, 4.1).

use data_encoding::BASE64;
use thiserror::Error;

use super::accept_key::accept_key;
use super::http_head::{Head, HeadError};
use super::request_target;
use super::subprotocol::Subprotocol;

/// Why there is no connection after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClientError {
    #[error("the host has characters that can't stand in a request")]
    Host,
    #[error("the path does not begin with `/`")]
    Path,
    #[error(transparent)]
    Head(#[from] HeadError),
    #[error("the response does not begin with a line like `HTTP/1.1 101`")]
    StatusLine,
    #[error("the server refused to upgrade, with the status {0}")]
    Refused(u16),
    #[error("the response does not say `Upgrade: websocket` and `Connection: upgrade`")]
    NoUpgrade,
    #[error("Sec-WebSocket-Accept does not answer the key of this request")]
    Accept,
    #[error("the server uses an extension that was not offered")]
    Extension,
    #[error("the server did not choose the subprotocol `mqtt`")]
    Subprotocol,
}

/// The request for MQTT at a path, which is not encoded yet. The key is random,
/// and another one for each connection.
pub fn request(host: &str, path: &str, key: [u8; 16]) -> Result<Vec<u8>, ClientError> {
    if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ClientError::Host);
    }
    if !path.starts_with('/') {
        return Err(ClientError::Path);
    }
    let target = request_target::encode(path);
    let key = BASE64.encode(&key);
    let protocol = Subprotocol::Mqtt;
    let request = format!(
        "GET {target} HTTP/1.1\r\n\
         Host: {host}\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Protocol: {protocol}\r\n\r\n"
    );
    Ok(request.into_bytes())
}

/// Judges the response from all bytes that the server has sent so far: `None` until
/// it is all there, then its length. What follows are frames.
pub fn check_response(input: &[u8], key: [u8; 16]) -> Result<Option<usize>, ClientError> {
    let Some(head) = Head::parse(input)? else {
        return Ok(None);
    };
    match status(head.start_line).ok_or(ClientError::StatusLine)? {
        101 => {}
        other => return Err(ClientError::Refused(other)),
    }
    if !head.lists("Upgrade", "websocket") || !head.lists("Connection", "upgrade") {
        return Err(ClientError::NoUpgrade);
    }
    let expected = accept_key(BASE64.encode(&key).as_bytes());
    if head.required("Sec-WebSocket-Accept")? != expected.as_bytes() {
        return Err(ClientError::Accept);
    }
    if head.values("Sec-WebSocket-Extensions").next().is_some() {
        return Err(ClientError::Extension);
    }
    let protocol = head.optional("Sec-WebSocket-Protocol")?;
    if protocol != Some(Subprotocol::Mqtt.as_str().as_bytes()) {
        return Err(ClientError::Subprotocol);
    }
    Ok(Some(head.bytes))
}

/// Of `HTTP/1.1 101 Whatever`.
fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.1 ")?;
    let (number, phrase) = rest.split_at_checked(3)?;
    let ends = phrase.is_empty() || phrase.starts_with(b" ");
    if !ends || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(number).ok()?.parse().ok()
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
