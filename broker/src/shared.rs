//! What the reactors of a broker have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::BASE64;
use quorate_mqtt::message::SessionNumber;
use ring::rand::{SecureRandom, SystemRandom};

use crate::authentication::Doorkeeper;
use crate::config::BrokerConfig;
use crate::control_plane::ControlPlane;
use crate::listener::Listener;
use crate::metrics::Metrics;
use crate::reactor::Clock;

pub(crate) struct Shared {
    pub(crate) config: BrokerConfig,
    /// In the order of the configuration.
    pub(crate) listeners: Vec<Listener>,
    pub(crate) control: Arc<dyn ControlPlane>,
    pub(crate) doorkeeper: Doorkeeper,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    sessions: AtomicU64,
    random: SystemRandom,
}

impl Shared {
    pub(crate) fn new(
        config: BrokerConfig,
        listeners: Vec<Listener>,
        control: Arc<dyn ControlPlane>,
        doorkeeper: Doorkeeper,
    ) -> Self {
        Self {
            config,
            listeners,
            control,
            doorkeeper,
            clock: Clock::start(),
            metrics: Metrics::default(),
            sessions: AtomicU64::new(1),
            random: SystemRandom::new(),
        }
    }

    /// Not to be guessed by who has not seen it.
    pub(crate) fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Printable letters without a comma, not to be guessed either.
    pub(crate) fn nonce(&self) -> String {
        let mut bytes = [0; 18];
        self.fill(&mut bytes);
        BASE64.encode(&bytes)
    }

    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = self.random.fill(bytes) {
            panic!("the system has no random numbers: {error}");
        }
    }

    pub(crate) fn next_session(&self) -> SessionNumber {
        SessionNumber(self.sessions.fetch_add(1, Ordering::Relaxed))
    }
}
