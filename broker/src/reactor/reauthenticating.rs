//! Clients that show once more who they are, while everything else goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use quorate_mqtt::packet::{Auth, Diagnostics, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::{Farewell, Input};

use super::Reactor;
use crate::authentication::Step;
use crate::session_table::SessionKey;

impl Reactor {
    /// The session has seen to it that the method is that of the CONNECT.
    pub(super) fn on_reauthenticate(&mut self, session: SessionKey, auth: &Auth<'_>) {
        let data = auth.data.unwrap_or_default();
        let method = auth.method.unwrap_or_default();
        let running = self.sessions[session].reauthentication.take();
        let shared = &self.shared;
        let step = match (auth.reason, running) {
            (ReasonCode::ReAuthenticate, None) => {
                shared.doorkeeper.begin(method, data, &shared.nonce())
            }
            (ReasonCode::ContinueAuthentication, Some(exchange)) => exchange.advance(data),
            // It goes on with nothing, or begins before it has ended.
            _ => return self.send_away(session, ReasonCode::ProtocolError),
        };
        match step {
            Step::Challenge { data, next } => {
                self.sessions[session].reauthentication = Some(next);
                self.send_auth(session, ReasonCode::ContinueAuthentication, method, &data);
            }
            Step::Granted { data, user } => self.on_reauthenticated(session, method, &data, &user),
            Step::Refused(refusal) => {
                tracing::debug!(%refusal, "a client is sent away");
                self.shared
                    .metrics
                    .unauthenticated
                    .fetch_add(1, Ordering::Relaxed);
                self.send_away(session, refusal.reason());
            }
        }
    }

    /// A session never becomes somebody else's.
    fn on_reauthenticated(
        &mut self,
        session: SessionKey,
        method: &str,
        data: &[u8],
        user: &Arc<str>,
    ) {
        if self.sessions[session].user.as_ref() != Some(user) {
            tracing::debug!("a client is sent away: it is another user than before");
            return self.send_away(session, ReasonCode::NotAuthorized);
        }
        self.send_auth(session, ReasonCode::Success, method, data);
    }

    fn send_auth(&mut self, session: SessionKey, reason: ReasonCode, method: &str, data: &[u8]) {
        let auth = Packet::Auth(Auth {
            reason,
            method: Some(method),
            data: Some(data),
            diagnostics: Diagnostics::default(),
        });
        match self.sessions[session].session.terms().takes(&auth) {
            true => self.send(session, &auth),
            // It would wait for it for ever.
            false => self.send_away(session, ReasonCode::PacketTooLarge),
        }
    }

    fn send_away(&mut self, session: SessionKey, reason: ReasonCode) {
        let farewell = Farewell::new(reason);
        let output = self.handle(session, Input::Disconnect(farewell));
        self.on_output(session, output);
    }
}
