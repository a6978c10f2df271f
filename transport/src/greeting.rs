//! The first exchange on a connection between nodes, over real streams.

use quinn::ConnectionError;
use quorate_model::ids::NodeId;
use rustls::pki_types::CertificateDer;

use crate::connection::{CloseCode, close};
use crate::credentials::PEER_PROTOCOL;
use crate::directory::PeerDirectory;
use crate::hello::{Answer, Hello, MAX_HELLO_BYTES, Refusal};
use crate::identity::{IdentityError, PeerIdentity, Subject};
use crate::service::KnownPeer;

/// Why no connection to a node came about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GreetingError {
    /// This node refused the other.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The other node refused this one.
    #[error("it refused this node: {0}")]
    RefusedByPeer(Refusal),
    #[error("its certificate was not made by an authority of this cluster")]
    OtherAuthority,
    #[error("it does not trust this node's certificate: made by another authority, or expired")]
    NotTrusted,
    #[error("its certificate has expired, or a clock is wrong")]
    Expired,
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("{0}")]
    Connection(String),
}

/// TLS alerts as QUIC error codes (RFC 9001, section 4.8).
const ALERT: u64 = 0x100;
const BAD_CERTIFICATE: u64 = ALERT + 42;
const CERTIFICATE_EXPIRED: u64 = ALERT + 45;
const CERTIFICATE_UNKNOWN: u64 = ALERT + 46;
const UNKNOWN_AUTHORITY: u64 = ALERT + 48;
const DECRYPT_ERROR: u64 = ALERT + 51;

/// The dialer speaks first.
pub(crate) async fn greet(
    quic: &quinn::Connection,
    ours: &Hello,
    directory: &PeerDirectory,
) -> Result<KnownPeer, GreetingError> {
    let identity = identity(quic)?;
    let (mut send, mut receive) = quic.open_bi().await?;
    send.write_all(&ours.encode())
        .await
        .map_err(|error| broken(quic, &error))?;
    let _ = send.finish();
    let answer = receive.read_to_end(MAX_HELLO_BYTES).await;
    let answer = answer.map_err(|error| broken(quic, &error))?;
    let theirs = match Answer::decode(&answer).map_err(GreetingError::Refused)? {
        Answer::Welcome(theirs) => theirs,
        Answer::Refused(refusal) => return Err(GreetingError::RefusedByPeer(refusal)),
    };
    let checked = ours
        .check(&theirs, &identity)
        .and_then(|()| directory.admit(&theirs));
    checked.map_err(GreetingError::Refused)?;
    Ok(known(theirs))
}

/// The other side dialed: hears it out and answers.
pub(crate) async fn answer(
    quic: &quinn::Connection,
    ours: &Hello,
    directory: &PeerDirectory,
) -> Result<KnownPeer, GreetingError> {
    let identity = identity(quic)?;
    let (mut send, mut receive) = quic.accept_bi().await?;
    let hello = receive.read_to_end(MAX_HELLO_BYTES).await;
    let hello = hello.map_err(|error| broken(quic, &error))?;
    let checked = Hello::decode(&hello).and_then(|theirs| {
        ours.check(&theirs, &identity)?;
        directory.admit(&theirs)?;
        Ok(theirs)
    });
    let answer = match &checked {
        Ok(_) => Answer::Welcome(ours.clone()),
        Err(refusal) => Answer::Refused(refusal.clone()),
    };
    send.write_all(&answer.encode())
        .await
        .map_err(|error| broken(quic, &error))?;
    let _ = send.finish();
    match checked {
        Ok(theirs) => Ok(known(theirs)),
        Err(refusal) => {
            // The dialer closes when it has read why.
            let _ = send.stopped().await;
            close(quic, CloseCode::Refused, "refused");
            Err(GreetingError::Refused(refusal))
        }
    }
}

fn known(hello: Hello) -> KnownPeer {
    KnownPeer {
        node: hello.node,
        incarnation: hello.incarnation,
        name: hello.name,
        roles: hello.roles,
    }
}

/// What the other side's certificate says, if it showed one.
pub(crate) fn identity(quic: &quinn::Connection) -> Result<PeerIdentity, GreetingError> {
    match shown_chain(quic).first() {
        Some(certificate) => Ok(PeerIdentity::of(certificate)?),
        None => Err(GreetingError::Connection(String::from(
            "it showed no certificate",
        ))),
    }
}

/// The other side's certificate, and what leads to its authority.
pub(crate) fn shown_chain(quic: &quinn::Connection) -> Vec<CertificateDer<'static>> {
    let shown = quic.peer_identity();
    let chain = shown.and_then(|it| it.downcast::<Vec<CertificateDer<'static>>>().ok());
    chain.map_or_else(Vec::new, |chain| *chain)
}

/// Whether the certificate that is shown speaks for that node, and as a core:
/// nobody else may say how this node stands with the cluster.
pub(crate) fn is_core(quic: &quinn::Connection, node: NodeId, directory: &PeerDirectory) -> bool {
    identity(quic).is_ok_and(|shown| {
        let is_it = match shown.subject {
            Subject::Node { node: shown, .. } => shown == node,
            Subject::Name(name) => directory
                .entry(node)
                .is_some_and(|entry| entry.name == name),
        };
        is_it && shown.roles.is_core()
    })
}

/// Whether the dialer is a node with a certificate, or a stranger.
pub(crate) fn is_peer(quic: &quinn::Connection) -> bool {
    let data = quic.handshake_data();
    let data = data.and_then(|it| it.downcast::<quinn::crypto::rustls::HandshakeData>().ok());
    data.and_then(|data| data.protocol).as_deref() == Some(PEER_PROTOCOL)
}

fn broken(quic: &quinn::Connection, error: &dyn std::error::Error) -> GreetingError {
    match quic.close_reason() {
        Some(reason) => reason.into(),
        None => GreetingError::Connection(error.to_string()),
    }
}

impl From<ConnectionError> for GreetingError {
    fn from(error: ConnectionError) -> Self {
        match &error {
            // This side found fault with the other's certificate.
            ConnectionError::TransportError(ours) => match u64::from(ours.code) {
                BAD_CERTIFICATE | CERTIFICATE_UNKNOWN | UNKNOWN_AUTHORITY | DECRYPT_ERROR => {
                    Self::OtherAuthority
                }
                CERTIFICATE_EXPIRED => Self::Expired,
                _ => Self::Connection(error.to_string()),
            },
            // The other side did.
            ConnectionError::ConnectionClosed(theirs) => match u64::from(theirs.error_code) {
                BAD_CERTIFICATE..=UNKNOWN_AUTHORITY | DECRYPT_ERROR => Self::NotTrusted,
                _ => Self::Connection(error.to_string()),
            },
            ConnectionError::TimedOut => Self::Connection(String::from("it does not answer")),
            _ => Self::Connection(error.to_string()),
        }
    }
}
