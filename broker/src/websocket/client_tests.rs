use super::*;

const KEY: [u8; 16] = *b"the sample nonce";
const RESPONSE: [&str; 5] = [
    "HTTP/1.1 101 Switching Protocols",
    "upgrade: WebSocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    "Sec-WebSocket-Protocol: mqtt",
];

fn response(lines: &[&str]) -> Vec<u8> {
    [lines, &["", ""]].concat().join("\r\n").into_bytes()
}

#[test]
fn asks_for_mqtt() {
    let expected = "GET /mqtt/%C3%A9%3F HTTP/1.1\r\n\
        Host: broker.example:8083\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: mqtt\r\n\r\n";
    let request = request("broker.example:8083", "/mqtt/é?", KEY).unwrap();
    assert_eq!(String::from_utf8(request).unwrap(), expected);
}

#[test]
fn asks_no_host_that_breaks_the_request() {
    for host in ["", "a\r\nX: y", "a b", "é"] {
        assert_eq!(request(host, "/", KEY), Err(ClientError::Host), "{host}");
    }
    for path in ["", "mqtt", "http://a/"] {
        assert_eq!(request("a", path, KEY), Err(ClientError::Path), "{path}");
    }
}

#[test]
fn takes_the_response_of_the_standard() {
    let head = response(&RESPONSE);
    let input = [head.as_slice(), b"\x82\x00"].concat();
    assert_eq!(check_response(&input, KEY), Ok(Some(head.len())));
    for end in 0..head.len() {
        assert_eq!(check_response(&input[..end], KEY), Ok(None));
    }
}

#[test]
fn refuses_other_responses() {
    use ClientError as E;
    let table = [
        (0, "HTTP/1.1 404 Not Found", E::Refused(404)),
        (0, "HTTP/1.1 200", E::Refused(200)),
        (0, "HTTP/1.0 101 Switching Protocols", E::StatusLine),
        (0, "HTTP/1.1 1010", E::StatusLine),
        (0, "HTTP/1.1 +10", E::StatusLine),
        (0, "HTTP/1.1 10", E::StatusLine),
        (0, "", E::StatusLine),
        (1, "Upgrade: h2c", E::NoUpgrade),
        (2, "Connection: close", E::NoUpgrade),
        (
            3,
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO=",
            E::Accept,
        ),
        (
            3,
            "X: y",
            E::Head(HeadError::Missing("Sec-WebSocket-Accept")),
        ),
        (4, "X: y", E::Subprotocol),
        (4, "Sec-WebSocket-Protocol: mqttv3.1", E::Subprotocol),
        (4, "Sec-WebSocket-Extensions: x", E::Extension),
        (
            4,
            RESPONSE[3],
            E::Head(HeadError::Duplicate("Sec-WebSocket-Accept")),
        ),
    ];
    for (at, line, error) in table {
        let mut lines = RESPONSE;
        lines[at] = line;
        assert_eq!(check_response(&response(&lines), KEY), Err(error), "{line}");
    }
    let other_key = [0; 16];
    assert_eq!(
        check_response(&response(&RESPONSE), other_key),
        Err(E::Accept)
    );
}
