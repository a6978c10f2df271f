//! The shared secret of a cluster that is set up from a template: every node
//! has it, so it needs no token.
//!
//! Both sides prove that they know it, each for the TLS session at hand and
//! for its own direction: a node in between can neither pass a proof on nor
//! send it back.

use std::fmt;
use std::num::NonZeroU32;

use ring::{hmac, pbkdf2};

use crate::token::SessionBinding;

/// Makes guessing slow for whoever got hold of a proof. Done once a start.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(100_000).unwrap();

/// The key that is derived from the cookie.
#[derive(Clone)]
pub struct CookieKey(hmac::Key);

/// Who proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prover {
    Joiner,
    Member,
}

impl CookieKey {
    /// Clusters of different names have different keys, even of one cookie.
    pub fn derive(cookie: &str, cluster_name: &str) -> Self {
        let mut key = [0; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ITERATIONS,
            cluster_name.as_bytes(),
            cookie.as_bytes(),
            &mut key,
        );
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    pub fn prove(&self, prover: Prover, session: &SessionBinding) -> Vec<u8> {
        let tag = hmac::sign(&self.0, &text(prover, session));
        tag.as_ref().to_vec()
    }

    pub fn is_proof(&self, prover: Prover, session: &SessionBinding, proof: &[u8]) -> bool {
        hmac::verify(&self.0, &text(prover, session), proof).is_ok()
    }
}

fn text(prover: Prover, session: &SessionBinding) -> Vec<u8> {
    let prover: &[u8] = match prover {
        Prover::Joiner => b"quorate admission by cookie v1, joiner",
        Prover::Member => b"quorate admission by cookie v1, member",
    };
    [prover, &session.0].concat()
}

impl fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieKey(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_cookie_cluster_side_and_session() {
        let key = CookieKey::derive("a cookie", "quorate");
        let session = SessionBinding([1; 32]);
        let proof = key.prove(Prover::Joiner, &session);
        assert!(key.is_proof(Prover::Joiner, &session, &proof));
        assert!(!key.is_proof(Prover::Member, &session, &proof));
        assert!(!key.is_proof(Prover::Joiner, &SessionBinding([2; 32]), &proof));
        for other in [
            CookieKey::derive("other", "quorate"),
            CookieKey::derive("a cookie", "other"),
        ] {
            assert!(!other.is_proof(Prover::Joiner, &session, &proof));
        }
    }
}
