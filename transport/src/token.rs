//! Join tokens: what an operator hands from a cluster to a node that is to
//! join it.
//!
//! A token pins the cluster's authority and carries an Ed25519 key. The cluster
//! keeps the public half alone; a joiner signs the TLS session with it. So
//! nothing that a cluster stores or a joiner sends can be used by anybody else.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use quorate_model::ids::TokenId;
use quorate_model::token::TokenRole;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use xxhash_rust::xxh3::xxh3_64;

use crate::verifier::AuthorityHash;

const PREFIX: &str = "qrt1-";
const SEED_BYTES: usize = 32;
const CHECK_BYTES: usize = 4;
const TOKEN_BYTES: usize = 8 + 1 + 32 + SEED_BYTES + CHECK_BYTES;
/// What is signed begins with this, so that a signature for one purpose is
/// good for no other.
const PROOF_CONTEXT: &[u8] = b"quorate admission by token v1";

#[derive(Clone)]
pub struct JoinToken {
    pub id: TokenId,
    pub role: TokenRole,
    pub authority: AuthorityHash,
    seed: [u8; SEED_BYTES],
}

/// Binds a proof to one TLS session: both sides derive the same bytes from it
/// and nobody in between can.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionBinding(pub [u8; 32]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("a token begins with {PREFIX}")]
    Prefix,
    #[error("the token was mistyped or cut short")]
    Damaged,
    #[error("the system gives no random bytes")]
    Random,
}

impl JoinToken {
    pub fn make(role: TokenRole, authority: AuthorityHash) -> Result<Self, TokenError> {
        let random = SystemRandom::new();
        let (mut id, mut seed) = ([0; 8], [0; SEED_BYTES]);
        random.fill(&mut id).map_err(|_| TokenError::Random)?;
        random.fill(&mut seed).map_err(|_| TokenError::Random)?;
        Ok(Self {
            id: TokenId::new(u64::from_be_bytes(id)),
            role,
            authority,
            seed,
        })
    }

    /// The public half, which the cluster keeps.
    pub fn public_key(&self) -> Result<[u8; 32], TokenError> {
        let mut key = [0; 32];
        key.copy_from_slice(self.key_pair()?.public_key().as_ref());
        Ok(key)
    }

    /// Shows knowledge of the token in this session.
    pub fn prove(&self, session: &SessionBinding) -> Result<Vec<u8>, TokenError> {
        let signature = self.key_pair()?.sign(&signed_text(session));
        Ok(signature.as_ref().to_vec())
    }

    /// The token as text; the one place where the secret shows.
    pub fn reveal(&self) -> String {
        let mut bytes = Vec::with_capacity(TOKEN_BYTES);
        bytes.extend_from_slice(&self.id.get().to_be_bytes());
        bytes.push(role_tag(self.role));
        bytes.extend_from_slice(self.authority.bytes());
        bytes.extend_from_slice(&self.seed);
        let check = checksum(&bytes);
        bytes.extend_from_slice(&check);
        format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes))
    }

    fn key_pair(&self) -> Result<Ed25519KeyPair, TokenError> {
        Ed25519KeyPair::from_seed_unchecked(&self.seed).map_err(|_| TokenError::Damaged)
    }
}

/// Whether the proof was made with the token's secret, for this session.
pub fn is_proof_of(key: &[u8; 32], session: &SessionBinding, proof: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key)
        .verify(&signed_text(session), proof)
        .is_ok()
}

fn signed_text(session: &SessionBinding) -> Vec<u8> {
    [PROOF_CONTEXT, &session.0].concat()
}

fn checksum(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let [a, b, c, d, ..] = xxh3_64(bytes).to_be_bytes();
    [a, b, c, d]
}

const fn role_tag(role: TokenRole) -> u8 {
    match role {
        TokenRole::Core => 1,
        TokenRole::Replicant => 2,
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(TokenError::Prefix)?;
        let bytes = BASE64URL_NOPAD
            .decode(encoded.as_bytes())
            .map_err(|_| TokenError::Damaged)?;
        let bytes: [u8; TOKEN_BYTES] = bytes.try_into().map_err(|_| TokenError::Damaged)?;
        let (body, check) = bytes.split_at(TOKEN_BYTES - CHECK_BYTES);
        if checksum(body) != check {
            return Err(TokenError::Damaged);
        }
        let (mut id, mut authority, mut seed) = ([0; 8], [0; 32], [0; SEED_BYTES]);
        id.copy_from_slice(&body[..8]);
        authority.copy_from_slice(&body[9..41]);
        seed.copy_from_slice(&body[41..]);
        Ok(Self {
            id: TokenId::new(u64::from_be_bytes(id)),
            role: match body[8] {
                1 => TokenRole::Core,
                2 => TokenRole::Replicant,
                _ => return Err(TokenError::Damaged),
            },
            authority: AuthorityHash::new(authority),
            seed,
        })
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinToken({}, <redacted>)", self.id)
    }
}

impl fmt::Debug for SessionBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionBinding")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn token() -> JoinToken {
        JoinToken::make(TokenRole::Core, AuthorityHash::new([7; 32])).unwrap()
    }

    #[test]
    fn text_and_back() {
        let token = token();
        let again: JoinToken = token.reveal().parse().unwrap();
        assert_eq!(again.reveal(), token.reveal());
        assert_eq!((again.id, again.role), (token.id, TokenRole::Core));
        assert_eq!(again.public_key(), token.public_key());
    }

    #[test]
    fn every_typing_error_is_found() {
        let text = token().reveal();
        for at in PREFIX.len()..text.len() {
            let mut typed = text.clone().into_bytes();
            typed[at] = if typed[at] == b'A' { b'B' } else { b'A' };
            let typed = String::from_utf8(typed).unwrap();
            assert_eq!(typed.parse::<JoinToken>().unwrap_err(), TokenError::Damaged);
            assert!(text[..at].parse::<JoinToken>().is_err());
        }
        assert_eq!(
            "secret".parse::<JoinToken>().unwrap_err(),
            TokenError::Prefix
        );
    }

    #[test]
    fn a_proof_holds_for_its_token_and_its_session() {
        let (token, other) = (token(), token());
        let session = SessionBinding([1; 32]);
        let proof = token.prove(&session).unwrap();
        let key = token.public_key().unwrap();
        assert!(is_proof_of(&key, &session, &proof));
        assert!(!is_proof_of(&key, &SessionBinding([2; 32]), &proof));
        assert!(!is_proof_of(&other.public_key().unwrap(), &session, &proof));
        assert!(!is_proof_of(&key, &session, &proof[1..]));
    }

    #[test]
    fn secrets_do_not_show() {
        assert!(format!("{:?}", token()).contains("<redacted>"));
    }
}
