//! What must not hurt: garbage, floods, and web pages that aim at loopback.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "common/http.rs"]
mod http;

use std::time::{Duration, Instant};

use common::Served;
use quorate_admin::api::{Code, Problem};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

fn problem(answer: &http::Answer) -> Problem {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no problem: {answer:?}"))
}

#[tokio::test]
async fn garbage_ends_the_connection_and_nothing_else() {
    let mut served = Served::start().await;
    let mut noise = vec![0_u8; 4096];
    noise
        .iter_mut()
        .enumerate()
        .for_each(|(at, byte)| *byte = (at * 7) as u8);
    let long_head = format!("GET /{} HTTP/1.1\r\n", "x".repeat(100_000));
    for bytes in [
        &noise[..],
        b"\r\n\r\nGET\r\n\r\n",
        long_head.as_bytes(),
        b"\x16\x03\x01",
    ] {
        let answer = http::raw(&served, bytes).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    assert_eq!(http::get(&served, "/livez").await.status, 200);
    assert!(served.node.calls().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn a_huge_body_is_refused() {
    let mut served = Served::start().await;
    let head = "POST /api/v1/node/join HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/json\r\n";
    let declared = http::send(&served, &format!("{head}Content-Length: 4294967296\r\n")).await;
    assert_eq!(declared.status, 413, "{declared:?}");
    assert_eq!(problem(&declared).code, Code::Usage);

    let chunk = format!("{:x}\r\n{}\r\n", 70_000, " ".repeat(70_000));
    let request = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}");
    let chunked = http::parse(&http::raw(&served, request.as_bytes()).await);
    assert_eq!(chunked.status, 413, "{chunked:?}");
    assert!(served.node.calls().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn a_slow_head_is_cut() {
    let mut served = Served::start().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nHo")
        .await
        .unwrap();
    let start = Instant::now();
    let answer = http::read_to_end(&mut stream).await;
    assert!(start.elapsed() < Duration::from_secs(15), "{answer}");
    assert!(!answer.contains("200 OK"), "{answer}");
    served.stop().await;
}

#[tokio::test]
async fn a_host_that_is_not_this_machine_is_refused() {
    let mut served = Served::start().await;
    for head in [
        "GET /livez HTTP/1.1\r\nHost: evil.example\r\n",
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
        "GET http://evil.example/livez HTTP/1.1\r\nHost: localhost\r\n",
        "GET /livez HTTP/1.0\r\n",
    ] {
        let answer = http::send(&served, head).await;
        assert_eq!(answer.status, 403, "{head}: {answer:?}");
        assert_eq!(problem(&answer).code, Code::NotAllowed);
    }
    let port = served.address.port();
    let named = format!("GET /livez HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n");
    assert_eq!(http::send(&served, &named).await.status, 200);
    served.stop().await;
}

#[tokio::test]
async fn a_form_of_a_web_page_is_no_request() {
    let mut served = Served::start().await;
    for content_type in ["", "Content-Type: text/plain\r\n"] {
        let head = format!("POST /api/v1/node/leave HTTP/1.1\r\nHost: localhost\r\n{content_type}");
        let answer = http::send(&served, &head).await;
        assert_eq!(answer.status, 415, "{answer:?}");
        assert_eq!(problem(&answer).code, Code::Usage);
    }
    assert!(served.node.calls().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn every_refusal_is_a_problem() {
    let mut served = Served::start().await;
    let post = |path: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let get =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    for (request, status) in [
        (get("/api/v2/cluster"), 404),
        (get("/"), 404),
        (get("/api/v1/node/join"), 405),
        (get("/api/v1/cluster/history?limit=many"), 400),
        (get("/api/v1/cluster/history?limit=0"), 400),
        (post("/api/v1/node/join", "{"), 400),
        (post("/api/v1/node/join", "{}"), 422),
        (
            post("/api/v1/node/join", r#"{"core":"a@b","wipes":true}"#),
            422,
        ),
        (post("/api/v1/tokens", r#"{"role":"admin","ttl_s":1}"#), 422),
    ] {
        let answer = http::parse(&http::raw(&served, request.as_bytes()).await);
        assert_eq!(answer.status, status, "{request}: {answer:?}");
        assert_eq!(problem(&answer).code, Code::Usage, "{request}");
    }
    assert!(served.node.calls().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn retry_after_tells_try_again_from_unavailable() {
    let mut served = Served::start().await;
    for (code, retries) in [(Code::TryAgain, true), (Code::Unavailable, false)] {
        served.node.script.lock().unwrap().problem = Some(Problem::new(code, "busy"));
        let answer = http::get(&served, "/api/v1/cluster/status").await;
        assert_eq!(answer.status, 503);
        assert_eq!(
            answer.head.contains("retry-after: 1"),
            retries,
            "{answer:?}"
        );
    }
    served.stop().await;
}

#[tokio::test]
async fn tokens_are_not_cached() {
    let mut served = Served::start().await;
    let answer = http::get(&served, "/api/v1/tokens").await;
    assert!(
        answer.head.contains("cache-control: no-store"),
        "{answer:?}"
    );
    served.stop().await;
}

/// Idle connections take up room, for a few seconds each.
#[tokio::test]
async fn more_connections_than_there_is_room_for() {
    let mut served = Served::start().await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(TcpStream::connect(served.address).await.unwrap());
    }
    assert_eq!(http::get(&served, "/livez").await.status, 200);
    let start = Instant::now();
    drop(idle);
    served.stop().await;
    assert!(start.elapsed() < Duration::from_secs(8));
}
