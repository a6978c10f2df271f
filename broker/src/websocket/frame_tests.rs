use proptest::prelude::*;

use super::*;

const KEY: [u8; 4] = [1, 2, 3, 4];

fn header(fin: bool, opcode: Opcode, payload_bytes: u64, key: Option<[u8; 4]>) -> Header {
    Header {
        fin,
        opcode,
        payload_bytes,
        key,
    }
}

#[test]
fn reads_what_clients_may_send() {
    use Opcode::*;
    let table: [(&[u8], Header); 8] = [
        (
            b"\x82\x80\x01\x02\x03\x04",
            header(true, Binary, 0, Some(KEY)),
        ),
        (
            b"\x02\xfd\x01\x02\x03\x04",
            header(false, Binary, 125, Some(KEY)),
        ),
        (
            b"\x80\xfe\x00\x7e\x01\x02\x03\x04",
            header(true, Continuation, 126, Some(KEY)),
        ),
        (
            b"\x00\xfe\xff\xff\x01\x02\x03\x04",
            header(false, Continuation, 65_535, Some(KEY)),
        ),
        (
            b"\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00\x01\x02\x03\x04",
            header(true, Binary, 65_536, Some(KEY)),
        ),
        (
            b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04",
            header(true, Binary, i64::MAX as u64, Some(KEY)),
        ),
        (
            b"\x89\xfd\x01\x02\x03\x04",
            header(true, Ping, 125, Some(KEY)),
        ),
        (
            b"\x88\x82\x01\x02\x03\x04",
            header(true, Close, 2, Some(KEY)),
        ),
    ];
    for (bytes, expected) in table {
        let followed = [bytes, b"payload"].concat();
        assert_eq!(
            Header::decode(Role::Server, &followed),
            Ok(Some((expected, bytes.len())))
        );
        for end in 0..bytes.len() {
            assert_eq!(Header::decode(Role::Server, &bytes[..end]), Ok(None));
        }
    }
}

#[test]
fn reads_what_servers_may_send() {
    let table: [(&[u8], Header); 3] = [
        (b"\x82\x00", header(true, Opcode::Binary, 0, None)),
        (b"\x8a\x7d", header(true, Opcode::Pong, 125, None)),
        (
            b"\x02\x7e\x00\x7e",
            header(false, Opcode::Binary, 126, None),
        ),
    ];
    for (bytes, expected) in table {
        assert_eq!(
            Header::decode(Role::Client, bytes),
            Ok(Some((expected, bytes.len())))
        );
    }
}

/// Each as short as it can be told: what follows can't make it right.
#[test]
fn says_what_is_wrong() {
    use FrameError as E;
    let table: [(Role, &[u8], FrameError); 19] = [
        (Role::Server, b"\x82\x00", E::Unmasked),
        (Role::Server, b"\x89\x7d", E::Unmasked),
        (Role::Client, b"\x82\x80", E::Masked),
        (Role::Server, b"\xc2\x80", E::ReservedBits),
        (Role::Server, b"\xa2\x80", E::ReservedBits),
        (Role::Server, b"\x92\x80", E::ReservedBits),
        (Role::Server, b"\x81\x80", E::Text),
        (Role::Server, b"\x01\x80", E::Text),
        (Role::Server, b"\x83\x80", E::ReservedOpcode(3)),
        (Role::Server, b"\x87\x80", E::ReservedOpcode(7)),
        (Role::Server, b"\x8b\x80", E::ReservedOpcode(11)),
        (Role::Client, b"\x8f\x00", E::ReservedOpcode(15)),
        (Role::Server, b"\x89\xfe", E::ControlTooLong),
        (Role::Server, b"\x88\xff", E::ControlTooLong),
        (Role::Server, b"\x09\x80", E::ControlFragmented),
        (Role::Server, b"\x82\xfe\x00\x7d", E::LengthNotMinimal),
        (
            Role::Server,
            b"\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff",
            E::LengthNotMinimal,
        ),
        (
            Role::Server,
            b"\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00",
            E::LengthTooLarge,
        ),
        (
            Role::Client,
            b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
            E::LengthTooLarge,
        ),
    ];
    for (role, bytes, error) in table {
        assert_eq!(Header::decode(role, bytes), Err(error), "{bytes:02x?}");
        for end in 0..bytes.len() {
            assert_eq!(Header::decode(role, &bytes[..end]), Ok(None));
        }
    }
}

#[test]
fn tells_the_other_end_why() {
    let limit = FrameError::MessageTooBig { bytes: 2, limit: 1 };
    let table = [
        (FrameError::Text, 1003),
        (limit, 1009),
        (FrameError::CloseReason, 1007),
        (FrameError::Unmasked, 1002),
        (FrameError::CloseCode(1005), 1002),
    ];
    for (error, number) in table {
        assert_eq!(error.close_code().number(), number);
    }
}

fn any_opcode() -> impl Strategy<Value = Opcode> {
    prop_oneof![
        Just(Opcode::Continuation),
        Just(Opcode::Binary),
        Just(Opcode::Close),
        Just(Opcode::Ping),
        Just(Opcode::Pong),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        opcode in any_opcode(),
        fin: bool,
        bits in 0_u32..64,
        length: u64,
        key: Option<[u8; 4]>,
    ) {
        let payload_bytes = length.checked_shr(64 - bits).unwrap_or(0);
        let header = if opcode.is_control() {
            header(true, opcode, payload_bytes % 126, key)
        } else {
            header(fin, opcode, payload_bytes, key)
        };
        let role = if key.is_some() { Role::Server } else { Role::Client };
        let bytes = header.encode();
        let length = bytes.as_slice().len();
        prop_assert_eq!(Header::decode(role, bytes.as_slice()), Ok(Some((header, length))));
    }

    #[test]
    fn what_is_read_is_written_the_same(
        bytes in proptest::collection::vec(any::<u8>(), 0..20),
        server: bool,
    ) {
        let role = if server { Role::Server } else { Role::Client };
        if let Ok(Some((header, length))) = Header::decode(role, &bytes) {
            let again = header.encode();
            prop_assert_eq!(again.as_slice(), &bytes[..length]);
        }
    }
}
