//! SCRAM-SHA-256 (RFC 5802 and 7677), without channel binding.
//!
//! ```text
//! client-first   n,,n=user,r=CLIENT
//! server-first   r=CLIENTSERVER,s=salt,i=iterations
//! client-final   c=biws,r=CLIENTSERVER,p=proof
//! server-final   v=signature
//! ```
//!
//! A client that names no user of ours gets a salt all the same, and fails at its proof.

mod attributes;
mod client_final;
mod client_first;

use std::fmt;
use std::sync::Arc;

use client_final::ClientFinal;
use client_first::ClientFirst;
use data_encoding::BASE64;

use super::method::{Exchange, Method, Refusal, Step};
use super::user_file::Claimant;
use super::users::Users;

pub(super) struct Scram {
    users: Arc<Users>,
}

/// Waits for the client's proof.
struct Proof {
    claimant: Claimant,
    gs2_header: Box<str>,
    nonce: Box<str>,
    /// The first part of what is signed: both first messages.
    signed: String,
}

impl Scram {
    pub(super) const fn new(users: Arc<Users>) -> Self {
        Self { users }
    }
}

impl Method for Scram {
    fn name(&self) -> &'static str {
        "SCRAM-SHA-256"
    }

    fn begin(&self, first: &[u8], nonce: &str) -> Step {
        let first = match ClientFirst::parse(first) {
            Ok(first) => first,
            Err(refusal) => return Step::Refused(refusal),
        };
        let users = self.users.current();
        let claimant = users.find(&first.user);
        let nonce = format!("{}{nonce}", first.nonce);
        let salt = BASE64.encode(&claimant.credentials.salt);
        let server_first = format!("r={nonce},s={salt},i={}", users.iterations());
        Step::Challenge {
            next: Box::new(Proof {
                claimant,
                gs2_header: first.gs2_header.into(),
                nonce: nonce.into(),
                signed: format!("{},{server_first},", first.bare),
            }),
            data: server_first.into_bytes(),
        }
    }
}

impl Exchange for Proof {
    fn advance(mut self: Box<Self>, data: &[u8]) -> Step {
        let last = match ClientFinal::parse(data) {
            Ok(last) => last,
            Err(refusal) => return Step::Refused(refusal),
        };
        if last.channel_binding != self.gs2_header.as_bytes() {
            return Step::Refused(Refusal::Malformed("another channel binding than at first"));
        }
        if last.nonce != &*self.nonce {
            return Step::Refused(Refusal::Malformed("another nonce than at first"));
        }
        self.signed.push_str(last.without_proof);
        let Claimant { user, credentials } = self.claimant;
        let message = self.signed.as_bytes();
        let is_proven = credentials.prove(&last.proof, message);
        let signature = credentials.server_signature(message);
        match user.filter(|_| is_proven) {
            Some(user) => Step::Granted {
                data: format!("v={}", BASE64.encode(&signature)).into_bytes(),
                user,
            },
            None => Step::Refused(Refusal::WrongProof),
        }
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("scram::Proof").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
