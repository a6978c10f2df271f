//! Both ends of this module against each other.

use super::close_code::CloseCode;
use super::frame::{Opcode, Role};
use super::handshake::{self, Handshake};
use super::mask::Mask;
use super::reader::{Event, Reader};
use super::{client, writer};

const NONCE: [u8; 16] = [7; 16];
const KEY: [u8; 4] = [1, 2, 3, 4];

#[test]
fn a_client_and_a_server_understand_each_other() {
    let mut to_server = client::request("broker", "/m qtt", NONCE).unwrap();
    put_masked(&mut to_server, Opcode::Binary, b"CONNECT");
    put_masked(&mut to_server, Opcode::Ping, b"?");
    put_masked(&mut to_server, Opcode::Close, &close_normally());

    let Handshake::Accepted {
        consumed, response, ..
    } = handshake::accept(&to_server, "/m qtt")
    else {
        panic!("refused");
    };
    let mut to_client = response;
    let data = serve(&mut to_server[consumed..], &mut to_client);
    assert_eq!(data, b"CONNECT");

    let consumed = client::check_response(&to_client, NONCE).unwrap().unwrap();
    let mut reader = Reader::new(Role::Client, 100);
    let frames = &mut to_client[consumed..];
    let (pong, event) = reader.read(frames).unwrap();
    assert_eq!(event, Event::Pong);
    let (close, event) = reader.read(&mut frames[pong..]).unwrap();
    assert_eq!(event, Event::Close(Some(CloseCode::NORMAL)));
    assert_eq!(pong + close, frames.len());
}

fn close_normally() -> Vec<u8> {
    writer::close_payload(Some(CloseCode::NORMAL), "done")
}

fn put_masked(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.extend_from_slice(writer::client_header(opcode, payload.len(), KEY).as_slice());
    let from = out.len();
    out.extend_from_slice(payload);
    Mask::new(KEY).apply(&mut out[from..]);
}

/// What a driver does: answers what asks for an answer, and passes data on.
fn serve(mut input: &mut [u8], out: &mut Vec<u8>) -> Vec<u8> {
    let mut reader = Reader::new(Role::Server, 100);
    let mut data = Vec::new();
    loop {
        let (consumed, event) = reader.read(input).unwrap();
        match event {
            Event::Data(bytes) => data.extend_from_slice(bytes),
            Event::Ping(payload) => writer::write_pong(payload, out),
            Event::Pong => {}
            Event::Close(code) => writer::write_close(code, "", out),
            Event::NeedMore => return data,
        }
        input = &mut input[consumed..];
    }
}
