//! The path in a request, and how it is compared with the configured one.

/// Whether the target of a request is `path`. A query is ignored, and what is
/// percent-encoded means the same as if it were not. `None` for a broken target.
pub(super) fn target_is(target: &[u8], path: &str) -> Option<bool> {
    let decoded = decode(path_of(target)?)?;
    Some(decoded == path.as_bytes())
}

/// A path as it stands in a request. Only what has no meaning of its own in a
/// target stays as it is.
pub(super) fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Proxies may send the whole URI instead of its path.
fn path_of(target: &[u8]) -> Option<&[u8]> {
    if target
        .iter()
        .any(|byte| !byte.is_ascii_graphic() || *byte == b'#')
    {
        return None;
    }
    let path_and_query = match without_scheme(target) {
        Some(rest) => {
            let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
            &rest[end.unwrap_or(rest.len())..]
        }
        None if target.starts_with(b"/") => target,
        None => return None,
    };
    let path = path_and_query.split(|byte| *byte == b'?').next()?;
    Some(if path.is_empty() { b"/" } else { path })
}

fn without_scheme(target: &[u8]) -> Option<&[u8]> {
    ["http://", "https://", "ws://", "wss://"]
        .into_iter()
        .find_map(|scheme| {
            let (start, rest) = target.split_at_checked(scheme.len())?;
            start
                .eq_ignore_ascii_case(scheme.as_bytes())
                .then_some(rest)
        })
}

fn decode(path: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    loop {
        rest = match rest {
            [] => return Some(decoded),
            [b'%', high, low, rest @ ..] => {
                decoded.push(hex_digit(*high)? << 4 | hex_digit(*low)?);
                rest
            }
            [b'%', ..] => return None,
            [byte, rest @ ..] => {
                decoded.push(*byte);
                rest
            }
        };
    }
}

fn hex_digit(character: u8) -> Option<u8> {
    // A digit in base 16 fits.
    char::from(character).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn compares_what_is_meant() {
        let table = [
            ("/mqtt", "/mqtt", Some(true)),
            ("/mqtt?token=a?b", "/mqtt", Some(true)),
            ("/%6dqt%74", "/mqtt", Some(true)),
            ("/m%C3%A9", "/mé", Some(true)),
            ("/m%c3%a9", "/mé", Some(true)),
            ("http://host:80/mqtt?x", "/mqtt", Some(true)),
            ("WSS://host/mqtt", "/mqtt", Some(true)),
            ("https://host", "/", Some(true)),
            ("https://host?x", "/", Some(true)),
            ("https://host?/mqtt", "/mqtt", Some(false)),
            ("/?x", "/", Some(true)),
            ("/a%3Fb", "/a?b", Some(true)),
            ("/mqtt/", "/mqtt", Some(false)),
            ("/MQTT", "/mqtt", Some(false)),
            ("//mqtt", "/mqtt", Some(false)),
            ("/x/../mqtt", "/mqtt", Some(false)),
            ("/mqtt%00", "/mqtt", Some(false)),
            ("/mqtt%20", "/mqtt", Some(false)),
            ("/%256dqtt", "/mqtt", Some(false)),
            ("/+", "/ ", Some(false)),
            ("mqtt", "mqtt", None),
            ("*", "*", None),
            ("ftp://host/mqtt", "/mqtt", None),
            ("", "", None),
            ("/mqtt#x", "/mqtt", None),
            ("/m%", "/m%", None),
            ("/m%4", "/m@", None),
            ("/m%4g", "/m", None),
            ("/m%+4", "/m", None),
            ("/mé", "/mé", None),
            ("/m qtt", "/m qtt", None),
        ];
        for (target, path, expected) in table {
            assert_eq!(target_is(target.as_bytes(), path), expected, "{target}");
        }
    }

    proptest! {
        #[test]
        fn an_encoded_path_is_the_path(path in "/[ -~é✓\\x00]{0,20}", other in "/[a%?]{0,3}") {
            let encoded = encode(&path);
            prop_assert_eq!(target_is(encoded.as_bytes(), &path), Some(true));
            prop_assert_eq!(target_is(encoded.as_bytes(), &other), Some(other == path));
        }

        #[test]
        fn no_target_is_too_odd(target in proptest::collection::vec(any::<u8>(), 0..30)) {
            let _ = target_is(&target, "/mqtt");
        }
    }
}
