//! The file of the admin socket: who may open it, when it appears and goes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::scripted_node::ScriptedNode;
use common::{Served, mode};
use quorate_admin::{AdminSocket, BindError, serve_tcp};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, UnixStream};

#[tokio::test]
async fn only_the_owner_may_open_it_and_it_goes_at_the_end() {
    let mut served = Served::start().await;
    assert_eq!(mode(&served.socket), 0o600);
    let names = |served: &Served| std::fs::read_dir(served.folder.path()).unwrap().count();
    assert_eq!(names(&served), 1, "the birthplace is gone");
    served.stop().await;
    assert_eq!(names(&served), 0);
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("admin.sock");
    drop(UnixListener::bind(&file).unwrap());
    let half_born = folder.path().join(".sock");
    std::fs::create_dir(&half_born).unwrap();
    drop(UnixListener::bind(half_born.join("s")).unwrap());

    let _socket = AdminSocket::bind(&file).await.unwrap();
    assert_eq!(mode(&file), 0o600);
    UnixStream::connect(&file).await.unwrap();
}

#[tokio::test]
async fn what_another_uses_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("admin.sock");
    let _other = UnixListener::bind(&file).unwrap();
    let error = AdminSocket::bind(&file).await.unwrap_err();
    assert!(matches!(error, BindError::InUse(_)), "{error}");
    UnixStream::connect(&file).await.unwrap();

    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "mine").unwrap();
    let error = AdminSocket::bind(&text).await.unwrap_err();
    assert!(matches!(error, BindError::NotASocket(_)), "{error}");
    assert_eq!(std::fs::read_to_string(&text).unwrap(), "mine");
}

#[tokio::test]
async fn a_path_that_is_too_long_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = AdminSocket::bind(&folder.path().join("x".repeat(108)))
        .await
        .unwrap_err();
    assert!(matches!(error, BindError::PathTooLong(_)), "{error}");
    let error = AdminSocket::bind(&folder.path().join("none/admin.sock"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("none/admin.sock"), "{error}");
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_client_for_ever() {
    let mut served = Served::start().await;
    let mut stuck = UnixStream::connect(&served.socket).await.unwrap();
    let half = b"POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                 Content-Length: 10\r\n\r\n{";
    stuck.write_all(half).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    served.stop().await;
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn tcp_is_for_loopback_alone() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let served = serve_tcp(listener, Arc::new(ScriptedNode::default()), async {}).await;
    assert!(
        matches!(served, Err(BindError::NotLoopback(_))),
        "{served:?}"
    );
}
