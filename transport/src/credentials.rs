//! What a node shows to others and whom it believes, and the TLS settings that
//! follow from it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quorate_model::ids::Timestamp;
use ring::hmac;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::identity::{IdentityError, PeerIdentity};
use crate::verifier::{ChainVerifier, Distrust, Trust, check_chain};

/// Both sides show a certificate.
pub(crate) const PEER_PROTOCOL: &[u8] = b"quorate-peer/1";
/// The dialer has no certificate yet and asks for one.
pub(crate) const ADMISSION_PROTOCOL: &[u8] = b"quorate-admission/1";

/// A node's certificate, its key, and the authorities that it trusts.
#[derive(Clone)]
pub struct Credentials {
    /// The node's own first, then what leads to its authority.
    certificates: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    trusted: Vec<CertificateDer<'static>>,
    identity: PeerIdentity,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("there is no certificate")]
    NoCertificate,
    #[error("the certificate, its key and the trusted authorities do not fit: {0}")]
    Tls(String),
}

impl Credentials {
    /// `certificates` begins with the node's own. `trusted` begins with the
    /// authority that signed it; two are trusted while one replaces the other.
    pub fn new(
        certificates: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        trusted: Vec<CertificateDer<'static>>,
    ) -> Result<Self, CredentialsError> {
        let own = certificates
            .first()
            .ok_or(CredentialsError::NoCertificate)?;
        let identity = PeerIdentity::of(own)?;
        let credentials = Self {
            certificates,
            key: Arc::new(key),
            trusted,
            identity,
        };
        // What does not fit shows now, not at the first connection.
        let time = Arc::new(rustls::time_provider::DefaultTimeProvider);
        credentials.server_config(time.clone())?;
        credentials.peer_config(time)?;
        Ok(credentials)
    }

    pub fn identity(&self) -> &PeerIdentity {
        &self.identity
    }

    pub fn trusted(&self) -> &[CertificateDer<'static>] {
        &self.trusted
    }

    /// Whether a node with the same authorities would accept this one now.
    pub fn check_own(&self, now: Timestamp) -> Result<(), Distrust> {
        self.check(&self.certificates, now)
    }

    /// Whether this node would accept another one that shows this chain.
    pub fn check(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Result<(), Distrust> {
        let roots = self.roots();
        let roots = roots.map_err(|error| Distrust::Other(error.to_string()))?;
        let now = UnixTime::since_unix_epoch(Duration::from_millis(now.get()));
        check_chain(chain, roots, now)
    }

    /// Bytes that follow from the private key and give nothing of it away.
    pub(crate) fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.secret_der());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hmac::sign(&key, purpose).as_ref());
        bytes
    }

    /// Accepts nodes with a certificate, and strangers without one, who may ask
    /// for admission and for nothing else.
    pub(crate) fn server_config(
        &self,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Arc<QuicServerConfig>, CredentialsError> {
        let provider = provider();
        let roots = Arc::new(self.roots()?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .map_err(tls_error)?;
        let mut config = ServerConfig::builder_with_details(provider, time)
            .with_protocol_versions(&[&TLS13])
            .map_err(tls_error)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain(), self.key.clone_key())
            .map_err(tls_error)?;
        config.alpn_protocols = vec![PEER_PROTOCOL.to_vec(), ADMISSION_PROTOCOL.to_vec()];
        config.send_tls13_tickets = 0;
        let config = QuicServerConfig::try_from(config).map_err(tls_error)?;
        Ok(Arc::new(config))
    }

    /// For calls to other nodes of the cluster.
    pub(crate) fn peer_config(
        &self,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Arc<QuicClientConfig>, CredentialsError> {
        let verifier = ChainVerifier::of_members(self.roots()?, &provider());
        let mut config = ClientConfig::builder_with_details(provider(), time)
            .with_protocol_versions(&[&TLS13])
            .map_err(tls_error)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(self.chain(), self.key.clone_key())
            .map_err(tls_error)?;
        config.alpn_protocols = vec![PEER_PROTOCOL.to_vec()];
        finish(config)
    }

    /// What others are shown: the certificate up to the authority that signed it.
    /// Whoever wants to join has nothing but a hash of the latter.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        let issuer = self.trusted.first();
        let shown = self.certificates.iter().chain(issuer);
        shown.cloned().collect()
    }

    fn roots(&self) -> Result<RootCertStore, CredentialsError> {
        let mut roots = RootCertStore::empty();
        for certificate in &self.trusted {
            roots.add(certificate.clone()).map_err(tls_error)?;
        }
        Ok(roots)
    }
}

/// For a node that is no member yet: it shows nothing, and `trust` says how it
/// knows the other side.
pub(crate) fn stranger_config(
    trust: Trust,
    time: Arc<dyn TimeProvider>,
) -> Result<Arc<QuicClientConfig>, CredentialsError> {
    let verifier = ChainVerifier::of_stranger(trust, &provider());
    let mut config = ClientConfig::builder_with_details(provider(), time)
        .with_protocol_versions(&[&TLS13])
        .map_err(tls_error)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![ADMISSION_PROTOCOL.to_vec()];
    finish(config)
}

fn finish(mut config: ClientConfig) -> Result<Arc<QuicClientConfig>, CredentialsError> {
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    let config = QuicClientConfig::try_from(config).map_err(tls_error)?;
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn tls_error(error: impl fmt::Display) -> CredentialsError {
    CredentialsError::Tls(error.to_string())
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use quorate_model::ids::{ClusterId, NodeId};
    use quorate_model::member::Roles;
    use rustls::pki_types::PrivatePkcs8KeyDer;

    use super::*;
    use crate::authority::{Authority, NodeKey};
    use crate::identity::Subject;

    #[test]
    fn a_certificate_holds_under_its_own_authority_while_it_is_valid() {
        let (cluster, node) = (ClusterId::new(1), NodeId::new(2));
        let made = Timestamp::new(1_700_000_000_000);
        let after = |time: Duration| Timestamp::new(made.get() + time.as_millis() as u64);
        let make = || Authority::make(cluster, 1, made).unwrap();
        let (authority, other) = (make(), make());
        let identity = PeerIdentity {
            roles: Roles::Core,
            subject: Subject::Node { cluster, node },
        };
        let key = NodeKey::generate().unwrap();
        let certificate = authority.issue(&identity, &key.public(), made).unwrap();
        let check = |trusted: &Authority, now| {
            let private = PrivatePkcs8KeyDer::from(key.bytes().to_vec());
            let trusted = vec![trusted.certificate().clone()];
            let chain = vec![certificate.clone()];
            let credentials = Credentials::new(chain, private.into(), trusted);
            credentials.unwrap().check_own(now)
        };
        assert_eq!(check(&authority, made), Ok(()));
        assert_eq!(check(&other, made), Err(Distrust::OtherAuthority));
        let expired = after(Duration::from_secs(91 * 24 * 3600));
        assert_eq!(check(&authority, expired), Err(Distrust::Expired));
        let early = Timestamp::new(0);
        assert_eq!(check(&authority, early), Err(Distrust::NotYetValid));
    }
}
