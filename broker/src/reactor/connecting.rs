//! From a CONNECT to a session.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use quorate_model::client_id::ClientId;
use quorate_model::command::Command;
use quorate_model::ids::Epoch;
use quorate_model::reply::{Rejection, Reply};
use quorate_mqtt::codec::DecodeError;
use quorate_mqtt::packet::{ConnAck, Connect, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::{Farewell, Input, Opening, Outbox, Session};
use quorate_mqtt::version::Version;

use super::Reactor;
use crate::connection::{ConnectionKey, ConnectionOutbox, Entrant, Phase};
use crate::proposals::Purpose;
use crate::session_table::SessionKey;

/// What a CONNACK of version 5 takes that says nothing but why not.
const REFUSAL_BYTES: u32 = 5;

impl Reactor {
    pub(super) fn on_connect(&mut self, key: ConnectionKey, connect: &Connect<'_>) {
        let answer_bytes = connect.maximum_packet_size.map_or(u32::MAX, Into::into);
        if answer_bytes < REFUSAL_BYTES {
            tracing::debug!(answer_bytes, "a client was refused: it takes no answer");
            return self.leave(key);
        }
        let shared = &self.shared;
        let fresh_id = || loop {
            let id = format!("auto-{:016x}", shared.random());
            if shared.home_of(&id) == self.number {
                break ClientId::new(id).unwrap_or_else(|error| panic!("an id of ours: {error}"));
            }
        };
        let mut terms = Cow::Borrowed(connect);
        if self.is_bridged(key) {
            // An alias holds for all streams of a connection, and a stream that is
            // faster could use it before another has said what it means.
            terms.to_mut().topic_alias_maximum = 0;
        }
        match Opening::negotiate(&terms, &shared.config.limits, fresh_id) {
            Ok(opening) if self.is_banned(key, &opening.client_id, None) => {
                self.refuse_banned(key, connect.version);
            }
            Ok(opening) => self.authenticate(key, opening, connect),
            Err(refusal) => {
                tracing::debug!(%refusal, "a client was refused");
                self.refuse_connect(key, connect.version, refusal.reason());
            }
        }
    }

    fn is_bridged(&self, key: ConnectionKey) -> bool {
        let connection = self.connections.get(key.place);
        connection.is_some_and(|connection| connection.socket.is_bridge())
    }

    /// Asks the cluster for the client id. It is free, or held by a session of ours.
    pub(super) fn claim(&mut self, key: ConnectionKey, entrant: Box<Entrant>) {
        let user = entrant.user.as_deref();
        if user.is_some() && self.is_banned(key, &entrant.opening.client_id, user) {
            return self.refuse_banned(key, entrant.opening.terms.version);
        }
        if !self.takes_connack(&entrant) {
            tracing::debug!("a client was refused: it takes no packet that lets it in");
            let version = entrant.opening.terms.version;
            return self.refuse_connect(key, version, ReasonCode::ImplementationSpecificError);
        }
        let present = self.sessions.find(&entrant.opening.client_id);
        let will_last = entrant.opening.session_expiry_s > 0;
        if present.is_none() && will_last && self.has_all_sessions() {
            let version = entrant.opening.terms.version;
            return self.refuse_connect(key, version, ReasonCode::QuotaExceeded);
        }
        let expected = present.map(|session| self.sessions[session].epoch);
        self.claim_as(key, entrant, expected);
    }

    /// Whether there are as many sessions as there may be. Who leaves none behind is not
    /// asked, and who is being let in is not counted yet: of them there are no more than
    /// connections.
    fn has_all_sessions(&self) -> bool {
        let max_sessions = self.shared.config.max_sessions;
        if self.shared.metrics.sessions.load(Ordering::Relaxed) < max_sessions {
            return false;
        }
        if self.shared.sessions_remark.is_due(self.now) {
            tracing::warn!(
                max_sessions,
                "new clients that would leave a session behind are refused: \
                 mqtt.max_sessions is reached"
            );
        }
        true
    }

    fn refuse_banned(&mut self, key: ConnectionKey, version: Version) {
        tracing::debug!("a client was refused: it is banned");
        self.refuse_connect(key, version, ReasonCode::Banned);
    }

    /// Whether the client takes a packet as large as the one that would let it in, which
    /// has to be the first that it gets.
    fn takes_connack(&self, entrant: &Entrant) -> bool {
        let opening = &entrant.opening;
        let limits = &self.shared.config.limits;
        let connack = opening.connack(false, entrant.last_data.as_deref(), limits);
        opening.terms.takes(&Packet::ConnAck(connack))
    }

    fn claim_as(&mut self, key: ConnectionKey, entrant: Box<Entrant>, expected: Option<Epoch>) {
        if self.is_of_another(&entrant) {
            return self.refuse_another(key, &entrant);
        }
        let client = entrant.opening.client_id.clone();
        let Some(connection) = self.connection(key) else {
            return;
        };
        connection.phase = Phase::Claiming(entrant);
        let purpose = Purpose::Claim {
            connection: key,
            client: client.clone(),
        };
        self.ask(Command::Claim { client, expected }, purpose);
    }

    pub(super) fn on_claimed(&mut self, key: ConnectionKey, client: ClientId, reply: Reply) {
        let Some(entrant) = self.take_entrant(key) else {
            return self.on_claimed_for_nobody(client, reply);
        };
        match reply {
            Reply::Claimed { .. } if self.is_of_another(&entrant) => {
                self.on_claimed_for_nobody(client, reply);
                self.refuse_another(key, &entrant);
            }
            Reply::Claimed { epoch } => self.let_in(key, *entrant, epoch),
            Reply::Rejected(Rejection::ClaimLost { .. }) if self.is_overtaken(&entrant) => {
                tracing::debug!("a client was refused: it has connected again meanwhile");
                self.leave(key);
            }
            Reply::Rejected(Rejection::ClaimLost { current }) => {
                self.claim_as(key, entrant, current);
            }
            other => {
                tracing::warn!(?other, "a claim was not granted");
                let version = entrant.opening.terms.version;
                self.refuse_connect(key, version, ReasonCode::ServerUnavailable);
            }
        }
    }

    /// Whether a later connection of the same client is in already.
    fn is_overtaken(&self, entrant: &Entrant) -> bool {
        let present = self.sessions.find(&entrant.opening.client_id);
        let entry = present.map(|session| &self.sessions[session]);
        entry.is_some_and(|entry| entry.connection.is_some() && entry.entrant > entrant.number)
    }

    /// The client did not wait for it.
    fn on_claimed_for_nobody(&mut self, client: ClientId, reply: Reply) {
        let Reply::Claimed { epoch } = reply else {
            return;
        };
        match self.sessions.find(&client) {
            Some(session) => self.sessions[session].epoch = epoch,
            None => {
                let release = Command::Release { client, epoch };
                self.ask(release, Purpose::Nothing);
            }
        }
    }

    /// Nobody knows whether the claim was granted.
    pub(super) fn on_claim_lost(&mut self, key: ConnectionKey) {
        if let Some(entrant) = self.take_entrant(key) {
            let version = entrant.opening.terms.version;
            self.refuse_connect(key, version, ReasonCode::ServerUnavailable);
        }
    }

    fn take_entrant(&mut self, key: ConnectionKey) -> Option<Box<Entrant>> {
        let connection = self.connection(key)?;
        let phase = &mut connection.phase;
        match std::mem::replace(phase, Phase::UNDECIDED) {
            Phase::Claiming(entrant) => Some(entrant),
            other => {
                *phase = other;
                None
            }
        }
    }

    /// Whether there is a session under that id that the client may not have.
    fn is_of_another(&self, entrant: &Entrant) -> bool {
        let present = self.sessions.find(&entrant.opening.client_id);
        present.is_some_and(|session| self.sessions[session].user != entrant.user)
    }

    fn refuse_another(&mut self, key: ConnectionKey, entrant: &Entrant) {
        tracing::debug!("a client was refused: its id is of another user's session");
        let version = entrant.opening.terms.version;
        self.refuse_connect(key, version, ReasonCode::NotAuthorized);
    }

    fn let_in(&mut self, key: ConnectionKey, entrant: Entrant, epoch: Epoch) {
        let Entrant {
            opening,
            number: entrant,
            user,
            last_data,
            until: _,
        } = entrant;
        let earlier = self.take_over(&opening);
        let limits = &self.shared.config.limits;
        let Some(connection) = self.connections.get_mut(key.place) else {
            return;
        };
        let mut outbox = ConnectionOutbox {
            version: opening.terms.version,
            max_packet_bytes: opening.terms.max_packet_bytes,
            output: &mut connection.output,
            pool: &mut self.scratch.outputs,
        };
        let connack = opening.connack(earlier.is_some(), last_data.as_deref(), limits);
        outbox.send(&Packet::ConnAck(connack));
        let mut will = None;
        let session = match earlier {
            Some(session) => {
                will = self.sessions[session].session.attach(opening, self.now);
                session
            }
            None => {
                let number = self.shared.next_session();
                let session = Session::open(opening, number, self.now);
                let sessions = &self.shared.metrics.sessions;
                sessions.fetch_add(1, Ordering::Relaxed);
                self.sessions.insert(session, epoch, user)
            }
        };
        connection.phase = Phase::Live(session);
        let clients = &self.shared.metrics.clients;
        clients.fetch_add(1, Ordering::Relaxed);
        let entry = &mut self.sessions[session];
        entry.epoch = epoch;
        entry.entrant = entrant;
        self.set_connected(session, Some(key));
        self.mark_dirty(key);
        self.arm(session);
        if let Some(will) = will {
            self.publish_will(Some(session), &will);
        }
        // What an earlier connection left is sent again.
        let output = self.handle(session, Input::Room);
        self.on_output(session, output);
        self.continue_replays(session);
        self.resume(key);
    }

    /// Ends the connection that the client had, and the session if it wants a new one.
    fn take_over(&mut self, opening: &Opening) -> Option<SessionKey> {
        let session = self.sessions.find(&opening.client_id)?;
        if self.sessions[session].connection.is_some() {
            let farewell = Farewell::new(ReasonCode::SessionTakenOver);
            let output = self.handle(session, Input::Disconnect(farewell));
            self.on_output(session, output);
        }
        // It may have ended with its connection.
        let session = self.sessions.find(&opening.client_id)?;
        if opening.clean_start {
            let output = self.sessions[session].session.discard(self.now);
            self.on_output(session, output);
            return None;
        }
        Some(session)
    }

    pub(super) fn refuse_connect(
        &mut self,
        key: ConnectionKey,
        version: Version,
        reason: ReasonCode,
    ) {
        if !version.is_5() && !reason.has_v3_return_code() {
            return self.leave(key);
        }
        let Some(connection) = self.connections.get_mut(key.place) else {
            return;
        };
        let mut outbox = ConnectionOutbox {
            version,
            max_packet_bytes: u32::MAX,
            output: &mut connection.output,
            pool: &mut self.scratch.outputs,
        };
        outbox.send(&Packet::ConnAck(ConnAck::refusal(reason)));
        self.leave(key);
    }

    /// The first bytes are no CONNECT that we know. Version 5 has words for that, and a
    /// version that is not known is told so in the words of its side of it.
    pub(super) fn refuse_connect_bytes(&mut self, key: ConnectionKey, error: DecodeError) {
        let version = match error {
            DecodeError::UnknownVersion { level } if level < Version::V5.level() => Version::V3_1_1,
            DecodeError::UnknownVersion { .. } => Version::V5,
            _ => return self.leave(key),
        };
        self.refuse_connect(key, version, error.reason());
    }
}
