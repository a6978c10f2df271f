//! Committed operations a second through three processes that speak QUIC with
//! mutual TLS on loopback, beside three cores in one process, in the same run: each
//! on sled with real syncs, on the same disk and the same processors.
//!
//! The processes are this program, started again; they take orders from standard
//! input, a line each, and end with it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "support/callers.rs"]
mod callers;

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use callers::{BenchCore, NODES, form, node_name, run_callers, run_share, start_core, start_cores};
use futures::future::BoxFuture;
use quorate_model::ids::{ClusterId, Incarnation, NodeId, Timestamp};
use quorate_model::member::Roles;
use quorate_transport::{
    Authority, Caller, Credentials, Environment, Hello, NodeKey, PROTOCOLS, Parts, PeerDirectory,
    PeerIdentity, Serve, Service, Subject, Transport, TransportConfig,
};
use tokio::runtime::Runtime;

const CLUSTER: ClusterId = ClusterId::new(1);
const ROUNDS: usize = 5;
/// Callers, and the operations of a round.
const LOADS: [(usize, usize); 3] = [(1, 1_000), (64, 40_000), (1_024, 200_000)];
const SOCKET_BUFFER_BYTES: usize = 8 << 20;

/// One of the processes, as its parent sees it.
struct Member {
    process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Member {
    fn start(id: u64, folder: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([Path::new("member"), Path::new(&id.to_string()), folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            orders: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()).lines(),
            process,
        }
    }

    fn order(&mut self, line: &str) {
        writeln!(self.orders, "{line}").unwrap();
    }

    fn answer(&mut self) -> String {
        self.answers.next().expect("the process has ended").unwrap()
    }

    fn end(self) {
        let Self {
            mut process,
            orders,
            answers: _,
        } = self;
        drop(orders);
        assert!(process.wait().unwrap().success());
    }
}

fn start_members(folder: &Path) -> Vec<Member> {
    let authority = Authority::make(CLUSTER, 1, now()).unwrap();
    let mut members: Vec<Member> = NODES
        .map(|id| {
            let folder = folder.join(format!("process{id}"));
            write_credentials(id, &authority, &folder);
            Member::start(id, &folder)
        })
        .into();
    let addresses: Vec<String> = members.iter_mut().map(Member::answer).collect();
    for member in &mut members {
        member.order(&format!("peers {}", addresses.join(" ")));
        assert_eq!(member.answer(), "done");
    }
    members[0].order("form");
    assert_eq!(members[0].answer(), "done");
    members
}

fn write_credentials(id: u64, authority: &Authority, folder: &Path) {
    let key = NodeKey::generate().unwrap();
    let node = NodeId::new(id);
    let identity = PeerIdentity {
        roles: Roles::Core,
        subject: Subject::Node {
            cluster: CLUSTER,
            node,
        },
    };
    let certificate = authority.issue(&identity, &key.public(), now()).unwrap();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("key"), key.bytes()).unwrap();
    std::fs::write(folder.join("certificate"), &certificate).unwrap();
    std::fs::write(folder.join("authority"), authority.certificate()).unwrap();
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::new(u64::try_from(since.unwrap().as_millis()).unwrap())
}

/// Hands what comes for the Raft group to the core, once there is one.
struct Reception {
    core: Arc<OnceLock<BenchCore>>,
}

impl Serve for Reception {
    fn serve(&self, caller: Caller, _: Service, request: Bytes) -> BoxFuture<'static, Bytes> {
        let core = Arc::clone(&self.core);
        Box::pin(async move {
            match (caller, core.get()) {
                (Caller::Node(peer), Some(core)) => core.handle(peer.node, request).await,
                _ => Bytes::new(),
            }
        })
    }
}

/// One of the processes, as it sees itself.
struct Worker {
    id: u64,
    core: BenchCore,
    transport: Transport,
    directory: Arc<PeerDirectory>,
}

