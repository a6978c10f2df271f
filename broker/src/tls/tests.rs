//! What is wrong with a file is said with its name.

use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::load::load;
use super::*;

struct Files {
    folder: TempDir,
    config: TlsConfig,
}

impl Files {
    fn good() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["broker".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let config = TlsConfig {
            cert: folder.path().join("server.pem"),
            key: folder.path().join("server.key"),
            min_version: TlsVersion::V1_2,
            client_certificates: ClientCertificates::NotAsked,
        };
        std::fs::write(&config.cert, certificate.pem()).unwrap();
        std::fs::write(&config.key, key.serialize_pem()).unwrap();
        Self { folder, config }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    fn error(&self) -> String {
        load(&self.config, false).unwrap_err().to_string()
    }
}

#[test]
fn good_files_are_loaded() {
    let mut files = Files::good();
    let tls = load(&files.config, false).unwrap();
    assert_eq!(tls.alpn_protocols, [b"mqtt".to_vec()]);
    assert!(tls.ticketer.enabled());
    files.config.client_certificates = ClientCertificates::Optional {
        ca: files.config.cert.clone(),
    };
    let tls = load(&files.config, true).unwrap();
    assert_eq!(tls.alpn_protocols, [b"mqtt".to_vec(), b"http/1.1".to_vec()]);
    assert!(!tls.ticketer.enabled() && tls.send_tls13_tickets == 0);
}

#[test]
fn bad_files_are_named() {
    let files = Files::good();
    files.write("server.pem", "-----BEGIN CERTIFICATE-----\n***\n");
    assert!(
        files.error().contains("server.pem is no PEM file"),
        "{}",
        files.error()
    );
    files.write("server.pem", "");
    assert!(
        files.error().contains("server.pem has no certificate"),
        "{}",
        files.error()
    );

    let files = Files::good();
    files.write("server.key", "nothing");
    assert!(
        files.error().contains("server.key has no private key"),
        "{}",
        files.error()
    );
    files.write("server.key", &KeyPair::generate().unwrap().serialize_pem());
    assert!(
        files.error().contains("server.key is not that of"),
        "{}",
        files.error()
    );
    std::fs::remove_file(&files.config.key).unwrap();
    assert!(
        files.error().contains("server.key cannot be read"),
        "{}",
        files.error()
    );

    let mut files = Files::good();
    let ca = files.write("ca.pem", "");
    files.config.client_certificates = ClientCertificates::Required { ca };
    assert!(
        files.error().contains("ca.pem has no certificate"),
        "{}",
        files.error()
    );
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    files.write("ca.pem", text);
    assert!(
        files
            .error()
            .contains("ca.pem has a certificate that is no"),
        "{}",
        files.error()
    );
}
