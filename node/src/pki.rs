//! Certificates of the operator's own authority, from the files that the
//! configuration names.

use std::path::Path;

use quorate_conf::Pki;
use quorate_transport::{Credentials, CredentialsError};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

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
}

pub(crate) fn load(pki: &Pki) -> Result<Credentials, PkiError> {
    let key = PrivateKeyDer::from_pem_file(&pki.key);
    let key = key.map_err(|cause| file_error("transport.key", &pki.key, cause))?;
    let certificates = certificates("transport.cert", &pki.cert)?;
    let trusted = self::certificates("transport.ca", &pki.ca)?;
    Ok(Credentials::new(certificates, key, trusted)?)
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, PkiError> {
    let failed = |cause| file_error(key, path, cause);
    let found = CertificateDer::pem_file_iter(path).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

fn file_error(key: &'static str, path: &Path, cause: PemError) -> PkiError {
    PkiError::File {
        key,
        path: path.display().to_string(),
        cause,
    }
}
