//! Why a listener's certificates are of no use.

use std::io;
use std::path::PathBuf;

use rustls_pki_types::pem;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum CertificateError {
    #[error("{} cannot be read: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{} is no PEM file: {why}; it has lines like `-----BEGIN CERTIFICATE-----`", file.display())]
    Pem { file: PathBuf, why: pem::Error },
    #[error("{} has no certificate; is it the file of the key?", file.display())]
    NoCertificate { file: PathBuf },
    #[error("{} has no private key; it has to be PKCS#8, PKCS#1 or SEC1, without a password", file.display())]
    NoKey { file: PathBuf },
    #[error("the key in {} is not that of the first certificate in {}", key.display(), cert.display())]
    OtherKey { cert: PathBuf, key: PathBuf },
    #[error("{} and {} cannot be used: {why}", cert.display(), key.display())]
    Unusable {
        cert: PathBuf,
        key: PathBuf,
        why: rustls::Error,
    },
    #[error("{} has a certificate that is no authority's: {why}", file.display())]
    Authority { file: PathBuf, why: String },
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}
