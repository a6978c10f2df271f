use proptest::prelude::*;

use super::arbitrary::{any_packet, any_version};
use super::{bytes, encoded, variable};
use crate::codec::frame::{Frame, MAX_VARIABLE_INTEGER, Split, split, variable_integer_bytes};
use crate::codec::{DecodeError, Malformed};
use crate::reason::ReasonCode;

const NO_LIMIT: usize = usize::MAX;

#[test]
fn a_whole_packet_is_split_off_and_the_rest_left() {
    let bytes = bytes("30 04 0001'a' 00 c0 00");
    let frame = Frame {
        first: 0x30,
        body: &bytes[2..6],
    };
    let whole = Split::Whole { frame, bytes: 6 };
    assert_eq!(split(&bytes, NO_LIMIT), Ok(whole));
    let body = &[][..];
    let frame = Frame { first: 0xc0, body };
    let whole = Split::Whole { frame, bytes: 2 };
    assert_eq!(split(&bytes[6..], NO_LIMIT), Ok(whole));
}

#[test]
fn how_much_is_missing_is_told_as_soon_as_it_is_known() {
    let cases = [
        ("", None),
        ("30", None),
        ("30 80", None),
        ("30 ff ff ff", None),
        ("30 04", Some(6)),
        ("30 04 00 00 00", Some(6)),
        ("30 80 01", Some(131)),
        ("30 ff ff ff 7f 00", Some(5 + MAX_VARIABLE_INTEGER)),
    ];
    for (notation, total) in cases {
        let partial = Split::Partial { total };
        assert_eq!(split(&bytes(notation), NO_LIMIT), Ok(partial), "{notation}");
    }
}

#[test]
fn a_length_has_at_most_four_bytes_and_one_form() {
    for notation in [
        "30 80 80 80 80",
        "30 ff ff ff ff",
        "30 ff ff ff ff 7f",
        "30 80 80 80 80 00",
        "30 80 00",
        "30 ff 00",
        "30 80 80 00",
        "30 81 80 80 00",
    ] {
        let error = DecodeError::Malformed(Malformed::VariableInteger);
        assert_eq!(split(&bytes(notation), NO_LIMIT), Err(error), "{notation}");
        assert_eq!(split(&bytes(notation), 10), Err(error), "{notation}");
        assert_eq!(error.reason(), ReasonCode::MalformedPacket);
    }
}

#[test]
fn what_is_too_large_is_refused_when_nothing_but_its_length_is_there() {
    let error = DecodeError::TooLarge {
        bytes: 5 + MAX_VARIABLE_INTEGER,
        limit: 1000,
    };
    assert_eq!(split(&bytes("30 ff ff ff 7f"), 1000), Err(error));
    assert_eq!(error.reason(), ReasonCode::PacketTooLarge);

    let header_alone = bytes("30 7f");
    let partial = Split::Partial { total: Some(129) };
    assert_eq!(split(&header_alone, 129), Ok(partial));
    let error = DecodeError::TooLarge {
        bytes: 129,
        limit: 128,
    };
    assert_eq!(split(&header_alone, 128), Err(error));
    assert!(split(&bytes("c0 00"), 2).is_ok());
    assert!(split(&bytes("c0 00"), 1).is_err());
}

#[test]
fn a_length_takes_the_bytes_that_the_standard_has_in_its_table() {
    let table = [
        (0, "00"),
        (127, "7f"),
        (128, "80 01"),
        (16_383, "ff 7f"),
        (16_384, "80 80 01"),
        (2_097_151, "ff ff 7f"),
        (2_097_152, "80 80 80 01"),
        (268_435_455, "ff ff ff 7f"),
    ];
    for (value, notation) in table {
        let length = bytes(notation);
        assert_eq!(variable(value), length);
        assert_eq!(variable_integer_bytes(value), length.len());
        let total = 1 + length.len() + value;
        let begins = [&[0x30][..], &length].concat();
        let is = split(&begins, NO_LIMIT).unwrap();
        match value {
            0 => assert!(matches!(is, Split::Whole { bytes: 2, .. })),
            _ => assert_eq!(is, Split::Partial { total: Some(total) }),
        }
    }
}

/// What a connection does: it keeps what is no whole packet yet.
fn split_in_pieces(stream: &[u8], pieces: &[usize]) -> Vec<(u8, Vec<u8>)> {
    let (mut kept, mut frames) = (Vec::new(), Vec::new());
    let mut rest = stream;
    let mut pieces = pieces.iter().cycle();
    while !rest.is_empty() {
        let piece = *pieces.next().unwrap();
        let (now, later) = rest.split_at(piece.min(rest.len()));
        kept.extend_from_slice(now);
        rest = later;
        loop {
            match split(&kept, NO_LIMIT).unwrap() {
                Split::Whole { frame, bytes } => {
                    frames.push((frame.first, frame.body.to_vec()));
                    kept.drain(..bytes);
                }
                Split::Partial { total } => {
                    assert!(total.is_none_or(|total| total > kept.len()));
                    break;
                }
            }
        }
    }
    assert!(kept.is_empty(), "{kept:02x?} are left over");
    frames
}

proptest! {
    #[test]
    fn any_pieces_of_a_stream_give_the_same_packets(
        (packets, pieces) in any_version().prop_flat_map(|version| (
            prop::collection::vec(any_packet(version).prop_map(move |one| encoded(version, &one)), 1..6),
            prop::collection::vec(1..40_usize, 1..10),
        )),
    ) {
        let stream = packets.concat();
        let at_once = split_in_pieces(&stream, &[stream.len()]);
        prop_assert_eq!(at_once.len(), packets.len());
        for ((first, body), packet) in at_once.iter().zip(&packets) {
            prop_assert_eq!(*first, packet[0]);
            prop_assert!(packet.ends_with(body));
        }
        prop_assert_eq!(&split_in_pieces(&stream, &pieces), &at_once);
        prop_assert_eq!(&split_in_pieces(&stream, &[1]), &at_once);
    }
}
