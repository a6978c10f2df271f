use proptest::prelude::*;

use super::binary::{MAX_BODY_BYTES, SIGNATURE};
use super::crc32c::crc32c;
use super::*;

const TCP4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0xc3, 0xcb, 0x07, 0x5b];

/// A binary header, with an announced length that is right.
fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, body].concat()
}

fn field(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind], length.as_slice(), value].concat()
}

/// From a TCP client over IPv4, with extra fields.
fn with_fields(fields: &[&[u8]]) -> Vec<u8> {
    binary(0x21, 0x11, &[TCP4.as_slice(), &fields.concat()].concat())
}

fn tls(client: u8, verification: u32, fields: &[&[u8]]) -> Vec<u8> {
    let value = [
        &[client],
        verification.to_be_bytes().as_slice(),
        &fields.concat(),
    ]
    .concat();
    field(0x20, &value)
}

/// Puts the checksum into its field, of which the value begins at `at`.
fn seal(header: &mut [u8], at: usize) {
    let sum = crc32c(&*header).to_be_bytes();
    header[at..at + 4].copy_from_slice(&sum);
}

fn addresses(source: &str, destination: &str) -> (Option<SocketAddr>, Option<SocketAddr>) {
    let parse = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
    (parse(source), parse(destination))
}

/// Reads it, with bytes of the client behind it and at every earlier moment.
fn header(input: &[u8]) -> ProxyHeader {
    for end in 0..input.len() {
        assert_eq!(read(&input[..end]), Ok(None), "{end} of {input:02x?}");
    }
    let followed = [input, b"\x10\x0c\r\n"].concat();
    let header = read(&followed).unwrap().unwrap();
    assert_eq!(header.consumed, input.len());
    header
}

#[test]
fn reads_lines() {
    let longest = format!("PROXY UNKNOWN {}\r\n", "f".repeat(91));
    assert_eq!(longest.len(), 107);
    let v6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let longest_v6 = format!("PROXY TCP6 {v6} {v6} 65535 65535\r\n");
    let v6_port = format!("[{v6}]:65535");
    let table = [
        (
            "PROXY TCP4 192.0.2.1 198.51.100.2 50123 1883\r\n",
            "192.0.2.1:50123",
            "198.51.100.2:1883",
        ),
        (
            "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
            "0.0.0.0:0",
            "255.255.255.255:65535",
        ),
        (
            "PROXY TCP6 2001:db8::1 ::1 1 2\r\n",
            "[2001:db8::1]:1",
            "[::1]:2",
        ),
        (longest_v6.as_str(), &v6_port, &v6_port),
        ("PROXY UNKNOWN\r\n", "", ""),
        ("PROXY UNKNOWN ::1 ::1 1 2\r\n", "", ""),
        (&longest, "", ""),
    ];
    for (line, source, destination) in table {
        let header = header(line.as_bytes());
        assert_eq!(
            (header.source, header.destination),
            addresses(source, destination),
            "{line}"
        );
        assert_eq!(header.tls, None);
    }
    assert!(read(b"PROXY UNKNOWN \xff\x00\r\n").unwrap().is_some());
}

#[test]
fn refuses_lines() {
    use ProxyError as E;
    let table = [
        ("PROXY TCP5 1.2.3.4 5.6.7.8 1 2", E::LineProtocol),
        ("PROXY tcp4 1.2.3.4 5.6.7.8 1 2", E::LineProtocol),
        ("PROXY UNKNOWNS", E::LineProtocol),
        ("PROXY ", E::LineProtocol),
        ("PROXY  TCP4 1.2.3.4 5.6.7.8 1 2", E::LineProtocol),
        ("PROXY TCP4", E::Line),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1", E::Line),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3", E::Line),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 ", E::Line),
        ("PROXY TCP4 1.2.3.4 5.6.7.8  2", E::LinePort),
        ("PROXY TCP4 1.2.3.4 ::1 1 2", E::LineAddress),
        ("PROXY TCP6 1.2.3.4 5.6.7.8 1 2", E::LineAddress),
        ("PROXY TCP4 1.2.3.04 5.6.7.8 1 2", E::LineAddress),
        ("PROXY TCP4 1.2.3 5.6.7.8 1 2", E::LineAddress),
        ("PROXY TCP6 ::1 fe80::1%eth0 1 2", E::LineAddress),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 65536 2", E::LinePort),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 +1 2", E::LinePort),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 02", E::LinePort),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", E::LinePort),
    ];
    for (line, error) in table {
        let input = format!("{line}\r\n");
        assert_eq!(read(input.as_bytes()), Err(error), "{line}");
    }
    assert_eq!(read(b"PROXY TCP4 \xff\r\n"), Err(E::Line));
    let endless = format!("PROXY TCP4 {}", "1".repeat(200));
    assert_eq!(read(&endless.as_bytes()[..106]), Ok(None));
    assert_eq!(read(&endless.as_bytes()[..107]), Err(E::LineTooLong));
    // 108 bytes with the line's end.
    let long = format!("PROXY UNKNOWN {}\r\n", "f".repeat(92));
    assert_eq!(read(long.as_bytes()), Err(E::LineTooLong));
}

