//! A stream of MQTT of any version: whatever is a packet can be written, and what was
//! written is the same packet again. The first byte chooses the version.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_mqtt::codec::frame::{Frame, Split, split};
use quorate_mqtt::codec::{decode, decode_connect, encode};
use quorate_mqtt::packet::Packet;
use quorate_mqtt::version::Version;

fn whole(bytes: &[u8]) -> Frame<'_> {
    match split(bytes, bytes.len()) {
        Ok(Split::Whole { frame, bytes: all }) => {
            assert_eq!(all, bytes.len());
            frame
        }
        other => panic!("{bytes:02x?} were written as a packet: {other:?}"),
    }
}

fn write_and_read(version: Version, packet: &Packet<'_>) {
    let mut written = Vec::new();
    encode(version, packet, &mut written);
    let again = decode(version, whole(&written));
    assert_eq!(again.as_ref(), Ok(packet));
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, mut stream)) = input.split_first() else {
        return;
    };
    let version = match choice % 3 {
        0 => Version::V3_1,
        1 => Version::V3_1_1,
        _ => Version::V5,
    };
    while let Ok(Split::Whole { frame, bytes }) = split(stream, stream.len()) {
        if let Ok(packet) = decode(version, frame) {
            write_and_read(version, &packet);
        }
        if let Ok(connect) = decode_connect(frame) {
            write_and_read(connect.version, &Packet::Connect(connect));
        }
        stream = &stream[bytes..];
    }
});
