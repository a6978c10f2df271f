//! One node with a listener of each kind, for all tests of this process.

use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::matrix::Transport;
use crate::support::node::Node;
use crate::support::ports::free_port;
use crate::support::wait::until;

pub(crate) struct Served {
    ports: [u16; Transport::ALL.len()],
    // Before the directory that it writes to.
    _node: Node,
    home: TempDir,
}

impl Served {
    /// The one that runs, or a new one. It ends with the last test that uses it.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Served>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let served = Arc::new(Self::start());
            *shared = Arc::downgrade(&served);
            served
        })
    }

    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        issue_certificates(&home);
        let ports = Transport::ALL.map(|_| free_port());
        let mut node = Node::new(home.path(), "broker");
        // Both roles, as by default.
        node.sets.clear();
        for (transport, port) in Transport::ALL.into_iter().zip(ports) {
            let listener = format!("listeners.{}.default", transport.name());
            node.sets.push(format!("{listener}.bind=127.0.0.1:{port}"));
            if matches!(transport, Transport::Tls | Transport::Wss) {
                for file in ["cert", "key"] {
                    let path = home.path().join(format!("server.{file}"));
                    node.sets
                        .push(format!("{listener}.{file}={}", path.display()));
                }
            }
        }
        node.start();
        node.wait_settled();
        for port in ports {
            until("the listener is open", || {
                TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())
            });
        }
        Self {
            ports,
            _node: node,
            home,
        }
    }

    pub(crate) fn port(&self, transport: Transport) -> u16 {
        let at = Transport::ALL.iter().position(|one| *one == transport);
        self.ports[at.unwrap()]
    }

    /// The certificate of the authority that has signed the node's.
    pub(crate) fn ca(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }
}

fn issue_certificates(home: &TempDir) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // OpenSSL takes a certificate that is named as its issuer for one that signed itself.
    let name = "The authority of the tests";
    params.distinguished_name.push(DnType::CommonName, name);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = params.signed_by(&key, &issuer).unwrap();
    let files = [
        ("ca.pem", authority.pem()),
        ("server.cert", server.pem()),
        ("server.key", key.serialize_pem()),
    ];
    for (name, text) in files {
        let path = home.path().join(name);
        fs::write(&path, text).unwrap();
        // The node warns of a key that others may read.
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
}
