//! Certificates for one test, in files that go with it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use quorate_broker::{ClientCertificates, TlsConfig, TlsVersion};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;

pub(crate) struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// A certificate of a client, and its key.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    /// With the files of a server that it has signed.
    pub(crate) fn make() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let authority = Self {
            folder: tempfile::tempdir().unwrap(),
            issuer: Issuer::new(params, key),
            certificate: certificate.der().clone(),
        };
        fs::write(authority.file("ca.pem"), certificate.pem()).unwrap();
        authority.issue_server();
        authority
    }

    /// Puts another certificate, and another key, where the server's are.
    pub(crate) fn issue_server(&self) {
        let (chain, key) = self.issue("127.0.0.1");
        fs::write(self.file("server.pem"), chain).unwrap();
        fs::write(self.file("server.key"), key).unwrap();
    }

    pub(crate) fn identity(&self, name: &str) -> Identity {
        let (chain, key) = self.issue(name);
        Identity {
            chain: CertificateDer::pem_slice_iter(chain.as_bytes())
                .map(Result::unwrap)
                .collect(),
            key: PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        }
    }

    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn server(&self) -> TlsConfig {
        TlsConfig {
            cert: self.file("server.pem"),
            key: self.file("server.key"),
            min_version: TlsVersion::V1_2,
            client_certificates: ClientCertificates::NotAsked,
        }
    }

    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        self.client_with(rustls::DEFAULT_VERSIONS, None, &[])
    }

    /// A client that trusts this authority.
    pub(crate) fn client_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        identity: Option<Identity>,
        alpn: &[&str],
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}
