//! Servers around a scripted node.

#![allow(clippy::unwrap_used, clippy::expect_used)]
// Each test file uses a part of it.
#![allow(dead_code)]

pub(crate) mod scripted_node;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt;
use quorate_admin::api::{HistoryEvent, TokenInfo, TokenState, Work, WorkKind};
use quorate_admin::{AdminClient, AdminSocket, serve_tcp, serve_unix};
use scripted_node::{Script, ScriptedNode};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) fn event() -> HistoryEvent {
    HistoryEvent {
        revision: 1,
        time: "2030-01-01T00:00:00Z".to_owned(),
        what: "formed".to_owned(),
        by: None,
    }
}

pub(crate) fn work() -> Work {
    Work {
        kind: WorkKind::Join,
        step: "learner".to_owned(),
        done: Some(12),
        total: Some(34),
        obstacle: None,
        finished: None,
    }
}

pub(crate) fn token_info() -> TokenInfo {
    TokenInfo {
        id: "t1".to_owned(),
        role: quorate_admin::api::TokenRole::Core,
        expires: "2030-01-01T00:00:00Z".to_owned(),
        created_by: "core1@127.0.0.1".to_owned(),
        used_by: None,
        state: TokenState::Valid,
    }
}

/// Both servers around one node.
pub(crate) struct Served {
    pub(crate) node: Arc<ScriptedNode>,
    pub(crate) socket: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    stops: Vec<oneshot::Sender<()>>,
    servers: Vec<JoinHandle<()>>,
}

impl Served {
    pub(crate) async fn start() -> Self {
        let node = Arc::new(ScriptedNode::default());
        *node.script.lock().unwrap() = Script {
            work: [work()].into(),
            tokens: vec![token_info()],
            history: vec![event()],
            ..Script::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("admin.sock");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut served = Self {
            node: node.clone(),
            socket: socket.clone(),
            address: listener.local_addr().unwrap(),
            folder,
            stops: Vec::new(),
            servers: Vec::new(),
        };
        let stop = served.new_stop();
        let bound = AdminSocket::bind(&socket).await.unwrap();
        let unix = serve_unix(bound, node.clone(), stop);
        served.servers.push(tokio::spawn(unix));
        let stop = served.new_stop();
        let tcp = async move { serve_tcp(listener, node, stop).await.unwrap() };
        served.servers.push(tokio::spawn(tcp));
        served
    }

    fn new_stop(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let (stop, stopped) = oneshot::channel();
        self.stops.push(stop);
        stopped.map(|_| ())
    }

    pub(crate) fn unix_client(&self) -> AdminClient {
        AdminClient::unix(&self.socket)
    }

    pub(crate) fn tcp_client(&self) -> AdminClient {
        AdminClient::http(&format!("http://{}", self.address)).unwrap()
    }

    pub(crate) async fn stop(&mut self) {
        self.stops.clear();
        for server in self.servers.drain(..) {
            server.await.unwrap();
        }
    }
}

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
