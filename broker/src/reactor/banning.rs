//! Who may not connect.

use quorate_model::ban::BanSubject;
use quorate_model::client_id::ClientId;

use super::{Clock, Reactor};
use crate::connection::ConnectionKey;

impl Reactor {
    /// Whether a ban holds for that client: for its id, for where it comes from, or for
    /// its user, once that is known.
    pub(super) fn is_banned(
        &self,
        key: ConnectionKey,
        client: &ClientId,
        user: Option<&str>,
    ) -> bool {
        let connection = self.connections.get(key.place);
        // On a socket for both, IPv4 has the look of IPv6.
        let address = connection.map(|connection| connection.peer.ip().to_canonical());
        let mut is_banned = false;
        self.shared.control.view(&mut |view| {
            if view.ban_count() == 0 {
                return;
            }
            let subjects = [
                Some(BanSubject::Client(client.clone())),
                address.map(|address| BanSubject::Address(address.to_string())),
                user.map(|user| BanSubject::User(user.to_owned())),
            ];
            let now = Clock::wall_now();
            let mut bans = subjects
                .iter()
                .flatten()
                .filter_map(|subject| view.ban(subject));
            is_banned = bans.any(|ban| ban.until.is_none_or(|until| until > now));
        });
        is_banned
    }
}
