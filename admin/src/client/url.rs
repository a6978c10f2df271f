//! What `--admin` takes.

use std::str::FromStr;

use hyper::Uri;
use thiserror::Error;

const DEFAULT_PORT: u16 = 18083;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlError {
    #[error("the admin API does not speak https; write http://HOST:PORT")]
    Https,
    #[error("`{0}` is no admin address; write http://HOST:PORT")]
    Malformed(String),
}

/// `HOST:PORT` out of `http://HOST[:PORT]`.
pub(super) fn authority(url: &str) -> Result<String, UrlError> {
    let malformed = || UrlError::Malformed(url.to_owned());
    let full = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    let uri = Uri::from_str(&full).map_err(|_| malformed())?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err(UrlError::Https),
        _ => return Err(malformed()),
    }
    let authority = uri.authority().ok_or_else(malformed)?;
    let is_plain = uri.path() == "/" && uri.query().is_none();
    if !is_plain || authority.host().is_empty() || authority.as_str().contains('@') {
        return Err(malformed());
    }
    // `host:` and `host:99999` have no port that can be read.
    let after_host = &authority.as_str()[authority.host().len()..];
    match (after_host, authority.port_u16()) {
        ("", _) => Ok(format!("{}:{DEFAULT_PORT}", authority.host())),
        (_, Some(port)) => Ok(format!("{}:{port}", authority.host())),
        (_, None) => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (url, expected) in [
            ("http://127.0.0.1:18083", "127.0.0.1:18083"),
            ("http://localhost:1/", "localhost:1"),
            ("http://localhost", "localhost:18083"),
            ("localhost:1", "localhost:1"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(authority(url).as_deref(), Ok(expected), "{url}");
        }
        assert_eq!(authority("https://localhost"), Err(UrlError::Https));
        for bad in [
            "",
            "http://",
            "ftp://localhost",
            "http://a b",
            "http://localhost/api",
            "http://localhost?x",
            "http://me@localhost",
            "http://localhost:",
            "http://localhost:99999",
        ] {
            let error = UrlError::Malformed(bad.to_owned());
            assert_eq!(authority(bad), Err(error), "{bad}");
        }
    }
}
