//! What every request must pass, whatever its path.
//!
//! A web page that an operator visits must not administer the node. It can
//! make a browser send requests to `127.0.0.1`, but not with a JSON content
//! type unless we allow it (we never do), and if it rebinds its own name to
//! that address, the name still stands in the `Host` header.

use std::net::IpAddr;
use std::str::FromStr;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::MAX_BODY_BYTES;
use super::answer::Refusal;
use crate::api::Code;

/// Who can reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// Those whom the file system lets to the socket.
    Unix,
    /// Every program on this machine, browsers included.
    Loopback,
}

pub(super) async fn guard(
    State(exposure): State<Exposure>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match check(exposure, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    // Tokens above all; and no other answer is worth keeping either.
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn check(exposure: Exposure, request: &Request) -> Result<(), Refusal> {
    if exposure == Exposure::Loopback && !names_loopback(request) {
        let error = "the Host header does not name this machine's loopback";
        return Err(Refusal::new(StatusCode::FORBIDDEN, Code::NotAllowed, error)
            .with_hint("use http://127.0.0.1:PORT or http://localhost:PORT"));
    }
    if declared_length(request.headers()) > MAX_BODY_BYTES as u64 {
        return Err(Refusal::too_large());
    }
    if request.method() == Method::POST && !is_json(request.headers()) {
        return Err(Refusal::usage(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "a POST needs the header `Content-Type: application/json`, even without a body",
        ));
    }
    Ok(())
}

fn names_loopback(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    };
    // `GET http://name/ HTTP/1.1` says where to twice.
    let target = request
        .uri()
        .authority()
        .map_or(host, |it| Some(it.as_str()));
    [host, target]
        .into_iter()
        .all(|authority| authority.is_some_and(is_loopback))
}

fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = Authority::from_str(authority) else {
        return false;
    };
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || IpAddr::from_str(bare).is_ok_and(|address| address.is_loopback())
}

fn declared_length(headers: &HeaderMap) -> u64 {
    headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .unwrap_or(0)
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok()?.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1:18083",
            "127.9.9.9",
            "[::1]:80",
        ] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example@localhost",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "a b",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
