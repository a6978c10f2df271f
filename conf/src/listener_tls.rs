//! Who a listener shows itself to be, and whom it asks the same.

use std::path::{Path, PathBuf};

/// PEM files that can be read; what is in them, the broker checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
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
    pub const WORDS: [&str; 3] = ["none", "optional", "required"];

    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotAsked => Self::WORDS[0],
            Self::Optional { .. } => Self::WORDS[1],
            Self::Required { .. } => Self::WORDS[2],
        }
    }

    /// The authorities that may have signed them.
    pub fn ca(&self) -> Option<&Path> {
        match self {
            Self::NotAsked => None,
            Self::Optional { ca } | Self::Required { ca } => Some(ca),
        }
    }
}

impl TlsVersion {
    pub const ALL: [Self; 2] = [Self::V1_2, Self::V1_3];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }
}