#[test]
fn refuses_at_once_what_is_no_header() {
    let table: [&[u8]; 8] = [
        b"\x10\x0c\x00\x04MQTT",
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\n",
        b"PRI * HTTP/2",
        b"PROXY\r",
        b"proxy ",
        b"\r\n\r\n\r",
        b"\r\n\r\n\0\r\nQUIT\r",
    ];
    for input in table {
        assert_eq!(read(input), Err(ProxyError::Missing), "{input:02x?}");
    }
}

#[test]
fn reads_binary_addresses() {
    let v6 = [
        [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].as_slice(),
        &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        &[0xff, 0xff, 0x22, 0xb3],
    ]
    .concat();
    let (v4_from, v4_to) = ("192.0.2.1:50123", "198.51.100.2:1883");
    let (v6_from, v6_to) = ("[2001:db8::1]:65535", "[::1]:8883");
    let unix = [b'/'; 216];
    let table: [(u8, u8, &[u8], &str, &str); 14] = [
        (0x21, 0x11, &TCP4, v4_from, v4_to),
        (0x21, 0x12, &TCP4, v4_from, v4_to),
        (0x21, 0x21, &v6, v6_from, v6_to),
        (0x21, 0x22, &v6, v6_from, v6_to),
        (0x21, 0x31, &unix, "", ""),
        (0x21, 0x32, &unix, "", ""),
        (0x21, 0x00, b"", "", ""),
        (0x21, 0x00, b"whatever", "", ""),
        (0x21, 0x10, &TCP4, "", ""),
        (0x21, 0x01, &TCP4, "", ""),
        (0x20, 0x00, b"", "", ""),
        (0x20, 0x11, &TCP4, "", ""),
        // Of itself a balancer may say what it likes.
        (0x20, 0xff, b"whatever", "", ""),
        (0x20, 0x21, &[0x55; MAX_BODY_BYTES], "", ""),
    ];
    for (command, family, body, source, destination) in table {
        let header = header(&binary(command, family, body));
        assert_eq!(
            (header.source, header.destination),
            addresses(source, destination),
            "{command:#x} {family:#x}"
        );
        assert_eq!(header.tls, None);
    }
}

