//! CONNECT with properties without an end, and with client ids that mean something
//! elsewhere.

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::version::Version;

use crate::besieged::{BASE_MB, Besieged};
use crate::client::{Client, message};

const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];
/// What a client that is not in yet may send.
const CONNECT_LIMIT: usize = 256 * 1024;
const USER_PROPERTY: u8 = 38;

fn variable_integer(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number % 128) as u8;
        number /= 128;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn counted(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&length, bytes].concat()
}

/// Small ones, which make most work, of so many bytes in all or a little less.
fn user_properties(bytes: usize) -> Vec<u8> {
    let one = [&[USER_PROPERTY][..], &counted(b"k"), &counted(b"v")].concat();
    one.repeat(bytes / one.len())
}

/// A CONNECT of version 5 that has this length of properties, and these.
fn connect(length: &[u8], properties: &[u8]) -> Vec<u8> {
    let head = [&counted(b"MQTT")[..], &[5, 2, 0, 60], length].concat();
    let body = [&head[..], properties, &counted(b"endless")].concat();
    [&[0x10][..], &variable_integer(body.len()), &body].concat()
}

fn with_properties(bytes: usize) -> Vec<u8> {
    let properties = user_properties(bytes);
    connect(&variable_integer(properties.len()), &properties)
}

#[test]
fn properties_up_to_the_limit_and_beyond_it() {
    let mut besieged = Besieged::start(&[]);
    for _ in 0..100 {
        let within = with_properties(CONNECT_LIMIT - 100);
        assert!(within.len() > CONNECT_LIMIT - 200 && within.len() <= CONNECT_LIMIT);
        let mut client = Client::open(besieged.mqtt, Version::V5);
        client.try_send(&within).unwrap();
        client.expect_let_in();
        for beyond in [CONNECT_LIMIT + 100, 1024 * 1024, 16 * 1024 * 1024] {
            let mut client = Client::open(besieged.mqtt, Version::V5);
            let _ = client.try_send(&with_properties(beyond));
            assert_eq!(client.expect_end(), None);
        }
    }
    besieged.assert_serves();
    besieged.assert_within("properties up to the limit", BASE_MB);
}

#[test]
fn properties_whose_length_never_ends() {
    let mut besieged = Besieged::start(&[]);
    let endless: [&[u8]; 4] = [
        &[0xff; 4],
        &[0xff; 1000],
        &[0x80, 0x80, 0x80, 0x80, 0x01],
        // More than there is in the packet.
        &[0xff, 0xff, 0xff, 0x7f],
    ];
    for length in endless {
        for _ in 0..250 {
            let mut client = Client::open(besieged.mqtt, Version::V5);
            client.try_send(&connect(length, &[])).unwrap();
            // Malformed, and no CONNECT of a version that has a word for that.
            assert_eq!(client.expect_end(), None);
        }
    }
    besieged.assert_serves();
    besieged.assert_within("lengths of properties without an end", BASE_MB);
}

/// Together they may hold 64 MB: beyond that goes who holds most. A buffer that grows has
/// twice of what is in it at most.
#[test]
fn properties_that_never_come_to_their_end() {
    let mut besieged = Besieged::start(&[]);
    let most = with_properties(CONNECT_LIMIT - 100);
    let sent = &most[..200 * 1024];
    let streams = besieged.connections(1_000).into_iter();
    let mut clients: Vec<Client> = streams
        .map(|stream| Client::over(stream, Version::V5))
        .collect();
    for client in &mut clients {
        let _ = client.try_send(sent);
    }
    besieged.assert_serves();
    besieged.assert_within("1,000 CONNECT of which 200 KB have come", BASE_MB + 2 * 64);
    drop(clients);
    besieged.wait_alone();
    besieged.assert_serves();
}

/// A client with that id connects, is refused with that code or gets what it came for.
#[track_caller]
fn check_id(besieged: &Besieged, version: Version, id: &str, refused: Option<u8>) {
    let mut client = Client::open(besieged.mqtt, version);
    client.send(&Packet::Connect(Connect::new(version, id)));
    if let Some(code) = refused {
        assert_eq!(client.expect_end(), Some(code), "{version} {id:.20}");
        return;
    }
    client.expect_let_in();
    client.subscribe_to("ids/+", QoS::AtLeastOnce);
    client.send(&Packet::Publish(message("ids/t", QoS::AtLeastOnce, b"x")));
    let mut kinds = [client.expect().first, client.expect().first];
    kinds.sort_unstable();
    assert_eq!(kinds, [0x32, 0x40], "{version} {id:.20}");
    // Another one of that name takes its place, and nobody else's.
    let mut heir = Client::let_in(besieged.mqtt, version, id);
    let taken_over = version.is_5().then_some(0x8e);
    assert_eq!(client.expect_end(), taken_over, "{version} {id:.20}");
    heir.send(&Packet::PingReq);
    assert_eq!(heir.expect().first, 0xd0);
}

#[test]
fn client_ids_that_mean_something_elsewhere() {
    let mut besieged = Besieged::start(&[]);
    let longest = "x".repeat(65_535);
    let multi_byte = "é€😀".repeat(100);
    for version in VERSIONS {
        let mut bystander = Client::let_in(besieged.mqtt, version, "bystander");
        for id in [
            "#",
            "+",
            "$SYS",
            "$SYS/#",
            "a/b",
            "/",
            "$share/g/t",
            "é",
            "€",
            "😀",
            "%s%n",
            "../..",
            "\u{feff}",
            "\u{202e}id",
            " ",
            &multi_byte,
        ] {
            check_id(&besieged, version, id, None);
        }
        let not_valid = if version.is_5() { 0x85 } else { 2 };
        check_id(&besieged, version, &longest, Some(not_valid));
        bystander.send(&Packet::PingReq);
        assert_eq!(bystander.expect().first, 0xd0);
    }
    besieged.assert_serves();
    besieged.assert_within("client ids of all kinds", BASE_MB);
}

#[test]
fn client_ids_of_64_kb_where_they_are_allowed() {
    let mut besieged = Besieged::start(&["mqtt.max_client_id_bytes=65535"]);
    for version in VERSIONS {
        for first in ['x', 'é', '#'] {
            let mut id = String::from(first);
            while id.len() < 65_535 {
                id.push('x');
            }
            check_id(&besieged, version, &id, None);
        }
    }
    besieged.assert_serves();
    // Each claim is kept as long as its id is, in the state, in the log, in the store.
    besieged.assert_within("client ids of 64 KB", 2 * BASE_MB + 6);
}

/// They are no text, so no version has an answer but the end.
#[test]
fn client_ids_that_are_no_text() {
    let mut besieged = Besieged::start(&[]);
    let ids: [&[u8]; 5] = [
        b"a\0b",
        b"\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ];
    for (level, id) in [3, 4, 5]
        .into_iter()
        .flat_map(|level| ids.map(|id| (level, id)))
    {
        let name: &[u8] = if level == 3 { b"MQIsdp" } else { b"MQTT" };
        let properties: &[u8] = if level == 5 { &[0] } else { &[] };
        let body = [
            &counted(name)[..],
            &[level, 2, 0, 60],
            properties,
            &counted(id),
        ]
        .concat();
        let mut client = Client::open(besieged.mqtt, Version::V5);
        let bytes = [&[0x10][..], &variable_integer(body.len()), &body].concat();
        client.try_send(&bytes).unwrap();
        assert_eq!(client.expect_end(), None, "{level} {id:?}");
    }
    besieged.assert_serves();
    besieged.assert_within("client ids that are no text", BASE_MB);
}
