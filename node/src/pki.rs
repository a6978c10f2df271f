//! Certificates of the operator's own authority, from the files that the
//! configuration names.

use std::path::Path;

use quorate_conf::Pki;
use quorate_core::{SystemClock, WallClock};
use quorate_transport::{Credentials, CredentialsError, Distrust};
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
    #[error("transport.cert ({path}) is of no use under transport.ca: {why}")]
    Distrusted { path: String, why: Distrust },
}

pub(crate) fn load(pki: &Pki) -> Result<Credentials, PkiError> {
    let key = PrivateKeyDer::from_pem_file(&pki.key);
    let key = key.map_err(|cause| file_error("transport.key", &pki.key, cause))?;
    let chain = certificates("transport.cert", &pki.cert)?;
    let mut trusted = certificates("transport.ca", &pki.ca)?;
    let now = SystemClock.now();
    // Whoever joins is shown one authority: the one that has signed. While a CA
    // replaces another, both are in the file, in whatever order.
    let has_signed = |authority: &CertificateDer<'static>| {
        let alone = Credentials::new(chain.clone(), key.clone_key(), vec![authority.clone()]);
        alone.is_ok_and(|alone| alone.check_own(now).is_ok())
    };
    trusted.sort_by_key(|authority| !has_signed(authority));
    let credentials = Credentials::new(chain, key, trusted)?;
    let checked = credentials.check_own(now);
    checked.map_err(|why| PkiError::Distrusted {
        path: pki.cert.display().to_string(),
        why,
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

fn file_error(key: &'static str, path: &Path, cause: PemError) -> PkiError {
    PkiError::File {
        key,
        path: path.display().to_string(),
        cause,
    }
}