#[test]
fn refuses_binary_headers() {
    use ProxyError as E;
    let too_long = vec![0; MAX_BODY_BYTES + 1];
    let table: [(u8, u8, &[u8], ProxyError); 14] = [
        (0x10, 0x00, b"", E::Version(1)),
        (0x11, 0x11, &TCP4, E::Version(1)),
        (0x31, 0x11, &TCP4, E::Version(3)),
        (0x22, 0x11, &TCP4, E::Command(2)),
        (0x2f, 0x11, &TCP4, E::Command(15)),
        (0x21, 0x41, &TCP4, E::Family(4)),
        (0x21, 0xf0, &TCP4, E::Family(15)),
        (0x21, 0x13, &TCP4, E::Transport(3)),
        (0x21, 0x0f, &TCP4, E::Transport(15)),
        (0x21, 0x11, &TCP4[..11], E::AddressesCut),
        (0x21, 0x21, &[0; 35], E::AddressesCut),
        (0x21, 0x31, &[0; 215], E::AddressesCut),
        (0x21, 0x11, &too_long, E::TooLong(MAX_BODY_BYTES + 1)),
        (0x20, 0x00, &too_long, E::TooLong(MAX_BODY_BYTES + 1)),
    ];
    for (command, family, body, error) in table {
        let input = binary(command, family, body);
        assert_eq!(read(&input), Err(error));
    }
    // Nobody has to send as much as he announces.
    let announced = [SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat();
    assert_eq!(read(&announced), Err(E::TooLong(0xffff)));
}

#[test]
fn fields_of_unknown_kinds_are_skipped() {
    let noop = field(0x04, &[0; 300]);
    let alpn = field(0x01, b"mqtt");
    let custom = field(0xe0, b"");
    let header = header(&with_fields(&[&noop, &alpn, &custom, &alpn]));
    assert_eq!(header.source, addresses("192.0.2.1:50123", "").0);
    assert_eq!(header.tls, None);
}

#[test]
fn fields_end_where_the_header_ends() {
    for cut in [
        b"\x01".as_slice(),
        b"\x01\x00",
        b"\x01\x00\x01",
        b"\xe0\x00\x02x",
        b"\x01\x00\x01xx",
    ] {
        assert_eq!(read(&with_fields(&[cut])), Err(ProxyError::ExtraCut));
        let inside = tls(1, 0, &[cut]);
        assert_eq!(read(&with_fields(&[&inside])), Err(ProxyError::ExtraCut));
    }
}

#[test]
fn tells_what_the_balancer_saw_of_tls() {
    let name = field(0x22, "sensor-é".as_bytes());
    let version = field(0x21, b"TLSv1.3");
    let seen = |ssl, verified, name: Option<&str>| ProxyTls {
        ssl,
        verified_client_certificate: verified,
        common_name: name.map(str::to_owned),
    };
    let table = [
        (tls(1, 1, &[&version]), seen(true, false, None)),
        (tls(1, 0, &[]), seen(true, false, None)),
        (
            tls(3, 0, &[&version, &name]),
            seen(true, true, Some("sensor-é")),
        ),
        (tls(5, 0, &[&name]), seen(true, true, Some("sensor-é"))),
        (tls(7, 0, &[]), seen(true, true, None)),
        (tls(7, 0, &[&field(0x22, b"")]), seen(true, true, None)),
        // A name that nobody has verified is none.
        (tls(3, 1, &[&name]), seen(true, false, None)),
        (tls(3, 0x0100_0000, &[&name]), seen(true, false, None)),
        (tls(1, 0, &[&name]), seen(true, false, None)),
        (tls(0, 0, &[]), seen(false, false, None)),
        (tls(2, 0, &[&name]), seen(false, false, None)),
    ];
    for (field, expected) in table {
        assert_eq!(header(&with_fields(&[&field])).tls, Some(expected));
    }
    let unix = [[0; 216].as_slice(), &tls(3, 0, &[&name])].concat();
    let header = header(&binary(0x21, 0x31, &unix));
    assert_eq!(header.tls, Some(seen(true, true, Some("sensor-é"))));
}

#[test]
fn refuses_odd_tls_fields() {
    let name = field(0x22, b"a");
    let table = [
        (field(0x20, &[1, 0, 0, 0]), ProxyError::TlsCut),
        (field(0x20, b""), ProxyError::TlsCut),
        (tls(3, 0, &[&field(0x22, b"\xff")]), ProxyError::CommonName),
        (
            tls(3, 0, &[&field(0x22, b"admin\0.example")]),
            ProxyError::CommonName,
        ),
        (tls(3, 0, &[&name, &name]), ProxyError::ExtraTwice(0x22)),
        (
            [tls(1, 0, &[]), tls(3, 0, &[&name])].concat(),
            ProxyError::ExtraTwice(0x20),
        ),
    ];
    for (field, error) in table {
        assert_eq!(read(&with_fields(&[&field])), Err(error));
    }
}

#[test]
fn the_checksum_is_checked_when_there_is_one() {
    let sum = field(0x03, &[0; 4]);
    let noop = field(0x04, b"");
    for fields in [
        [sum.as_slice(), b"", b""],
        [&sum, &noop, &noop],
        [&noop, &sum, &noop],
    ] {
        let mut input = with_fields(&fields);
        let before = if fields[0] == noop { noop.len() } else { 0 };
        let at = 16 + TCP4.len() + before + 3;
        seal(&mut input, at);
        assert_eq!(header(&input).source, addresses("192.0.2.1:50123", "").0);
        // Bytes that the addresses, the fields and the sum consist of.
        for wrong in [16, 20, 27, at, at + 3] {
            let mut input = input.clone();
            input[wrong] ^= 1;
            let error = read(&input).unwrap_err();
            assert!(matches!(error, ProxyError::Checksum { .. }), "{error}");
        }
    }
    let short = field(0x03, &[0; 3]);
    let twice = with_fields(&[&sum, &sum]);
    assert_eq!(
        read(&with_fields(&[&short])),
        Err(ProxyError::ChecksumLength)
    );
    assert_eq!(read(&twice), Err(ProxyError::ExtraTwice(0x03)));
}

/// Bytes that are a header as far as its body, which is anything.
fn any_binary() -> impl Strategy<Value = Vec<u8>> {
    let command = prop_oneof![8 => Just(0x21), 1 => any::<u8>()];
    let family = prop_oneof![
        8 => prop::sample::select(vec![0x00, 0x11, 0x21, 0x31]),
        1 => any::<u8>(),
    ];
    let fields = proptest::collection::vec(
        (
            prop::sample::select(vec![0x03, 0x04, 0x20, 0x22]),
            proptest::collection::vec(any::<u8>(), 0..8),
        ),
        0..4,
    );
    let tail = proptest::collection::vec(any::<u8>(), 0..6);
    (command, family, any::<bool>(), fields, tail).prop_map(
        |(command, family, addressed, fields, tail)| {
            let length = match family {
                0x11 => 12,
                0x21 => 36,
                0x31 => 216,
                _ => 0,
            };
            let mut body = vec![7; if addressed { length } else { 3 }];
            for (kind, value) in fields {
                body.extend(field(kind, &value));
            }
            body.extend(tail);
            binary(command, family, &body)
        },
    )
}

proptest! {
    #[test]
    fn more_bytes_change_no_verdict(
        input in prop_oneof![
            any_binary(),
            "PROXY (TCP4|TCP6|UNKNOWN)?( [0-9a-f:.]{0,12}){0,5}\r?\n".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..40),
        ],
        more in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let input = [input, more].concat();
        let whole = read(&input);
        for end in 0..input.len() {
            let part = read(&input[..end]);
            prop_assert!(part == Ok(None) || part == whole, "{:?} {:?}", part, whole);
        }
        if let Ok(Some(header)) = whole {
            prop_assert!(header.consumed <= input.len());
            prop_assert_eq!(header.source.is_some(), header.destination.is_some());
        }
    }
}
