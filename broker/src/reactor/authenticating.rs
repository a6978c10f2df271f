//! From a CONNECT to a client that is known.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use quorate_mqtt::codec::frame::Frame;
use quorate_mqtt::codec::{DecodeError, decode};
use quorate_mqtt::packet::{Auth, Connect, Diagnostics, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::{Opening, Outbox};
use quorate_mqtt::version::Version;

use super::Reactor;
use crate::authentication::{Approach, Password, PasswordJob, Step};
use crate::connection::{Authenticating, ConnectionKey, ConnectionOutbox, Entrant, Phase, Stage};
use crate::mailbox::Mail;

impl Reactor {
    pub(super) fn authenticate(
        &mut self,
        key: ConnectionKey,
        opening: Opening,
        connect: &Connect<'_>,
    ) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        let Phase::Silent { until } = connection.phase else {
            panic!("a CONNECT was taken from {connection:?}");
        };
        self.entrants += 1;
        let entrant = Box::new(Entrant::new(opening, self.entrants, until));
        match self.shared.doorkeeper.judge(connect) {
            Approach::ComesIn => self.claim(key, entrant),
            Approach::MayNot(reason) => {
                tracing::debug!(%reason, "a client was refused");
                self.refuse_unauthenticated(key, connect.version, reason);
            }
            Approach::Password { name, password } => {
                self.become_checking(key, entrant, name, password);
            }
            Approach::Method { name, first } => {
                let step = self
                    .shared
                    .doorkeeper
                    .begin(name, first, &self.shared.nonce());
                self.on_step(key, entrant, step);
            }
        }
    }

    fn become_checking(
        &mut self,
        key: ConnectionKey,
        entrant: Box<Entrant>,
        name: &str,
        password: &[u8],
    ) {
        let (shared, number) = (Arc::clone(&self.shared), self.number);
        let job = PasswordJob {
            name: name.into(),
            password: Password::new(password),
            until: entrant.until,
            answer: Box::new(move |user| {
                let connection = key;
                shared.mailboxes[number.index()].put(Mail::PasswordChecked { connection, user });
            }),
        };
        if self.shared.doorkeeper.check_password(job).is_err() {
            tracing::debug!("a client was refused: too many passwords wait to be checked");
            let version = entrant.opening.terms.version;
            return self.refuse_connect(key, version, ReasonCode::ServerBusy);
        }
        self.become_authenticating(key, entrant, Stage::Password);
    }

    pub(super) fn on_password_checked(&mut self, key: ConnectionKey, user: Option<Arc<str>>) {
        // The client may not have waited for it.
        let Some(Authenticating { mut entrant, .. }) = self.take_authenticating(key) else {
            return;
        };
        if user.is_none() {
            let version = entrant.opening.terms.version;
            let client_id = entrant.opening.client_id.as_str();
            tracing::debug!(
                client_id,
                "a client was refused: the user is not known, or the password wrong"
            );
            let reason = ReasonCode::BadUserNameOrPassword;
            return self.refuse_unauthenticated(key, version, reason);
        }
        entrant.user = user;
        self.claim(key, entrant);
    }

    /// Only the client's next step in its authentication may come, or its goodbye.
    pub(super) fn on_frame_in_exchange(&mut self, key: ConnectionKey, frame: Frame<'_>) {
        match decode(Version::V5, frame) {
            Ok(Packet::Auth(auth)) => self.on_auth_in_exchange(key, &auth),
            Ok(Packet::Disconnect(_)) => self.lose(key),
            Ok(packet) => {
                let packet = packet.name();
                tracing::debug!(
                    packet,
                    "a client was refused: it did not wait for its CONNACK"
                );
                self.refuse_connect(key, Version::V5, ReasonCode::ProtocolError);
            }
            Err(error) => self.refuse_bytes(key, error),
        }
    }

    fn on_auth_in_exchange(&mut self, key: ConnectionKey, auth: &Auth<'_>) {
        let Some(Authenticating { entrant, stage }) = self.take_authenticating(key) else {
            return;
        };
        let Stage::Exchange(exchange) = stage else {
            panic!("a packet was read while a password is checked");
        };
        let is_same_method = auth.method == entrant.opening.auth_method.as_deref();
        if auth.reason != ReasonCode::ContinueAuthentication || !is_same_method {
            tracing::debug!("a client was refused: its AUTH does not go on with what it began");
            return self.refuse_connect(key, Version::V5, ReasonCode::ProtocolError);
        }
        let step = exchange.advance(auth.data.unwrap_or_default());
        self.on_step(key, entrant, step);
    }

    fn on_step(&mut self, key: ConnectionKey, mut entrant: Box<Entrant>, step: Step) {
        match step {
            Step::Challenge { data, next } => {
                if self.challenge(key, &entrant, &data) {
                    self.become_authenticating(key, entrant, Stage::Exchange(next));
                }
            }
            Step::Granted { data, user } => {
                entrant.user = Some(user);
                entrant.last_data = Some(data);
                self.claim(key, entrant);
            }
            Step::Refused(refusal) => {
                tracing::debug!(%refusal, "a client was refused");
                self.refuse_unauthenticated(key, Version::V5, refusal.reason());
            }
        }
    }

    /// Says whether the client takes it; if not, it is refused.
    fn challenge(&mut self, key: ConnectionKey, entrant: &Entrant, data: &[u8]) -> bool {
        let challenge = Packet::Auth(Auth {
            reason: ReasonCode::ContinueAuthentication,
            method: entrant.opening.auth_method.as_deref(),
            data: Some(data),
            diagnostics: Diagnostics::default(),
        });
        if !entrant.opening.terms.takes(&challenge) {
            tracing::debug!("a client was refused: it takes no packet as large as its challenge");
            self.refuse_connect(key, Version::V5, ReasonCode::ImplementationSpecificError);
            return false;
        }
        let Some(connection) = self.connections.get_mut(key.place) else {
            return false;
        };
        let mut outbox = ConnectionOutbox {
            version: Version::V5,
            max_packet_bytes: entrant.opening.terms.max_packet_bytes,
            output: &mut connection.output,
            pool: &mut self.scratch.outputs,
        };
        outbox.send(&challenge);
        self.mark_dirty(key);
        true
    }

    fn become_authenticating(&mut self, key: ConnectionKey, entrant: Box<Entrant>, stage: Stage) {
        if let Some(connection) = self.connection(key) {
            let authenticating = Authenticating { entrant, stage };
            connection.phase = Phase::Authenticating(Box::new(authenticating));
        }
    }

    fn take_authenticating(&mut self, key: ConnectionKey) -> Option<Authenticating> {
        let connection = self.connection(key)?;
        let phase = &mut connection.phase;
        match std::mem::replace(phase, Phase::UNDECIDED) {
            Phase::Authenticating(authenticating) => Some(*authenticating),
            other => {
                *phase = other;
                None
            }
        }
    }

    /// It took too long: the client, or the passwords before its own.
    pub(super) fn on_authentication_deadline(&mut self, key: ConnectionKey) {
        match self.take_authenticating(key) {
            Some(Authenticating { entrant, stage }) if stage.is_password() => {
                let version = entrant.opening.terms.version;
                self.refuse_connect(key, version, ReasonCode::ServerBusy);
            }
            _ => self.drop_connection(key),
        }
    }

    /// What came in the midst of an authentication is no packet. Not every reason for
    /// that has a place in a CONNACK.
    pub(super) fn refuse_exchange_bytes(&mut self, key: ConnectionKey, error: DecodeError) {
        let reason = match error.reason() {
            reason @ (ReasonCode::ProtocolError | ReasonCode::PacketTooLarge) => reason,
            _ => ReasonCode::MalformedPacket,
        };
        self.refuse_connect(key, Version::V5, reason);
    }

    fn refuse_unauthenticated(&mut self, key: ConnectionKey, version: Version, reason: ReasonCode) {
        let metrics = &self.shared.metrics;
        metrics.unauthenticated.fetch_add(1, Ordering::Relaxed);
        self.refuse_connect(key, version, reason);
    }
}
