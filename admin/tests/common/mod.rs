//! A node that only remembers what it was asked, and servers around it.

#![allow(clippy::unwrap_used, clippy::expect_used)]
// Each test file uses a part of it.
#![allow(dead_code)]

use std::future::ready;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use quorate_admin::api::{
    ClusterStatus, CreateTokenRequest, HistoryEvent, JoinRequest, NewToken, NodeState, NodeStatus,
    Phase, Problem, Quorum, Secret, ThisNode, TokenInfo, TokenState, Work, WorkKind,
};
use quorate_admin::{AdminClient, AdminSocket, Check, Control, Reply, serve_tcp, serve_unix};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

#[derive(Default)]
pub(crate) struct FakeNode {
    calls: Mutex<Vec<String>>,
    /// What every call fails with.
    pub(crate) problem: Mutex<Option<Problem>>,
    pub(crate) checks: Mutex<Vec<Check>>,
}

impl FakeNode {
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn answer<T: Send + 'static>(&self, call: impl Into<String>, value: T) -> Reply<'_, T> {
        self.calls.lock().unwrap().push(call.into());
        let problem = self.problem.lock().unwrap().clone();
        ready(problem.map_or(Ok(value), Err)).boxed()
    }
}

impl Control for FakeNode {
    fn status(&self) -> Reply<'_, ClusterStatus> {
        self.answer("status", status())
    }

    fn history(&self, limit: u32) -> Reply<'_, Vec<HistoryEvent>> {
        self.answer(format!("history {limit}"), vec![event()])
    }

    fn force_leave(&self, name: String) -> Reply<'_, ()> {
        self.answer(format!("force_leave {name}"), ())
    }

    fn init(&self) -> Reply<'_, ()> {
        self.answer("init", ())
    }

    fn join(&self, request: JoinRequest) -> Reply<'_, ()> {
        let token = request.token.map(|token| token.expose().to_owned());
        self.answer(
            format!("join {} {token:?} {}", request.core, request.wipe),
            (),
        )
    }

    fn leave(&self) -> Reply<'_, ()> {
        self.answer("leave", ())
    }

    fn work(&self) -> Reply<'_, Option<Work>> {
        self.answer("work", Some(work()))
    }

    fn create_token(&self, request: CreateTokenRequest) -> Reply<'_, NewToken> {
        let token = NewToken {
            id: "t1".to_owned(),
            token: Secret::new("hush"),
            role: request.role,
            expires: "2030-01-01T00:00:00Z".to_owned(),
        };
        self.answer(format!("create_token {}", request.ttl_s), token)
    }

    fn list_tokens(&self) -> Reply<'_, Vec<TokenInfo>> {
        self.answer("list_tokens", vec![token_info()])
    }

    fn revoke_token(&self, id: String) -> Reply<'_, ()> {
        self.answer(format!("revoke_token {id}"), ())
    }

    fn rotate_authority(&self) -> Reply<'_, ()> {
        self.answer("rotate_authority", ())
    }

    fn finish_rotation(&self) -> Reply<'_, ()> {
        self.answer("finish_rotation", ())
    }

    fn health(&self) -> Vec<Check> {
        self.checks.lock().unwrap().clone()
    }
}

pub(crate) fn status() -> ClusterStatus {
    ClusterStatus {
        cluster_name: "quorate".to_owned(),
        cluster_id: Some("6f1c".to_owned()),
        leader: Some("core1@127.0.0.1".to_owned()),
        term: 3,
        quorum: Quorum {
            alive: 1,
            voters: 1,
            needed: 1,
        },
        stale: false,
        nodes: vec![NodeStatus {
            name: "core1@127.0.0.1".to_owned(),
            id: "1".to_owned(),
            roles: vec!["core".to_owned()],
            state: NodeState::CatchingUp,
            revision: Some(7),
            lag: Some(0),
            clients: None,
            version: "0.1.0".to_owned(),
            address: "127.0.0.1:4370".to_owned(),
        }],
        this_node: ThisNode {
            name: "core1@127.0.0.1".to_owned(),
            id: "1".to_owned(),
            phase: Phase::Member,
            detail: None,
        },
    }
}

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

/// Both servers around one fake node.
pub(crate) struct Served {
    pub(crate) node: Arc<FakeNode>,
    pub(crate) socket: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    stops: Vec<oneshot::Sender<()>>,
    servers: Vec<JoinHandle<()>>,
}

impl Served {
    pub(crate) async fn start() -> Self {
        let node = Arc::new(FakeNode::default());
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
