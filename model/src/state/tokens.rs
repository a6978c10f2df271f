//! Join tokens: created, used, revoked.

use crate::candidate::{Admission, Candidate};
use crate::event::EventKind;
use crate::ids::{NodeId, TokenId};
use crate::limits::{MAX_TOKEN_LIFETIME_MS, MAX_TOKENS, MIN_TOKEN_LIFETIME_MS};
use crate::reply::{Bound, Rejection, Reply};
use crate::rules::{self, TokenRefusal};
use crate::state::execute::{Decision, Execution, too_large};
use crate::token::{TOKEN_KEY_BYTES, Token, TokenRole};

impl Execution<'_> {
    pub(super) fn create_token(
        &mut self,
        id: TokenId,
        role: TokenRole,
        key: &[u8; TOKEN_KEY_BYTES],
        lifetime_ms: u64,
    ) -> Decision {
        if !(MIN_TOKEN_LIFETIME_MS..=MAX_TOKEN_LIFETIME_MS).contains(&lifetime_ms) {
            return Err(Rejection::TokenLifetime);
        }
        let tokens = &self.core.rows.tokens;
        if let Some(present) = tokens
            .get(&id)
            .filter(|token| !token.has_expired(self.time))
        {
            let is_same = present.role == role
                && present.key == *key
                && present.expires == present.created.plus_millis(lifetime_ms);
            return match is_same {
                true => Ok(Reply::Done),
                false => Err(Rejection::TokenTaken { id }),
            };
        }
        let expired: Vec<TokenId> = tokens
            .iter()
            .filter(|(_, token)| token.has_expired(self.time))
            .map(|(id, _)| *id)
            .collect();
        if tokens.len() - expired.len() >= MAX_TOKENS {
            return Err(too_large(Bound::Tokens, MAX_TOKENS));
        }
        for id in &expired {
            self.core.rows.tokens.remove(id);
        }
        let token = Token {
            role,
            key: *key,
            created: self.time,
            created_by: self.origin.node,
            expires: self.time.plus_millis(lifetime_ms),
            used_by: None,
        };
        self.core.rows.tokens.insert(id, token);
        self.record(EventKind::TokenCreated { id, role });
        Ok(Reply::Done)
    }

    pub(super) fn revoke_token(&mut self, id: TokenId) -> Decision {
        let removed = self.core.rows.tokens.remove(&id);
        removed.ok_or(Rejection::Token(TokenRefusal::Unknown))?;
        self.record(EventKind::TokenRevoked { id });
        Ok(Reply::Done)
    }

    pub(super) fn check_admission(
        &self,
        candidate: &Candidate,
        admission: Admission,
    ) -> Result<(), Rejection> {
        let Admission::Token(id) = admission else {
            return Ok(());
        };
        let token = self.core.rows.tokens.get(&id);
        rules::check_token(token, candidate, self.time).map_err(Rejection::Token)
    }

    /// A core's token admits nobody else from now on.
    pub(super) fn use_admission(&mut self, node: NodeId, admission: Admission) {
        let Admission::Token(id) = admission else {
            return;
        };
        let tokens = &mut self.core.rows.tokens;
        if let Some(token) = tokens
            .get(&id)
            .filter(|token| token.role == TokenRole::Core)
        {
            let used_by = Some(node);
            let token = Token {
                used_by,
                ..token.clone()
            };
            tokens.insert(id, token);
        }
    }
}
