use proptest::prelude::*;

use super::*;

const SMALL: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nX:  b\t \r\nx:\r\nList: a, B ,,c\r\nLIST: d\r\n\r\n";

fn head(input: &[u8]) -> Head<'_> {
    Head::parse(input).unwrap().unwrap()
}

fn head_of(bytes: usize) -> Vec<u8> {
    let around = b"S\r\nA: \r\n\r\n".len();
    format!("S\r\nA: {}\r\n\r\n", "x".repeat(bytes - around)).into_bytes()
}

#[test]
fn splits_a_head() {
    let input = [SMALL, b"\x00\xffwhatever follows"].concat();
    let head = head(&input);
    assert_eq!(head.bytes, SMALL.len());
    assert_eq!(head.start_line, b"GET / HTTP/1.1");
    assert_eq!(head.required("host"), Ok(b"a".as_slice()));
    assert_eq!(head.optional("nothing"), Ok(None));
    assert_eq!(head.required("nothing"), Err(HeadError::Missing("nothing")));
    assert_eq!(head.optional("X"), Err(HeadError::Duplicate("X")));
    let values: Vec<&[u8]> = head.values("x").collect();
    assert_eq!(values, [b"b".as_slice(), b""]);
    let elements: Vec<&[u8]> = head.elements("list").collect();
    assert_eq!(elements, [b"a".as_slice(), b"B", b"", b"c", b"d"]);
    assert!(head.lists("list", "b") && head.lists("list", "D"));
    assert!(!head.lists("list", "a, B"));
}

#[test]
fn a_head_may_have_no_fields() {
    let head = head(b"HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(head.start_line, b"HTTP/1.1 200 OK");
    assert_eq!(head.bytes, 19);
}

#[test]
fn waits_for_the_end() {
    for end in 0..SMALL.len() {
        assert_eq!(Head::parse(&SMALL[..end]), Ok(None), "{end}");
    }
}

#[test]
fn the_limit_is_exact() {
    let longest = head_of(MAX_HEAD_BYTES);
    assert_eq!(head(&longest).bytes, MAX_HEAD_BYTES);
    assert_eq!(head(&[longest.as_slice(), b"more"].concat()).bytes, 8_192);
    let longer = head_of(MAX_HEAD_BYTES + 1);
    assert_eq!(Head::parse(&longer[..MAX_HEAD_BYTES - 1]), Ok(None));
    assert_eq!(
        Head::parse(&longer[..MAX_HEAD_BYTES]),
        Err(HeadError::TooLong)
    );
    assert_eq!(Head::parse(&longer), Err(HeadError::TooLong));
}

/// Without waiting for the end of the head.
#[test]
fn refuses_at_once_what_is_no_text() {
    let control = |at, byte| HeadError::ControlCharacter { at, byte };
    let table: [(&[u8], HeadError); 8] = [
        (b"GET /\n", HeadError::BrokenLineEnd { at: 5 }),
        (b"GET /\rHost", HeadError::BrokenLineEnd { at: 5 }),
        (b"GET /\r\r", HeadError::BrokenLineEnd { at: 5 }),
        (b"GET /\r\n\n", HeadError::BrokenLineEnd { at: 7 }),
        (b"GET /\x00", control(5, 0)),
        (b"A: \x7f", control(3, 0x7f)),
        // The first bytes of TLS and of MQTT.
        (b"\x16\x03\x01", control(0, 0x16)),
        (b"\x10\x20\x00\x04MQTT", control(0, 0x10)),
    ];
    for (input, error) in table {
        assert_eq!(Head::parse(input), Err(error), "{input:?}");
    }
}

#[test]
fn refuses_odd_fields() {
    let table: [(&str, HeadError); 7] = [
        (" folded", HeadError::FoldedField),
        ("\tfolded: more", HeadError::FoldedField),
        ("no colon", HeadError::Field),
        (": no name", HeadError::Field),
        ("Space : before", HeadError::Field),
        ("In side: x", HeadError::Field),
        ("Naïve: x", HeadError::Field),
    ];
    for (field, error) in table {
        let input = format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
        assert_eq!(Head::parse(input.as_bytes()), Err(error), "{field}");
    }
    // Old clients put other characters into values; nobody reads those.
    let agent = "GET / HTTP/1.1\r\nUser-Agent: naïve:\t1\r\n\r\n";
    assert!(Head::parse(agent.as_bytes()).is_ok());
}

proptest! {
    #[test]
    fn more_bytes_change_no_verdict(
        lines in proptest::collection::vec("(GET /|[A-Za-z]{0,3}:? ?[a-z\\x00\\t]{0,3})(\r\n|\r\n|\r\n|\n)", 0..6),
        more in proptest::collection::vec(any::<u8>(), 0..10),
    ) {
        let input = [lines.concat().as_bytes(), b"\r\n", &more].concat();
        let whole = Head::parse(&input);
        for end in 0..input.len() {
            let part = Head::parse(&input[..end]);
            prop_assert!(part == Ok(None) || part == whole);
        }
    }

    #[test]
    fn no_bytes_are_too_odd(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Head::parse(&input);
        let text = [b"A\r\nB: ", input.as_slice(), b"\r\n\r\n"].concat();
        let _ = Head::parse(&text);
    }
}
