//! How much is held of packets that have not come to their end.

use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::session::{Farewell, Input};

use super::Reactor;
use super::reading::SMALL_REMAINDER;
use crate::connection::{ConnectionKey, Phase};

impl Reactor {
    /// Counts what is held for the connection, and has those go that hold most if it is
    /// too much. Of a client that is in, what is small does not count.
    pub(super) fn count_unfinished(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        let layers = connection.layers.as_ref();
        let held = connection.input.len() + layers.map_or(0, |layers| layers.held_bytes());
        let (of_guest, of_client) = match connection.phase {
            Phase::Leaving { .. } => (0, 0),
            Phase::Live(_) if held <= SMALL_REMAINDER => (0, 0),
            Phase::Live(_) => (0, held),
            Phase::Silent { .. }
            | Phase::Departing { .. }
            | Phase::Authenticating(_)
            | Phase::Claiming(_) => (held, 0),
        };
        self.unfinished_guests.set(key.place, of_guest);
        self.unfinished_clients.set(key.place, of_client);
        while let Some(place) = self.unfinished_guests.largest_above_limit() {
            let largest = self.let_go(place, "clients that are not in yet");
            self.drop_connection(largest);
        }
        while let Some(place) = self.unfinished_clients.largest_above_limit() {
            let largest = self.let_go(place, "packets that have not come to their end");
            if let Some(session) = self.connections[place].session() {
                let farewell = Farewell::new(ReasonCode::QuotaExceeded);
                let output = self.handle(session, Input::Disconnect(farewell));
                self.on_output(session, output);
            }
            self.forget_unfinished(largest);
        }
    }

    /// Says who has to go, and why.
    fn let_go(&self, place: u32, of_what: &str) -> ConnectionKey {
        let largest = &self.connections[place];
        let peer = largest.peer;
        if self.shared.unfinished_remark.is_due(self.now) {
            tracing::warn!(%peer, "dropped: too much is held for {of_what}");
        }
        largest.key
    }

    pub(super) fn forget_unfinished(&mut self, key: ConnectionKey) {
        self.unfinished_guests.set(key.place, 0);
        self.unfinished_clients.set(key.place, 0);
    }
}
