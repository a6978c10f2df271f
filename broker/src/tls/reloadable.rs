//! A listener's certificates, which may be replaced while it serves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ServerConfig;

use super::config::TlsConfig;
use super::error::CertificateError;
use super::load::load;

#[derive(Debug)]
pub(crate) struct ReloadableTls {
    config: TlsConfig,
    has_websocket: bool,
    current: Mutex<Arc<ServerConfig>>,
}

impl ReloadableTls {
    pub(crate) fn load(config: &TlsConfig, has_websocket: bool) -> Result<Self, CertificateError> {
        let current = Mutex::new(load(config, has_websocket)?);
        Ok(Self {
            config: config.clone(),
            has_websocket,
            current,
        })
    }

    /// For a new connection; those that are there keep what they began with.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.lock())
    }

    /// What the files hold now. It is used after [`Self::replace`] alone.
    pub(crate) fn read_again(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        load(&self.config, self.has_websocket)
    }

    pub(crate) fn replace(&self, with: Arc<ServerConfig>) {
        *self.lock() = with;
    }

    fn lock(&self) -> MutexGuard<'_, Arc<ServerConfig>> {
        // Nothing panics while it is held.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