impl Worker {
    async fn start(id: u64, folder: &Path, socket: UdpSocket) -> Self {
        let core = Arc::<OnceLock<BenchCore>>::default();
        let directory = Arc::<PeerDirectory>::default();
        let reception = Reception {
            core: Arc::clone(&core),
        };
        let transport = start_transport(id, folder, socket, &directory, reception);
        let link = transport.link(Service::Raft);
        let started = start_core(id, &folder.join("store"), link).await;
        let _ = core.set(started.clone());
        Self {
            id,
            core: started,
            transport,
            directory,
        }
    }

    async fn obey(&self, order: &str) {
        let words: Vec<&str> = order.split_whitespace().collect();
        match words[..] {
            ["peers", ref addresses @ ..] => {
                for (id, address) in NODES.into_iter().zip(addresses) {
                    let addresses = vec![(*address).to_owned()];
                    let life = Incarnation::new(1);
                    self.directory
                        .set_member(NodeId::new(id), node_name(id), addresses, life);
                }
            }
            ["form"] => form(&self.core).await,
            ["run", callers, operations] => {
                let (callers, operations) = (callers.parse().unwrap(), operations.parse().unwrap());
                let place = usize::try_from(self.id - 1).unwrap();
                run_share(&self.core, place, callers, operations).await;
            }
            _ => panic!("{order} is no order"),
        }
    }
}

fn start_transport(
    id: u64,
    folder: &Path,
    socket: UdpSocket,
    directory: &Arc<PeerDirectory>,
    reception: Reception,
) -> Transport {
    let read = |name| std::fs::read(folder.join(name)).unwrap();
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(read("key"));
    let credentials = Credentials::new(
        vec![read("certificate").into()],
        key.into(),
        vec![read("authority").into()],
    );
    let buffers = socket2::SockRef::from(&socket);
    buffers.set_recv_buffer_size(SOCKET_BUFFER_BYTES).unwrap();
    buffers.set_send_buffer_size(SOCKET_BUFFER_BYTES).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let environment = Environment::system(id);
    let parts = Parts {
        config: TransportConfig::default(),
        socket: environment.runtime.wrap_udp_socket(socket).unwrap(),
        environment,
        credentials: credentials.unwrap(),
        hello: Hello {
            protocols: PROTOCOLS,
            cluster: CLUSTER,
            node: NodeId::new(id),
            incarnation: Incarnation::new(1),
            name: node_name(id),
            roles: Roles::Core,
            addresses: vec![address],
            version: String::from("bench"),
        },
        directory: Arc::clone(directory),
        serve: Arc::new(reception),
    };
    Transport::start(parts).unwrap()
}

fn be_a_member(id: u64, folder: &Path) {
    let runtime = runtime();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    println!("{}", socket.local_addr().unwrap());
    let worker = runtime.block_on(Worker::start(id, folder, socket));
    for order in std::io::stdin().lock().lines() {
        runtime.block_on(worker.obey(&order.unwrap()));
        println!("done");
    }
    runtime.block_on(async {
        worker.core.shutdown().await;
        worker.transport.shutdown(std::time::Duration::ZERO).await;
    });
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn compare(folder: &Path) {
    let mut members = start_members(folder);
    let runtime = runtime();
    let cores = runtime.block_on(start_cores(folder));
    for (callers, operations) in LOADS {
        let (mut apart, mut together) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            for member in &mut members {
                member.order(&format!("run {callers} {operations}"));
            }
            members
                .iter_mut()
                .for_each(|member| assert_eq!(member.answer(), "done"));
            apart.push(operations as f64 / begun.elapsed().as_secs_f64());
            let begun = Instant::now();
            runtime.block_on(run_callers(&cores, callers, operations));
            together.push(operations as f64 / begun.elapsed().as_secs_f64());
        }
        let (apart, together) = (median(apart), median(together));
        println!(
            "{callers} callers: three processes {apart:.0}/s, one process {together:.0}/s, {:.2}",
            apart / together
        );
    }
    members.into_iter().for_each(Member::end);
    for core in cores {
        runtime.block_on(core.shutdown());
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [what, id, folder] = &arguments[..]
        && what == "member"
    {
        return be_a_member(id.parse().unwrap(), &PathBuf::from(folder));
    }
    let folder = tempfile::tempdir().unwrap();
    compare(folder.path());
}
