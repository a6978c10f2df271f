//! HTTP by hand, for what the client would never send.

#![allow(clippy::unwrap_used, clippy::expect_used)]
// Each test file uses a part of it.
#![allow(dead_code)]

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::common::Served;

/// Longer than any timeout of the server.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) async fn get(served: &Served, path: &str) -> Answer {
    send(
        served,
        &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n"),
    )
    .await
}

/// `head` without its last empty line; the connection closes after the answer.
pub(crate) async fn send(served: &Served, head: &str) -> Answer {
    let text = raw(
        served,
        format!("{head}Connection: close\r\n\r\n").as_bytes(),
    )
    .await;
    parse(&text)
}

pub(crate) fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    Answer {
        status: status.parse().unwrap_or(0),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// Whatever comes back until the server closes.
pub(crate) async fn raw(served: &Served, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    // It may be closed while we still send.
    let _ = stream.write_all(bytes).await;
    read_to_end(&mut stream).await
}

pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let ended = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    let _ = ended.expect("the server closes in time");
    String::from_utf8_lossy(&answer).into_owned()
}
