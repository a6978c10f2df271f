use proptest::prelude::*;

use super::*;

const LINE: &str = "GET /mqtt HTTP/1.1";
/// The fields of the example in the standard, but for MQTT.
const FIELDS: [&str; 6] = [
    "Host: broker.example:8083",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: mqtt",
];

fn request(line: &str, fields: &[&str]) -> Vec<u8> {
    let lines = [&[line], fields, &["", ""]].concat();
    lines.join("\r\n").into_bytes()
}

/// The example, with other lines instead of the field of this name.
fn instead_of(name: &str, lines: &[&str]) -> Vec<u8> {
    let mut fields = FIELDS.to_vec();
    let count = fields.len();
    fields.retain(|field| !field.starts_with(name));
    assert!(name.is_empty() || fields.len() < count, "no field {name}");
    fields.extend(lines);
    request(LINE, &fields)
}

fn with(lines: &[&str]) -> Vec<u8> {
    request(LINE, &[FIELDS.as_slice(), lines].concat())
}

fn accepted(input: &[u8]) -> Subprotocol {
    match accept(input, "/mqtt") {
        Handshake::Accepted { protocol, .. } => protocol,
        other => panic!("{other:?}: {}", String::from_utf8_lossy(input)),
    }
}

fn refused_as(input: &[u8]) -> (HandshakeError, String) {
    match accept(input, "/mqtt") {
        Handshake::Refused { response, error } => (error, String::from_utf8(response).unwrap()),
        other => panic!("{other:?}: {}", String::from_utf8_lossy(input)),
    }
}

#[test]
fn upgrades_the_example_of_the_standard() {
    let head = request(LINE, &FIELDS);
    // A client may send frames without waiting for the response.
    let input = [head.as_slice(), b"\x82\x80\x00\x00\x00\x00"].concat();
    let response = "HTTP/1.1 101 Switching Protocols\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: mqtt\r\n\r\n";
    let expected = Handshake::Accepted {
        consumed: head.len(),
        response: response.as_bytes().to_vec(),
        protocol: Subprotocol::Mqtt,
    };
    assert_eq!(accept(&input, "/mqtt"), expected);
    for end in 0..head.len() {
        assert_eq!(accept(&input[..end], "/mqtt"), Handshake::NeedMore);
    }
}

#[test]
fn chooses_the_subprotocol() {
    use Subprotocol::*;
    let table: [(&[&str], Subprotocol); 6] = [
        (&["Sec-WebSocket-Protocol: mqtt"], Mqtt),
        (&["Sec-WebSocket-Protocol: mqttv3.1"], Mqttv31),
        (&["Sec-WebSocket-Protocol: mqttv3.1, mqtt"], Mqtt),
        (&["Sec-WebSocket-Protocol: chat ,\tmqttv3.1,"], Mqttv31),
        (
            &[
                "Sec-WebSocket-Protocol: chat",
                "sec-websocket-protocol: mqtt",
            ],
            Mqtt,
        ),
        (&["SEC-WEBSOCKET-PROTOCOL:mqtt"], Mqtt),
    ];
    for (lines, protocol) in table {
        let input = instead_of("Sec-WebSocket-Protocol", lines);
        assert_eq!(accepted(&input), protocol, "{lines:?}");
    }
    let Handshake::Accepted { response, .. } = accept(
        &instead_of(
            "Sec-WebSocket-Protocol",
            &["Sec-WebSocket-Protocol: mqttv3.1"],
        ),
        "/mqtt",
    ) else {
        panic!("refused");
    };
    let response = String::from_utf8(response).unwrap();
    assert!(response.ends_with("Sec-WebSocket-Protocol: mqttv3.1\r\n\r\n"));
}

#[test]
fn accepts_what_browsers_and_proxies_send() {
    for (name, line) in [
        ("Upgrade", "UPGRADE: h2c, WebSocket"),
        ("Connection", "connection: keep-alive, Upgrade"),
        ("Connection", "Connection:upgrade\t"),
        ("Host", "host:"),
    ] {
        accepted(&instead_of(name, &[line]));
    }
    accepted(&instead_of(
        "Connection",
        &["Connection: keep-alive", "Connection: Upgrade"],
    ));
    accepted(&with(&["Content-Length: 0", "Cookie: a=b", "Cookie: c=d"]));
    accepted(&request("GET /%6Dqtt?user=1 HTTP/1.1", &FIELDS));
    accepted(&request("GET http://proxy/mqtt HTTP/1.1", &FIELDS));
}

#[test]
fn agrees_on_no_extension() {
    let input = with(&["Sec-WebSocket-Extensions: permessage-deflate"]);
    let Handshake::Accepted { response, .. } = accept(&input, "/mqtt") else {
        panic!("refused");
    };
    assert!(!String::from_utf8(response).unwrap().contains("Extensions"));
}

#[test]
fn refuses_other_request_lines() {
    use HandshakeError as E;
    let table = [
        ("POST /mqtt HTTP/1.1", E::Method, "405"),
        ("get /mqtt HTTP/1.1", E::Method, "405"),
        ("GET /other HTTP/1.1", E::Path, "404"),
        ("GET /mqtt/ HTTP/1.1", E::Path, "404"),
        ("GET /MQTT HTTP/1.1", E::Path, "404"),
        ("GET mqtt HTTP/1.1", E::Target, "400"),
        ("GET /%zz HTTP/1.1", E::Target, "400"),
        ("GET /mqtt HTTP/1.0", E::HttpVersion, "400"),
        ("GET /mqtt HTTP/2", E::HttpVersion, "400"),
        ("GET /mqtt http/1.1", E::RequestLine, "400"),
        ("GET /mqtt", E::RequestLine, "400"),
        ("GET  /mqtt HTTP/1.1", E::RequestLine, "400"),
        ("GET /mqtt HTTP/1.1 ", E::RequestLine, "400"),
        ("GET /m qtt HTTP/1.1", E::RequestLine, "400"),
        ("G(T /mqtt HTTP/1.1", E::RequestLine, "400"),
        ("", E::RequestLine, "400"),
    ];
    for (line, expected, status) in table {
        let (error, response) = refused_as(&request(line, &FIELDS));
        assert_eq!(error, expected, "{line}");
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")));
    }
}

