//! From PEM files to what the handshakes of a listener need.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::config::{ClientCertificates, TlsConfig, TlsVersion};
use super::error::CertificateError;

/// What clients may ask for by name (RFC 7301); a client that asks for nothing gets
/// MQTT too.
const ALPN: &[u8] = b"mqtt";
/// What browsers ask for before a WebSocket.
const ALPN_OF_WEBSOCKET: &[u8] = b"http/1.1";

const BOTH_VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const ONLY_1_3: &[&SupportedProtocolVersion] = &[&TLS13];

/// Reads all files of a listener. `has_websocket` says what is spoken inside.
pub(crate) fn load(
    config: &TlsConfig,
    has_websocket: bool,
) -> Result<Arc<ServerConfig>, CertificateError> {
    let chain = certificates(&config.cert)?;
    let key = private_key(&config.key)?;
    let provider = Arc::new(default_provider());
    let versions = match config.min_version {
        TlsVersion::V1_2 => BOTH_VERSIONS,
        TlsVersion::V1_3 => ONLY_1_3,
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)?;
    let asks_clients = config.client_certificates.ca().is_some();
    let builder = match client_verifier(&config.client_certificates, provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut tls = builder
        .with_single_cert(chain, key)
        .map_err(|why| unusable(config, why))?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    if has_websocket {
        tls.alpn_protocols.push(ALPN_OF_WEBSOCKET.to_vec());
    }
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    if asks_clients {
        // A resumed session would not show its certificate again: one that has run
        // out, or whose authority is no longer trusted, would go on for hours.
        tls.send_tls13_tickets = 0;
    } else {
        // When all clients come back at once, this halves the work, and nothing is
        // kept for it here.
        tls.ticketer = Ticketer::new()?;
    }
    Ok(Arc::new(tls))
}

fn unusable(config: &TlsConfig, why: rustls::Error) -> CertificateError {
    let (cert, key) = (config.cert.clone(), config.key.clone());
    match why {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            CertificateError::OtherKey { cert, key }
        }
        why => CertificateError::Unusable { cert, key, why },
    }
}

fn client_verifier(
    asked: &ClientCertificates,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, CertificateError> {
    let Some(ca) = asked.ca() else {
        return Ok(None);
    };
    let refused = |why: String| CertificateError::Authority {
        file: ca.to_owned(),
        why,
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates(ca)? {
        roots
            .add(authority)
            .map_err(|error| refused(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match asked {
        ClientCertificates::Optional { .. } => builder.allow_unauthenticated(),
        ClientCertificates::NotAsked | ClientCertificates::Required { .. } => builder,
    };
    let verifier = builder
        .build()
        .map_err(|error| refused(error.to_string()))?;
    Ok(Some(verifier))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let bytes = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|why| not_pem(file, why))?;
    if found.is_empty() {
        let file = file.to_owned();
        return Err(CertificateError::NoCertificate { file });
    }
    Ok(found)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let bytes = read(file)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|why| match why {
        pem::Error::NoItemsFound => CertificateError::NoKey {
            file: file.to_owned(),
        },
        why => not_pem(file, why),
    })
}

fn read(file: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(file).map_err(|source| CertificateError::Read {
        file: file.to_owned(),
        source,
    })
}

fn not_pem(file: &Path, why: pem::Error) -> CertificateError {
    CertificateError::Pem {
        file: file.to_owned(),
        why,
    }
}
