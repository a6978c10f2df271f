//! Who a listener shows itself to be, and whom it asks the same.

use std::path::{Path, PathBuf};

/// PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The listener's certificate, and those between it and its authority.
    pub cert: PathBuf,
    pub key: PathBuf,
    pub min_version: TlsVersion,
    pub client_certificates: ClientCertificates,
}

/// Whether clients show certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    NotAsked,
    /// A client may show none; one that it shows has to be right.
    Optional {
        ca: PathBuf,
    },
    Required {
        ca: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    V1_2,
    V1_3,
}

impl ClientCertificates {
    /// The authorities that may have signed them.
    pub fn ca(&self) -> Option<&Path> {
        match self {
            Self::NotAsked => None,
            Self::Optional { ca } | Self::Required { ca } => Some(ca),
        }
    }
}
