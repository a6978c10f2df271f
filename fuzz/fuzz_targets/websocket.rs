//! Whatever stands before MQTT on a connection (a PROXY header, an upgrade, frames) is
//! read or refused, and the same however the bytes arrive.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use quorate_broker::proxy_protocol;
use quorate_broker::websocket::client;
use quorate_broker::websocket::frame::{FrameError, Role};
use quorate_broker::websocket::handshake::{self, Handshake};
use quorate_broker::websocket::reader::{Event, Reader};

const PATH: &str = "/mqtt";
const MAX_MESSAGE_BYTES: u64 = 512;
/// What a fuzzer takes long to guess.
const REQUEST: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
    Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const NONCE: [u8; 16] = *b"the sample nonce";
const PROXY_TEXT: &[u8] = b"PROXY TCP4 ";
const PROXY_BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21";

#[derive(Arbitrary, Debug)]
struct Arrivals {
    cuts: Vec<u8>,
    bytes: Vec<u8>,
}

/// What frames said, with data as one piece where nothing else is between.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Data(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
    Failed(FrameError),
}

fuzz_target!(|arrivals: Arrivals| {
    let Arrivals { cuts, bytes } = arrivals;
    for input in [bytes.clone(), [REQUEST, bytes.as_slice()].concat()] {
        check_upgrade(&input, &cuts);
    }
    for input in [bytes.clone(), [RESPONSE, bytes.as_slice()].concat()] {
        if let Ok(Some(consumed)) = client::check_response(&input, NONCE) {
            assert!(consumed <= input.len());
        }
    }
    for start in [b"".as_slice(), PROXY_TEXT, PROXY_BINARY] {
        check_proxy_header(&[start, &bytes].concat(), &cuts);
    }
    for role in [Role::Server, Role::Client] {
        assert_eq!(frames(role, &bytes, &cuts), frames(role, &bytes, &[]));
    }
});

fn check_upgrade(input: &[u8], cuts: &[u8]) {
    let whole = handshake::accept(input, PATH);
    if let Handshake::Accepted { consumed, .. } = whole {
        assert!(consumed <= input.len());
    }
    for end in ends(input.len(), cuts) {
        let part = handshake::accept(&input[..end], PATH);
        assert!(part == Handshake::NeedMore || part == whole);
    }
}

fn check_proxy_header(input: &[u8], cuts: &[u8]) {
    let whole = proxy_protocol::read(input);
    if let Ok(Some(header)) = &whole {
        assert!(header.consumed <= input.len());
    }
    for end in ends(input.len(), cuts) {
        let part = proxy_protocol::read(&input[..end]);
        assert!(part == Ok(None) || part == whole);
    }
}

fn ends(length: usize, cuts: &[u8]) -> impl Iterator<Item = usize> {
    cuts.iter().scan(0, move |end, cut| {
        *end = length.min(*end + usize::from(*cut));
        Some(*end)
    })
}

fn frames(role: Role, bytes: &[u8], cuts: &[u8]) -> Vec<Seen> {
    let mut bytes = bytes.to_vec();
    let mut reader = Reader::new(role, MAX_MESSAGE_BYTES);
    let mut seen = Vec::new();
    let mut begin = 0;
    let length = bytes.len();
    for end in ends(length, cuts).chain([length]) {
        if let Err(error) = read_arrival(&mut reader, &mut bytes[begin..end], &mut seen) {
            seen.push(Seen::Failed(error));
            break;
        }
        begin = end;
    }
    seen
}

fn read_arrival(
    reader: &mut Reader,
    mut input: &mut [u8],
    seen: &mut Vec<Seen>,
) -> Result<(), FrameError> {
    loop {
        let (consumed, event) = reader.read(input)?;
        match event {
            Event::Data(data) => match seen.last_mut() {
                Some(Seen::Data(before)) => before.extend_from_slice(data),
                _ => seen.push(Seen::Data(data.to_vec())),
            },
            Event::Ping(payload) => seen.push(Seen::Ping(payload.to_vec())),
            Event::Pong => seen.push(Seen::Pong),
            Event::Close(code) => seen.push(Seen::Close(code.map(|code| code.number()))),
            Event::NeedMore => {
                assert_eq!(consumed, input.len());
                return Ok(());
            }
        }
        input = &mut input[consumed..];
    }
}
