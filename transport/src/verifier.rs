//! How a dialer checks the other side's certificate.
//!
//! A node has no name that a certificate could be checked against before the
//! connection is made: its address may be new. So TLS checks the chain alone,
//! and the handshake above compares the identity in it with the one dialed.

use std::fmt;

use ring::digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, PeerIncompatible, RootCertStore,
    SignatureScheme,
};

use crate::environment::Environment;

/// SHA-256 over an authority's certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AuthorityHash([u8; 32]);

/// How a stranger knows whom it is talking to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The chain must end in this authority; a token names it.
    Authority(AuthorityHash),
    /// Whoever it is will have to prove that it knows the shared secret.
    ProofLater,
}

impl AuthorityHash {
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, certificate).as_ref());
        Self(hash)
    }

    pub const fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for AuthorityHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorityHash({:02x?}…)", &self.0[..4])
    }
}

/// Why a certificate is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate does not hold: {0}")]
pub struct ChainError(String);

/// Whether the authority made the certificate, and whether it is valid now.
pub fn check_chain(
    environment: &Environment,
    certificate: &CertificateDer<'_>,
    authority: &CertificateDer<'_>,
) -> Result<(), ChainError> {
    let failed = |error: Error| ChainError(error.to_string());
    let now = environment.time.current_time();
    let now = now.ok_or_else(|| ChainError(String::from("the time is not known")))?;
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone().into_owned()).map_err(failed)?;
    let certificate = ParsedCertificate::try_from(certificate).map_err(failed)?;
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    verify_server_cert_signed_by_trust_anchor(&certificate, &roots, &[], now, algorithms.all)
        .map_err(failed)
}

/// Checks the chain alone, and that the other side has the key to it.
#[derive(Debug)]
pub(crate) struct ChainVerifier {
    roots: Roots,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Roots {
    Known(RootCertStore),
    /// Found in the chain that is shown.
    Shown(Trust),
}

impl ChainVerifier {
    pub(crate) fn of_members(roots: RootCertStore, provider: &CryptoProvider) -> Self {
        Self {
            roots: Roots::Known(roots),
            algorithms: provider.signature_verification_algorithms,
        }
    }

    pub(crate) fn of_stranger(trust: Trust, provider: &CryptoProvider) -> Self {
        Self {
            roots: Roots::Shown(trust),
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl Trust {
    fn root_in(self, chain: &[CertificateDer<'_>]) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        let authority = chain.iter().find(|certificate| match self {
            Self::Authority(hash) => AuthorityHash::of(certificate) == hash,
            Self::ProofLater => true,
        });
        let authority = authority.ok_or(CertificateError::UnknownIssuer)?;
        roots.add(authority.clone().into_owned())?;
        Ok(roots)
    }
}

impl ServerCertVerifier for ChainVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown;
        let roots = match &self.roots {
            Roots::Known(roots) => roots,
            Roots::Shown(trust) => {
                shown = trust.root_in(intermediates)?;
                &shown
            }
        };
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            roots,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use quorate_model::ids::{ClusterId, NodeId, Timestamp};
    use quorate_model::member::Roles;

    use super::*;
    use crate::authority::{Authority, NodeKey};
    use crate::identity::{PeerIdentity, Subject};

    #[test]
    fn a_certificate_holds_under_its_own_authority_while_it_is_valid() {
        let (cluster, node) = (ClusterId::new(1), NodeId::new(2));
        let environment = Environment::system(0);
        let now = environment.time.current_time().unwrap();
        let now = Timestamp::new(now.as_secs() * 1000);
        let make = || Authority::make(cluster, 1, now).unwrap();
        let (authority, other) = (make(), make());
        let identity = PeerIdentity {
            roles: Roles::Core,
            subject: Subject::Node { cluster, node },
        };
        let key = NodeKey::generate().unwrap().public();
        let check = |issued, trusted: &Authority| {
            let certificate = authority.issue(&identity, &key, issued).unwrap();
            check_chain(&environment, &certificate, trusted.certificate())
        };
        assert_eq!(check(now, &authority), Ok(()));
        assert!(check(now, &other).is_err());
        assert!(check(Timestamp::new(0), &authority).is_err());
    }
}
