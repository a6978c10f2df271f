//! TLS of listeners: their certificates, and those of clients.

mod client_names;
mod config;
mod error;
mod load;
mod reloadable;

pub(crate) use client_names::ClientNames;
pub use config::{ClientCertificates, TlsConfig, TlsVersion};
pub use error::CertificateError;
pub(crate) use reloadable::ReloadableTls;

#[cfg(test)]
mod tests;