#[test]
fn refuses_what_is_no_upgrade() {
    use HandshakeError as E;
    let missing = |name| E::Head(HeadError::Missing(name));
    let key = "Sec-WebSocket-Key";
    let version = "Sec-WebSocket-Version";
    let protocol = "Sec-WebSocket-Protocol";
    let table = [
        ("Host", "", missing("Host"), "400"),
        ("Upgrade", "", E::NoUpgrade, "426"),
        ("Upgrade", "Upgrade: websockets", E::NoUpgrade, "426"),
        ("Connection", "", E::NoConnectionUpgrade, "400"),
        (
            "Connection",
            "Connection: keep-alive",
            E::NoConnectionUpgrade,
            "400",
        ),
        (version, "", E::WebSocketVersion, "426"),
        (
            version,
            "Sec-WebSocket-Version: 8",
            E::WebSocketVersion,
            "426",
        ),
        (
            version,
            "Sec-WebSocket-Version: 13, 8",
            E::WebSocketVersion,
            "426",
        ),
        (key, "", missing(key), "400"),
        // 15 bytes, 17 bytes, no padding, another alphabet, bits that mean nothing.
        (
            key,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j",
            E::Key,
            "400",
        ),
        (
            key,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWE=",
            E::Key,
            "400",
        ),
        (
            key,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ",
            E::Key,
            "400",
        ),
        (
            key,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j-_==",
            E::Key,
            "400",
        ),
        (
            key,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==",
            E::Key,
            "400",
        ),
        (key, "Sec-WebSocket-Key:", E::Key, "400"),
        (protocol, "", E::Subprotocol, "400"),
        (
            protocol,
            "Sec-WebSocket-Protocol: chat, mqttv5",
            E::Subprotocol,
            "400",
        ),
        (
            protocol,
            "Sec-WebSocket-Protocol: MQTT",
            E::Subprotocol,
            "400",
        ),
    ];
    for (name, line, expected, status) in table {
        let lines: &[&str] = if line.is_empty() { &[] } else { &[line] };
        let (error, response) = refused_as(&instead_of(name, lines));
        assert_eq!(error, expected, "{line}");
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")));
    }
}

#[test]
fn refuses_what_readers_could_take_differently() {
    let duplicate = |name| HandshakeError::Head(HeadError::Duplicate(name));
    let table = [
        ("Host: other", duplicate("Host")),
        (FIELDS[3], duplicate("Sec-WebSocket-Key")),
        (FIELDS[4], duplicate("Sec-WebSocket-Version")),
        ("Content-Length: 1", HandshakeError::Body),
        ("Content-Length: 00", HandshakeError::Body),
        ("Transfer-Encoding: chunked", HandshakeError::Body),
        (" folded", HandshakeError::Head(HeadError::FoldedField)),
        ("Space : x", HandshakeError::Head(HeadError::Field)),
    ];
    for (line, expected) in table {
        let (error, response) = refused_as(&with(&[line]));
        assert_eq!(error, expected, "{line}");
        assert!(response.starts_with("HTTP/1.1 400 "));
    }
    let twice = with(&["Content-Length: 0", "content-length: 0"]);
    assert_eq!(refused_as(&twice).0, duplicate("Content-Length"));
    let (error, _) = refused_as(b"GET /mqtt HTTP/1.1\nHost: a\n\n");
    assert_eq!(error, HeadError::BrokenLineEnd { at: 18 }.into());
}

#[test]
fn a_refusal_says_why_and_what_would_be_right() {
    let (error, response) = refused_as(&request("GET /no HTTP/1.1", &FIELDS));
    let body = format!("{error}\n");
    let expected = format!(
        "HTTP/1.1 404 Not Found\r\n\
         Connection: close\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(response, expected);

    let (_, response) = refused_as(&request("PUT /mqtt HTTP/1.1", &FIELDS));
    assert!(response.contains("\r\nAllow: GET\r\nConnection: close\r\n"));

    let (_, response) = refused_as(&instead_of("Sec-WebSocket-Version", &[]));
    assert!(response.contains("\r\nSec-WebSocket-Version: 13\r\n"));
    assert!(response.contains("\r\nUpgrade: websocket\r\n"));
    assert!(response.contains("\r\nConnection: close, upgrade\r\n"));
}

proptest! {
    #[test]
    fn the_verdict_does_not_depend_on_what_follows(
        dropped in 0_usize..8,
        added in "[A-Za-z -]{0,6}:? ?[a-z]{0,3}",
        more in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut fields = FIELDS.to_vec();
        if dropped < fields.len() {
            fields.remove(dropped);
        }
        fields.push(&added);
        let head = request(LINE, &fields);
        let verdict = accept(&head, "/mqtt");
        prop_assert_eq!(&accept(&[head.as_slice(), &more].concat(), "/mqtt"), &verdict);
        for end in 0..head.len() {
            let early = accept(&head[..end], "/mqtt");
            prop_assert!(early == Handshake::NeedMore || early == verdict);
        }
    }

    #[test]
    fn no_bytes_are_too_odd(input in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = accept(&input, "/mqtt");
        let in_a_field = [request(LINE, &FIELDS[..5]).as_slice(), &input].concat();
        let _ = accept(&in_a_field[2..], "/mqtt");
    }
}
