//! Certificates of the operator's own authority, from the files that the
//! configuration names.

use std::path::Path;
use std::sync::Arc;

use quorate_conf::Pki;
use quorate_transport::{Credentials, CredentialsError};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::ring::default_provider;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, Error as TlsError, RootCertStore};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

/// Why the files are of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PkiError {
    #[error("{key} ({path}): {cause}")]
    File {
        key: &'static str,
        path: String,
        cause: PemError,
    },
    #[error("transport.cert, transport.key and transport.ca: {0}")]
    Credentials(#[from] CredentialsError),
    #[error("transport.cert ({path}): {cause}")]
    Distrusted { path: String, cause: String },
}

pub(crate) fn load(pki: &Pki) -> Result<Credentials, PkiError> {
    let key = PrivateKeyDer::from_pem_file(&pki.key);
    let key = key.map_err(|cause| file_error("transport.key", &pki.key, cause))?;
    let chain = certificates("transport.cert", &pki.cert)?;
    let trusted = certificates("transport.ca", &pki.ca)?;
    let credentials = Credentials::new(chain.clone(), key, trusted)?;
    check_trust(&chain, credentials.trusted()).map_err(|error| PkiError::Distrusted {
        path: pki.cert.display().to_string(),
        cause: why_distrusted(&error),
    })?;
    Ok(credentials)
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, PkiError> {
    let failed = |cause| file_error(key, path, cause);
    let found = CertificateDer::pem_file_iter(path).map_err(failed)?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(failed)?;
    if found.is_empty() {
        return Err(failed(PemError::NoItemsFound));
    }
    Ok(found)
}

/// Whether others with the same authorities would take this certificate, from a
/// server and from a client. They would not say more than that they do not.
fn check_trust(
    chain: &[CertificateDer<'_>],
    trusted: &[CertificateDer<'static>],
) -> Result<(), TlsError> {
    let Some((own, intermediates)) = chain.split_first() else {
        return Err(TlsError::NoCertificatesPresented);
    };
    let mut roots = RootCertStore::empty();
    for authority in trusted {
        roots.add(authority.clone())?;
    }
    let (now, provider) = (UnixTime::now(), Arc::new(default_provider()));
    let algorithms = provider.signature_verification_algorithms.all;
    let parsed = ParsedCertificate::try_from(own)?;
    verify_server_cert_signed_by_trust_anchor(&parsed, &roots, intermediates, now, algorithms)?;
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| TlsError::General(error.to_string()))?
        .verify_client_cert(own, intermediates, now)
        .map(drop)
}

fn why_distrusted(error: &TlsError) -> String {
    let TlsError::InvalidCertificate(why) = error else {
        return error.to_string();
    };
    let why = match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "no authority of transport.ca has signed it"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; is the clock right?"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it has to serve a server and a client, since a node is both"
        }
        _ => return error.to_string(),
    };
    why.to_owned()
}

fn file_error(key: &'static str, path: &Path, cause: PemError) -> PkiError {
    PkiError::File {
        key,
        path: path.display().to_string(),
        cause,
    }
}
