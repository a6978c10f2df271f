use proptest::prelude::*;

use super::*;
use crate::websocket::writer;

const KEY: [u8; 4] = [0xa5, 0x5a, 0x00, 0xff];
const LIMIT: u64 = 1_000;

/// For each whether it is the last of its message, what it is, and its payload.
type Frames<'a> = &'a [(bool, Opcode, &'a [u8])];

/// An event that outlives the buffer. Adjacent data is one piece: where it is cut
/// depends on how the bytes arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Data(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
    Failed(FrameError),
}

fn push(seen: &mut Vec<Seen>, event: &Event<'_>) {
    match event {
        Event::Data(data) => match seen.last_mut() {
            Some(Seen::Data(before)) => before.extend_from_slice(data),
            _ => seen.push(Seen::Data(data.to_vec())),
        },
        Event::Ping(payload) => seen.push(Seen::Ping(payload.to_vec())),
        Event::Pong => seen.push(Seen::Pong),
        Event::Close(code) => seen.push(Seen::Close(code.map(CloseCode::number))),
        Event::NeedMore => {}
    }
}

/// Reads one arrival; `false` after an error.
fn read_arrival(reader: &mut Reader, mut input: &mut [u8], seen: &mut Vec<Seen>) -> bool {
    loop {
        let before = input.len();
        match reader.read(input) {
            Ok((consumed, event)) => {
                let more = event == Event::NeedMore;
                assert!(consumed <= before);
                assert!(!more || consumed == before, "input was left");
                assert_ne!(event, Event::Data(b""));
                push(seen, &event);
                if more {
                    return true;
                }
                input = &mut input[consumed..];
            }
            Err(error) => {
                seen.push(Seen::Failed(error));
                return false;
            }
        }
    }
}

fn read_in_parts(role: Role, stream: &[u8], cuts: &[usize]) -> Vec<Seen> {
    let mut stream = stream.to_vec();
    let mut reader = Reader::new(role, LIMIT);
    let mut seen = Vec::new();
    let mut rest = stream.as_mut_slice();
    for cut in cuts {
        let (arrival, behind) = rest.split_at_mut((*cut).min(rest.len()));
        if !read_arrival(&mut reader, arrival, &mut seen) {
            return seen;
        }
        rest = behind;
    }
    read_arrival(&mut reader, rest, &mut seen);
    // However long the stream was.
    assert!(reader.control.capacity() <= 2 * MAX_CONTROL_BYTES);
    seen
}

fn read_whole(role: Role, stream: &[u8]) -> Vec<Seen> {
    read_in_parts(role, stream, &[])
}

fn frame(fin: bool, opcode: Opcode, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let header = Header {
        fin,
        opcode,
        payload_bytes: payload.len() as u64,
        key,
    };
    let mut payload = payload.to_vec();
    if let Some(key) = key {
        Mask::new(key).apply(&mut payload);
    }
    [header.encode().as_slice(), &payload].concat()
}

/// As a client sends them.
fn stream(frames: Frames<'_>) -> Vec<u8> {
    frames
        .iter()
        .flat_map(|(fin, opcode, payload)| frame(*fin, *opcode, payload, Some(KEY)))
        .collect()
}

fn data(payload: &[u8]) -> Seen {
    Seen::Data(payload.to_vec())
}

#[test]
fn hands_out_the_stream_and_the_control_frames_between() {
    use Opcode::*;
    let long = [7; 300];
    let input = stream(&[
        (true, Binary, b"one"),
        (true, Binary, b""),
        (false, Binary, b"two"),
        (true, Ping, b"are you there"),
        (false, Continuation, b""),
        (true, Pong, b"ignored"),
        (true, Continuation, b"three"),
        (true, Ping, b""),
        (true, Binary, &long),
        (true, Close, b"\x03\xe8bye"),
    ]);
    let expected = [
        data(b"onetwo"),
        Seen::Ping(b"are you there".to_vec()),
        Seen::Pong,
        data(b"three"),
        Seen::Ping(Vec::new()),
        data(&long),
        Seen::Close(Some(1000)),
    ];
    assert_eq!(read_whole(Role::Server, &input), expected);
    assert_eq!(
        read_in_parts(Role::Server, &input, &vec![1; input.len()]),
        expected
    );
}

#[test]
fn data_lies_in_the_callers_buffer_behind_what_was_consumed() {
    let mut input = stream(&[
        (true, Opcode::Binary, b"packet"),
        (true, Opcode::Binary, b"next"),
    ]);
    let mut reader = Reader::new(Role::Server, LIMIT);
    let (consumed, event) = reader.read(&mut input).unwrap();
    assert_eq!((consumed, event), (12, Event::Data(b"packet")));
    assert_eq!(&input[6..12], b"packet");
}

#[test]
fn a_client_reads_what_a_server_writes() {
    let mut input = Vec::new();
    for payload in [b"first".as_slice(), b"second"] {
        let header = writer::server_header(Opcode::Binary, payload.len());
        input.extend_from_slice(header.as_slice());
        input.extend_from_slice(payload);
    }
    writer::write_pong(b"abc", &mut input);
    writer::write_close(Some(CloseCode::POLICY_VIOLATION), "because", &mut input);
    let expected = [data(b"firstsecond"), Seen::Pong, Seen::Close(Some(1008))];
    assert_eq!(read_whole(Role::Client, &input), expected);
}

#[test]
fn frames_stand_in_the_order_of_messages() {
    use FrameError as E;
    use Opcode::*;
    let table: [(Frames<'_>, FrameError); 4] = [
        (&[(true, Continuation, b"x")], E::NothingToContinue),
        (
            &[(true, Binary, b"x"), (true, Continuation, b"x")],
            E::NothingToContinue,
        ),
        (
            &[(false, Binary, b"x"), (true, Binary, b"x")],
            E::MessageNotFinished,
        ),
        (
            &[
                (false, Binary, b"x"),
                (false, Continuation, b""),
                (false, Binary, b""),
            ],
            E::MessageNotFinished,
        ),
    ];
    for (frames, error) in table {
        let seen = read_whole(Role::Server, &stream(frames));
        assert_eq!(seen.last(), Some(&Seen::Failed(error)));
    }
    let over = stream(&[
        (false, Binary, b""),
        (true, Continuation, b""),
        (true, Continuation, b""),
    ]);
    assert_eq!(
        read_whole(Role::Server, &over),
        [Seen::Failed(E::NothingToContinue)]
    );
}

#[test]
fn a_message_is_bounded_over_its_fragments() {
    use Opcode::*;
    let (half, more) = ([1; 500], [1; 501]);
    let fits = stream(&[
        (false, Binary, &half),
        (true, Ping, b"not a part of it"),
        (true, Continuation, &half),
        // The next message begins at zero.
        (true, Binary, &half),
    ]);
    let seen = read_whole(Role::Server, &fits);
    assert!(!matches!(seen.last(), Some(Seen::Failed(_))), "{seen:?}");

    let too_big = |bytes| {
        Seen::Failed(FrameError::MessageTooBig {
            bytes,
            limit: LIMIT,
        })
    };
    let seen = read_whole(
        Role::Server,
        &stream(&[(false, Binary, &half), (true, Continuation, &more)]),
    );
    assert_eq!(seen, [data(&half), too_big(1_001)]);

    // Not only the last two of them.
    let thirds = stream(&[
        (false, Binary, &half),
        (false, Continuation, b"x"),
        (true, Continuation, &half),
    ]);
    let seen = read_whole(Role::Server, &thirds);
    assert_eq!(seen.last(), Some(&too_big(1_001)));

    // An announcement is enough, and does not overflow.
    let announced = [
        stream(&[(false, Binary, &half)]),
        b"\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00".to_vec(),
    ]
    .concat();
    let seen = read_whole(Role::Server, &announced);
    assert_eq!(seen, [data(&half), too_big(i64::MAX as u64 + 500)]);
}

#[test]
fn an_unbounded_message_does_not_overflow() {
    let mut reader = Reader::new(Role::Server, u64::MAX);
    reader.message_bytes = Some(u64::MAX - 1);
    let mut input = stream(&[(false, Opcode::Continuation, b"abc")]);
    assert_eq!(reader.read(&mut input), Ok((9, Event::Data(b"abc"))));
}

#[test]
fn close_frames_say_why() {
    let table: [(&[u8], Seen); 9] = [
        (b"", Seen::Close(None)),
        (b"\x03\xe8", Seen::Close(Some(1000))),
        (b"\x03\xe9\xc3\xa9", Seen::Close(Some(1001))),
        (b"\x0f\xa0", Seen::Close(Some(4000))),
        (b"\x03", Seen::Failed(FrameError::CloseCodeCut)),
        (b"\x03\xed", Seen::Failed(FrameError::CloseCode(1005))),
        (b"\x00\x00", Seen::Failed(FrameError::CloseCode(0))),
        (b"\x03\xe8\xc3", Seen::Failed(FrameError::CloseReason)),
        (b"\x03\xe8\xff", Seen::Failed(FrameError::CloseReason)),
    ];
    for (payload, expected) in table {
        let input = stream(&[(true, Opcode::Close, payload)]);
        assert_eq!(
            read_whole(Role::Server, &input),
            std::slice::from_ref(&expected)
        );
        let cuts = vec![1; input.len()];
        assert_eq!(read_in_parts(Role::Server, &input, &cuts), [expected]);
    }
}

#[test]
fn nothing_is_read_after_a_close() {
    let mut input = stream(&[(true, Opcode::Close, b""), (true, Opcode::Binary, b"late")]);
    input.extend_from_slice(b"\xff\xff\xff");
    assert_eq!(read_whole(Role::Server, &input), [Seen::Close(None)]);
}

#[test]
fn an_error_is_final() {
    for wrong in [
        b"\xff\xff".to_vec(),
        stream(&[(true, Opcode::Close, b"\x03")]),
    ] {
        let mut reader = Reader::new(Role::Server, LIMIT);
        let mut seen = Vec::new();
        assert!(!read_arrival(&mut reader, &mut wrong.clone(), &mut seen));
        let mut right = stream(&[(true, Opcode::Binary, b"x")]);
        assert!(!read_arrival(&mut reader, &mut right, &mut seen));
        assert_eq!(seen[0], seen[1]);
    }
}

#[test]
fn an_error_shows_with_the_first_bytes_that_make_it() {
    let mut reader = Reader::new(Role::Server, LIMIT);
    assert_eq!(reader.read(&mut [0x82]), Ok((1, Event::NeedMore)));
    assert_eq!(reader.read(&mut [0x00]), Err(FrameError::Unmasked));
}

/// Frames that are mostly right, so that streams get far.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![
        4 => Just(Opcode::Binary),
        2 => Just(Opcode::Continuation),
        2 => Just(Opcode::Ping),
        1 => Just(Opcode::Pong),
    ];
    let payload = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..12),
        1 => proptest::collection::vec(any::<u8>(), 120..140),
    ];
    (
        proptest::bool::weighted(0.7),
        opcode,
        payload,
        any::<[u8; 4]>(),
    )
        .prop_map(|(fin, opcode, mut payload, key)| {
            if opcode.is_control() {
                payload.truncate(MAX_CONTROL_BYTES);
            }
            frame(fin || opcode.is_control(), opcode, &payload, Some(key))
        })
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0_usize..20, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_same_is_read_however_it_arrives(
        frames in proptest::collection::vec(any_frame(), 0..12),
        tail in proptest::collection::vec(any::<u8>(), 0..20),
        cuts in cuts(),
    ) {
        let input = [frames.concat(), tail].concat();
        prop_assert_eq!(
            read_in_parts(Role::Server, &input, &cuts),
            read_whole(Role::Server, &input)
        );
    }

    #[test]
    fn no_bytes_are_too_odd(
        input in proptest::collection::vec(any::<u8>(), 0..200),
        cuts in cuts(),
        server: bool,
    ) {
        let role = if server { Role::Server } else { Role::Client };
        prop_assert_eq!(read_in_parts(role, &input, &cuts), read_whole(role, &input));
    }

    #[test]
    fn payload_comes_out_as_it_went_in(
        payloads in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..200), any::<[u8; 4]>()),
            0..8,
        ),
        cuts in cuts(),
    ) {
        let mut input = Vec::new();
        let mut expected = Vec::new();
        for (payload, key) in &payloads {
            let header = writer::client_header(Opcode::Binary, payload.len(), *key);
            input.extend_from_slice(header.as_slice());
            let from = input.len();
            input.extend_from_slice(payload);
            Mask::new(*key).apply(&mut input[from..]);
            expected.extend_from_slice(payload);
        }
        let seen = read_in_parts(Role::Server, &input, &cuts);
        let expected: Vec<Seen> = match expected.as_slice() {
            [] => Vec::new(),
            bytes => vec![data(bytes)],
        };
        prop_assert_eq!(seen, expected);
    }
}
