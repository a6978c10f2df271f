//! How a dialer checks the other side's certificate.
//!
//! A node has no name that a certificate could be checked against before the
//! connection is made: its address may be new. So TLS checks the chain alone,
//! and the handshake above compares the identity in it with the one dialed.

use std::fmt;
use std::sync::Arc;

use ring::digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::ring::default_provider;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, PeerIncompatible, RootCertStore,
    SignatureScheme,
};

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

/// Why a node's certificate is of no use to others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    #[error("no authority that is trusted has signed it")]
    OtherAuthority,
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet; is the clock right?")]
    NotYetValid,
    #[error("it has to serve a server and a client, since a node is both")]
    Purpose,
    #[error("{0}")]
    Other(String),
}

/// Whether a chain, the node's own certificate first, is good for a server and for a
/// client. The other sides of its connections would not say more than that it is not.
pub(crate) fn check_chain(
    chain: &[CertificateDer<'_>],
    roots: RootCertStore,
    now: UnixTime,
) -> Result<(), Distrust> {
    let Some((own, intermediates)) = chain.split_first() else {
        return Err(Error::NoCertificatesPresented.into());
    };
    let provider = Arc::new(default_provider());
    let algorithms = provider.signature_verification_algorithms.all;
    let parsed = ParsedCertificate::try_from(own)?;
    verify_server_cert_signed_by_trust_anchor(&parsed, &roots, intermediates, now, algorithms)?;
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| Distrust::Other(error.to_string()))?
        .verify_client_cert(own, intermediates, now)?;
    Ok(())
}

impl From<Error> for Distrust {
    fn from(error: Error) -> Self {
        use CertificateError as Why;
        match error {
            Error::InvalidCertificate(Why::UnknownIssuer | Why::BadSignature) => {
                Self::OtherAuthority
            }
            Error::InvalidCertificate(Why::Expired | Why::ExpiredContext { .. }) => Self::Expired,
            Error::InvalidCertificate(Why::NotValidYet | Why::NotValidYetContext { .. }) => {
                Self::NotYetValid
            }
            Error::InvalidCertificate(Why::InvalidPurpose | Why::InvalidPurposeContext { .. }) => {
                Self::Purpose
            }
            other => Self::Other(other.to_string()),
        }
    }
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
