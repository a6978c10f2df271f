//! What holds for every packet and for any bytes.

use proptest::prelude::*;

use super::arbitrary::{any_packet, any_version};
use super::{decode_one, encoded};
use crate::codec::frame::{Frame, Split, split};
use crate::codec::{decode, decode_connect, encode_within};
use crate::version::Version;

/// Whatever these bytes are: if they are a packet, then that packet can be written and
/// is the same when it is read again.
fn check(version: Version, frame: Frame<'_>) {
    let Ok(packet) = decode(version, frame) else {
        return;
    };
    let again = encoded(version, &packet);
    assert_eq!(decode_one(version, &again).as_ref(), Ok(&packet));
    // What was shortest stays so, and what was not gets shorter.
    assert!(again.len() <= 5 + frame.body.len());
}

/// The packets of a stream up to the first that is none.
fn check_stream(version: Version, mut stream: &[u8]) {
    while let Ok(Split::Whole { frame, bytes }) = split(stream, stream.len()) {
        check(version, frame);
        let _ = decode_connect(frame);
        stream = &stream[bytes..];
    }
}

#[derive(Clone, Debug)]
enum Mutation {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (at(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        at().prop_map(Mutation::Remove),
        at().prop_map(Mutation::Cut),
        (at(), at()).prop_map(|(from, to)| Mutation::Repeat(from, to)),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match mutation {
        Mutation::Set(at, byte) => bytes[at.index(length)] = *byte,
        Mutation::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
        Mutation::Insert(at, byte) => bytes.insert(at.index(length), *byte),
        Mutation::Remove(at) => drop(bytes.remove(at.index(length))),
        Mutation::Cut(at) => bytes.truncate(at.index(length)),
        Mutation::Repeat(one, other) => {
            let (one, other) = (one.index(length), other.index(length));
            let part = bytes[one.min(other)..one.max(other)].to_vec();
            bytes.extend(part);
        }
    }
}

fn any_of_a_version() -> impl Strategy<Value = (Version, Vec<u8>)> {
    any_version().prop_flat_map(|version| {
        let bytes = any_packet(version).prop_map(move |packet| encoded(version, &packet));
        (Just(version), bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn decode_undoes_encode(
        (version, packet) in any_version().prop_flat_map(|version| (Just(version), any_packet(version))),
    ) {
        let bytes = encoded(version, &packet);
        let decoded = decode_one(version, &bytes);
        prop_assert_eq!(decoded.as_ref(), Ok(&packet));
        prop_assert_eq!(encoded(version, &packet.clone()), bytes);
    }

    #[test]
    fn a_packet_within_a_limit_is_a_packet(
        (version, packet) in any_version().prop_flat_map(|version| (Just(version), any_packet(version))),
        limit in 0..400_usize,
    ) {
        let mut out = Vec::new();
        if encode_within(version, &packet, limit, &mut out).is_ok() {
            prop_assert!(out.len() <= limit);
            let decoded = decode_one(version, &out);
            prop_assert_eq!(decoded.as_ref().map(|decoded| decoded.name()), Ok(packet.name()));
        } else {
            prop_assert!(out.is_empty());
            prop_assert!(encoded(version, &packet).len() > limit);
        }
    }

    #[test]
    fn any_bytes_are_a_packet_or_refused(
        version in any_version(),
        kind in 0..16_u8,
        flags in prop::sample::select(vec![0, 0, 2, 2, 3, 10]),
        body in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        check(version, Frame { first: kind << 4 | flags, body: &body });
        check_stream(version, &body);
    }

    #[test]
    fn what_is_almost_a_packet_is_a_packet_or_refused(
        (version, bytes) in any_of_a_version(),
        other in any_version(),
        mutations in prop::collection::vec(mutation(), 0..4),
    ) {
        let Ok(Split::Whole { frame, .. }) = split(&bytes, usize::MAX) else {
            panic!("{bytes:02x?}");
        };
        let mut body = frame.body.to_vec();
        mutations.iter().for_each(|mutation| mutate(&mut body, mutation));
        let frame = Frame { first: frame.first, body: &body };
        check(version, frame);
        check(other, frame);
        let mut stream = bytes;
        mutations.iter().for_each(|mutation| mutate(&mut stream, mutation));
        check_stream(version, &stream);
    }
}
