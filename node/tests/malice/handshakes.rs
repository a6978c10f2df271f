//! Handshakes of TLS and WebSocket that stall, or come in thousands.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::version::Version;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::besieged::{BASE_MB, Besieged, allowed, local};
use crate::client::{connect, encoded};
use crate::support::ports::free_port;
use crate::support::wait::PATIENCE;

const STALLED: usize = 1_000;
const HANDSHAKES: usize = 3_000;
const THREADS: usize = 4;

/// A node with a listener for TLS, one for WebSocket and one for both.
struct Fortress {
    besieged: Besieged,
    tls: SocketAddr,
    ws: SocketAddr,
    wss: SocketAddr,
    client: Arc<ClientConfig>,
}

impl Fortress {
    /// A first packet may take so long.
    fn start(patience: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (cert_file, key_file) = (home.path().join("cert.pem"), home.path().join("key.pem"));
        fs::write(&cert_file, cert.pem()).unwrap();
        fs::write(&key_file, signing_key.serialize_pem()).unwrap();
        let [tls, ws, wss] = [(); 3].map(|()| local(free_port()));
        let mut sets = vec![format!(
            "listeners.tcp.default.first_packet_timeout={patience}"
        )];
        for (kind, address) in [("tls", tls), ("ws", ws), ("wss", wss)] {
            sets.push(format!("listeners.{kind}.default.bind={address}"));
            sets.push(format!(
                "listeners.{kind}.default.first_packet_timeout={patience}"
            ));
            if kind != "ws" {
                sets.push(format!(
                    "listeners.{kind}.default.cert={}",
                    cert_file.display()
                ));
                sets.push(format!(
                    "listeners.{kind}.default.key={}",
                    key_file.display()
                ));
            }
        }
        let client = client_config(cert.der());
        let besieged = Besieged::start_in(home, sets);
        let mut fortress = Self {
            besieged,
            tls,
            ws,
            wss,
            client,
        };
        fortress.assert_serves();
        fortress.besieged.settle();
        fortress
    }

    fn assert_serves(&mut self) {
        self.besieged.assert_serves();
        let mut stream = self.handshake(self.tls).unwrap();
        let connect = Connect::new(Version::V5, "by-tls");
        stream
            .write_all(&encoded(Version::V5, &Packet::Connect(connect)))
            .unwrap();
        let mut connack = [0; 4];
        stream.read_exact(&mut connack).unwrap();
        assert_eq!((connack[0], connack[3]), (0x20, 0));
        for address in [self.ws, self.wss] {
            let mut answer = [0; 12];
            if address == self.wss {
                let mut stream = self.handshake(address).unwrap();
                stream.write_all(&upgrade("")).unwrap();
                stream.read_exact(&mut answer).unwrap();
            } else {
                let mut stream = connect_to(address);
                stream.write_all(&upgrade("")).unwrap();
                stream.read_exact(&mut answer).unwrap();
            }
            assert_eq!(&answer, b"HTTP/1.1 101");
        }
    }

    /// To its end, but for what the first bytes bring.
    fn handshake(
        &self,
        address: SocketAddr,
    ) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let mut stream = StreamOwned::new(session(&self.client), connect_to(address));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    /// Opens connections that say this and then nothing, and looks what that costs.
    fn check_stalled(mut self, what: &str, address: SocketAddr, said: &[u8], megabytes: u64) {
        let streams: Vec<TcpStream> = (0..allowed(STALLED))
            .map(|_| {
                let mut stream = connect_to(address);
                stream.write_all(said).unwrap();
                stream
            })
            .collect();
        self.assert_serves();
        // The node itself lets go of them.
        self.besieged.wait_alone();
        self.assert_serves();
        self.besieged.assert_within(what, megabytes);
        drop(streams);
    }
}

fn connect_to(address: SocketAddr) -> TcpStream {
    let stream = connect(address);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn client_config(trusted: &CertificateDer<'_>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone().into_owned()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots);
    Arc::new(config.with_no_client_auth())
}

fn session(config: &Arc<ClientConfig>) -> ClientConnection {
    let name = ServerName::try_from("127.0.0.1").unwrap();
    ClientConnection::new(Arc::clone(config), name).unwrap()
}

fn client_hello(config: &Arc<ClientConfig>) -> Vec<u8> {
    let mut hello = Vec::new();
    session(config).write_tls(&mut hello).unwrap();
    hello
}

/// The head of a request for WebSocket, with further lines.
fn upgrade(lines: &str) -> Vec<u8> {
    format!(
        "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: mqtt\r\n{lines}\r\n"
    )
    .into_bytes()
}

#[test]
fn half_a_client_hello() {
    let fortress = Fortress::start("4s");
    let hello = client_hello(&fortress.client);
    let (address, half) = (fortress.tls, &hello[..hello.len() / 2]);
    fortress.check_stalled("1,000 halves of a ClientHello", address, half, BASE_MB + 16);
}

/// The server has answered, and waits with all that a handshake needs.
#[test]
fn a_client_hello_and_no_more() {
    let fortress = Fortress::start("8s");
    let hello = client_hello(&fortress.client);
    let address = fortress.tls;
    fortress.check_stalled(
        "1,000 first halves of a handshake",
        address,
        &hello,
        BASE_MB + 48,
    );
}

#[test]
fn half_an_http_head() {
    let fortress = Fortress::start("4s");
    let head = upgrade("");
    let (address, half) = (fortress.ws, &head[..head.len() / 2]);
    fortress.check_stalled("1,000 halves of an HTTP head", address, half, BASE_MB);
}

/// Nobody needs 4 MB of a head. What comes after the refusal is read for a moment, so that
/// it arrives, and not kept.
#[test]
fn lines_of_an_http_head_without_an_end() {
    let mut fortress = Fortress::start("4s");
    let lines = "X-Endless: and on\r\n".repeat(1_000);
    let head = upgrade("");
    for _ in 0..50 {
        let mut stream = connect_to(fortress.ws);
        let _ = stream.write_all(&head[..head.len() - 2]);
        let _ = (0..200).all(|_| stream.write_all(lines.as_bytes()).is_ok());
        let mut answer = Vec::new();
        // It may be cut off while lines are on their way.
        if stream.read_to_end(&mut answer).is_ok() {
            assert!(answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
        }
    }
    fortress.assert_serves();
    fortress.besieged.wait_alone();
    fortress
        .besieged
        .assert_within("endless HTTP heads", BASE_MB);
}

#[test]
fn thousands_of_handshakes() {
    let mut fortress = Fortress::start("8s");
    let attack = &fortress;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let address = if thread % 2 == 0 {
                attack.tls
            } else {
                attack.wss
            };
            scope.spawn(move || {
                for _ in 0..HANDSHAKES / THREADS {
                    drop(attack.handshake(address).unwrap());
                }
            });
        }
    });
    fortress.assert_serves();
    fortress.besieged.wait_alone();
    fortress
        .besieged
        .assert_within("3,000 handshakes of TLS", BASE_MB);
}
