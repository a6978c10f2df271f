//! From packets to frames. Each goes out as a whole message: whoever writes knows
//! how much it has, so nothing is gained by fragments.

use super::close_code::CloseCode;
use super::frame::{Header, HeaderBytes, MAX_CONTROL_BYTES, Opcode};

/// What a server writes before a payload of this length.
pub fn server_header(opcode: Opcode, payload_bytes: usize) -> HeaderBytes {
    header(opcode, payload_bytes, None)
}

/// What a client writes before a payload that it masks with `key`
/// ([`super::mask::Mask`]).
pub fn client_header(opcode: Opcode, payload_bytes: usize, key: [u8; 4]) -> HeaderBytes {
    header(opcode, payload_bytes, Some(key))
}

/// A server's answer to a ping.
pub fn write_pong(ping: &[u8], out: &mut Vec<u8>) {
    assert!(
        ping.len() <= MAX_CONTROL_BYTES,
        "a pong of {} bytes",
        ping.len()
    );
    out.extend_from_slice(server_header(Opcode::Pong, ping.len()).as_slice());
    out.extend_from_slice(ping);
}

/// A server's last frame. A reason that is too long is cut, between characters.
pub fn write_close(code: Option<CloseCode>, reason: &str, out: &mut Vec<u8>) {
    let payload = close_payload(code, reason);
    out.extend_from_slice(server_header(Opcode::Close, payload.len()).as_slice());
    out.extend_from_slice(&payload);
}

/// Without a code there is no place for a reason.
pub fn close_payload(code: Option<CloseCode>, reason: &str) -> Vec<u8> {
    let Some(code) = code else {
        return Vec::new();
    };
    let number = code.number().to_be_bytes();
    let reason = cut(reason, MAX_CONTROL_BYTES - number.len());
    [number.as_slice(), reason.as_bytes()].concat()
}

fn cut(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes)
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

fn header(opcode: Opcode, payload_bytes: usize, key: Option<[u8; 4]>) -> HeaderBytes {
    Header {
        fin: true,
        opcode,
        payload_bytes: payload_bytes as u64,
        key,
    }
    .encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_as_short_as_they_can_be() {
        let table: [(usize, &[u8]); 6] = [
            (0, &[0x82, 0]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (65_535, &[0x82, 126, 0xff, 0xff]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (0x1_0203_0405, &[0x82, 127, 0, 0, 0, 1, 2, 3, 4, 5]),
        ];
        for (length, expected) in table {
            assert_eq!(server_header(Opcode::Binary, length).as_slice(), expected);
        }
    }

    #[test]
    fn a_client_says_its_key() {
        let header = client_header(Opcode::Ping, 3, [1, 2, 3, 4]);
        assert_eq!(header.as_slice(), [0x89, 0x83, 1, 2, 3, 4]);
        let header = client_header(Opcode::Binary, 300, [1, 2, 3, 4]);
        assert_eq!(header.as_slice(), [0x82, 0xfe, 1, 44, 1, 2, 3, 4]);
        let longest = client_header(Opcode::Binary, usize::MAX >> 1, [1, 2, 3, 4]);
        assert_eq!(longest.as_slice().len(), 14);
    }

    #[test]
    fn control_frames_carry_their_payload() {
        let mut out = Vec::new();
        write_pong(b"abc", &mut out);
        write_close(Some(CloseCode::GOING_AWAY), "bye", &mut out);
        write_close(None, "not said", &mut out);
        let expected = [
            b"\x8a\x03abc".as_slice(),
            b"\x88\x05\x03\xe9bye",
            b"\x88\x00",
        ]
        .concat();
        assert_eq!(out, expected);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        // 123 bytes are left for it, and the last character would need two of 122.
        let reason = format!("{}{}", "x".repeat(122), "é".repeat(10));
        let payload = close_payload(Some(CloseCode::NORMAL), &reason);
        assert_eq!(payload.len(), 124);
        assert!(std::str::from_utf8(&payload[2..]).is_ok());
        let exact = close_payload(Some(CloseCode::NORMAL), &"x".repeat(123));
        assert_eq!(exact.len(), 125);
    }
}
