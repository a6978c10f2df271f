//! Join tokens and certificate authorities.

use super::harness::{Cluster, up};
use crate::authority::SecretKey;
use crate::candidate::{Admission, Candidate};
use crate::command::Command;
use crate::ids::{NodeId, Timestamp, TokenId};
use crate::limits;
use crate::member::Roles;
use crate::reply::{Bound, Rejection, Reply};
use crate::rules::{JoinRefusal, TokenRefusal};
use crate::samples::candidate;
use crate::token::{Token, TokenRole};

const LIFETIME_MS: u64 = 60_000;

fn create(id: u64, role: TokenRole) -> Command {
    Command::CreateToken {
        id: TokenId::new(id),
        role,
        key: [id as u8; 32],
        lifetime_ms: LIFETIME_MS,
    }
}

fn revoke(id: u64) -> Command {
    let id = TokenId::new(id);
    Command::RevokeToken { id }
}

fn join_with(token: u64, candidate: Candidate) -> Command {
    let admission = Admission::Token(TokenId::new(token));
    Command::AddMember {
        candidate,
        admission,
    }
}

fn core(id: u64) -> Candidate {
    candidate(id, &format!("core{id}@h"))
}

fn replicant(id: u64) -> Candidate {
    Candidate {
        roles: Roles::Replicant,
        ..candidate(id, &format!("replicant{id}@h"))
    }
}

fn refused(refusal: TokenRefusal) -> Reply {
    Reply::Rejected(Rejection::Token(refusal))
}

fn add_authority(serial: u32, text: &str) -> Command {
    Command::AddAuthority {
        serial,
        certificate: text.into(),
        key: SecretKey::new(text.into()),
    }
}

impl Cluster {
    fn token(&self, id: u64) -> Option<&Token> {
        self.state.token(TokenId::new(id))
    }

    fn serials(&self) -> Vec<u32> {
        self.state.authorities().map(|(serial, _)| serial).collect()
    }
}

#[test]
fn a_cores_token_works_once() {
    let mut cluster = Cluster::formed();
    assert_eq!(cluster.one(2, 1, create(7, TokenRole::Core)), Reply::Done);
    let expected = Token {
        role: TokenRole::Core,
        key: [7; 32],
        created: Timestamp::new(1_000),
        created_by: NodeId::new(2),
        expires: Timestamp::new(61_000),
        used_by: None,
    };
    assert_eq!(cluster.token(7), Some(&expected));

    let wrong = refused(TokenRefusal::WrongRole {
        role: TokenRole::Core,
        roles: Roles::Replicant,
    });
    assert_eq!(cluster.one(1, 1, join_with(7, replicant(9))), wrong);
    // A refused join leaves the token unused.
    let taken = cluster.one(1, 1, join_with(7, candidate(3, "core1@h")));
    assert!(matches!(
        taken,
        Reply::Rejected(Rejection::Join(JoinRefusal::NameTaken { .. }))
    ));
    assert_eq!(cluster.token(7), Some(&expected));

    assert_eq!(cluster.one(1, 1, join_with(7, core(3))), Reply::Done);
    let by = NodeId::new(3);
    assert_eq!(cluster.token(7).unwrap().used_by, Some(by));
    let used = refused(TokenRefusal::Used { by });
    assert_eq!(cluster.one(1, 1, join_with(7, core(4))), used);
    // The node that it admitted may say it again, whenever that is.
    cluster.time = 999_000;
    assert_eq!(cluster.one(1, 1, join_with(7, core(3))), Reply::Done);
    let expected = [
        "core2: token 0000000000000007 was created, for core",
        "core1: core3@h joined as core, by token 0000000000000007",
    ];
    assert_eq!(cluster.log(), expected);
}

/// What came between two questions of one candidate must not leave it outside and
/// its membership without a node.
#[test]
fn who_is_a_member_is_admitted_again_by_its_key_alone() {
    let mut cluster = Cluster::formed();
    cluster.one(1, 1, create(7, TokenRole::Core));
    assert_eq!(cluster.one(1, 1, join_with(7, core(3))), Reply::Done);
    cluster.one(1, 1, create(8, TokenRole::Core));
    assert_eq!(cluster.one(1, 1, join_with(8, core(3))), Reply::Done);
    assert_eq!(cluster.token(8).unwrap().used_by, None);
    assert_eq!(cluster.one(1, 1, revoke(7)), Reply::Done);
    assert_eq!(cluster.one(1, 1, join_with(7, core(3))), Reply::Done);
    let mut other = core(3);
    other.key = [9; 32];
    let node = NodeId::new(3);
    let refusal = Reply::Rejected(Rejection::Join(JoinRefusal::OtherKey { node }));
    assert_eq!(cluster.one(1, 1, join_with(8, other)), refusal);
    assert_eq!(cluster.token(8).unwrap().used_by, None);
}

#[test]
fn a_replicants_token_works_until_it_expires() {
    let mut cluster = Cluster::formed();
    cluster.one(1, 1, create(7, TokenRole::Replicant));
    for id in [8, 9] {
        assert_eq!(cluster.one(1, 1, join_with(7, replicant(id))), Reply::Done);
    }
    assert_eq!(cluster.token(7).unwrap().used_by, None);
    cluster.time = 61_000;
    let at = Timestamp::new(61_000);
    let expired = refused(TokenRefusal::Expired { at });
    assert_eq!(cluster.one(1, 1, join_with(7, replicant(10))), expired);
    // A leader whose clock is behind does not bring the token back.
    cluster.time = 5_000;
    assert_eq!(cluster.one(1, 1, join_with(7, replicant(10))), expired);
}

#[test]
fn revoked_tokens_are_unknown() {
    let mut cluster = Cluster::formed();
    cluster.one(1, 1, create(7, TokenRole::Replicant));
    assert_eq!(cluster.one(1, 1, revoke(7)), Reply::Done);
    let unknown = refused(TokenRefusal::Unknown);
    assert_eq!(cluster.one(1, 1, join_with(7, replicant(9))), unknown);
    assert_eq!(cluster.one(1, 1, revoke(7)), unknown);
    let expected = [
        "core1: token 0000000000000007 was created, for replicant",
        "core1: token 0000000000000007 was revoked",
    ];
    assert_eq!(cluster.log(), expected);
}

#[test]
fn creating_the_same_token_again_is_no_second_one() {
    let mut cluster = Cluster::formed();
    cluster.one(1, 1, create(7, TokenRole::Core));
    cluster.time = 2_000;
    assert_eq!(cluster.one(1, 1, create(7, TokenRole::Core)), Reply::Done);
    assert_eq!(cluster.token(7).unwrap().created, Timestamp::new(1_000));
    let id = TokenId::new(7);
    let taken = Reply::Rejected(Rejection::TokenTaken { id });
    let with = |role, key, lifetime_ms| Command::CreateToken {
        id,
        role,
        key: [key; 32],
        lifetime_ms,
    };
    for other in [
        with(TokenRole::Replicant, 7, LIFETIME_MS),
        with(TokenRole::Core, 8, LIFETIME_MS),
        with(TokenRole::Core, 7, LIFETIME_MS + 1),
    ] {
        assert_eq!(cluster.one(1, 1, other), taken);
    }
    assert_eq!(cluster.log().len(), 1);
    // Expired is gone: the id may be taken again, by anything.
    cluster.time = 61_000;
    let again = with(TokenRole::Replicant, 8, LIFETIME_MS);
    assert_eq!(cluster.one(1, 1, again), Reply::Done);
    assert_eq!(cluster.token(7).unwrap().created, Timestamp::new(61_000));
}

#[test]
fn lifetimes_and_numbers_of_tokens_are_bounded() {
    let mut cluster = Cluster::formed();
    let with = |id, lifetime_ms| Command::CreateToken {
        id: TokenId::new(id),
        role: TokenRole::Core,
        key: [0; 32],
        lifetime_ms,
    };
    let (least, most) = (limits::MIN_TOKEN_LIFETIME_MS, limits::MAX_TOKEN_LIFETIME_MS);
    let lifetime = Reply::Rejected(Rejection::TokenLifetime);
    for (lifetime_ms, expected) in [
        (least - 1, lifetime.clone()),
        (least, Reply::Done),
        (most, Reply::Done),
        (most + 1, lifetime.clone()),
        (u64::MAX, lifetime),
    ] {
        let reply = cluster.one(1, 1, with(lifetime_ms, lifetime_ms));
        assert_eq!(reply, expected, "{lifetime_ms}");
    }
    let many = (0..limits::MAX_TOKENS as u64 - 2).map(|id| with(id, LIFETIME_MS));
    cluster.outcome(1, 1, many.collect()).unwrap();
    assert_eq!(cluster.state.tokens().count(), limits::MAX_TOKENS);
    let too_many = Reply::Rejected(Rejection::TooLarge {
        what: Bound::Tokens,
        limit: limits::MAX_TOKENS as u64,
    });
    assert_eq!(cluster.one(1, 1, with(5_000_000, LIFETIME_MS)), too_many);
    // What has expired makes room, and a command that is refused removes nothing.
    assert_eq!(cluster.state.tokens().count(), limits::MAX_TOKENS);
    cluster.time = 2_000;
    assert_eq!(cluster.one(1, 1, with(5_000_000, LIFETIME_MS)), Reply::Done);
    assert_eq!(cluster.state.tokens().count(), limits::MAX_TOKENS);
    assert!(cluster.token(least).is_none());
}

#[test]
fn a_token_outlives_the_core_it_admitted() {
    let mut cluster = Cluster::formed();
    cluster.one(1, 1, create(7, TokenRole::Core));
    cluster.one(1, 1, join_with(7, core(3)));
    let node = NodeId::new(3);
    cluster.outcome(3, 1, vec![up(1)]).unwrap();
    cluster.one(1, 1, Command::RemoveMember { node });
    let back = cluster.one(1, 1, join_with(7, core(3)));
    let entombed = Rejection::Join(JoinRefusal::Entombed { node });
    assert_eq!(back, Reply::Rejected(entombed));
    let used = refused(TokenRefusal::Used { by: node });
    assert_eq!(cluster.one(1, 1, join_with(7, core(4))), used);
    assert_eq!(cluster.restored().token(TokenId::new(7)), cluster.token(7));
}

#[test]
fn authorities_rotate_one_at_a_time() {
    let mut cluster = Cluster::formed();
    let wrong = |expected| Reply::Rejected(Rejection::AuthoritySerial { expected });
    let newest = Reply::Rejected(Rejection::NewestAuthority);
    let under_way = Reply::Rejected(Rejection::RotationUnderWay);
    let remove_for = |serial, ids: &[u64]| Command::RemoveAuthority {
        serial,
        renewed: ids.iter().copied().map(NodeId::new).collect(),
    };
    let remove = |serial| remove_for(serial, &[1, 2, 3]);
    let node = NodeId::new(2);
    let needed = Reply::Rejected(Rejection::AuthorityNeeded { node });
    for (command, expected, serials) in [
        (remove(1), Reply::Done, vec![]),
        (add_authority(0, "a"), wrong(1), vec![]),
        (add_authority(2, "a"), wrong(1), vec![]),
        (add_authority(1, "a"), Reply::Done, vec![1]),
        (add_authority(1, "a"), Reply::Done, vec![1]),
        (add_authority(1, "b"), wrong(2), vec![1]),
        (add_authority(3, "b"), wrong(2), vec![1]),
        (remove(1), newest.clone(), vec![1]),
        (add_authority(2, "b"), Reply::Done, vec![1, 2]),
        (add_authority(1, "a"), Reply::Done, vec![1, 2]),
        (add_authority(3, "c"), under_way, vec![1, 2]),
        (remove(2), newest, vec![1, 2]),
        (remove_for(1, &[1, 3]), needed, vec![1, 2]),
        (remove(1), Reply::Done, vec![2]),
        (remove_for(1, &[]), Reply::Done, vec![2]),
        (add_authority(1, "a"), wrong(3), vec![2]),
        (add_authority(3, "c"), Reply::Done, vec![2, 3]),
    ] {
        let said = format!("{command:?}");
        assert_eq!(cluster.one(1, 1, command), expected, "{said}");
        assert_eq!(cluster.serials(), serials, "{said}");
        let restored = cluster.restored();
        assert!(restored.authorities().eq(cluster.state.authorities()));
    }
    let expected = [
        "core1: certificate authority 1 was added",
        "core1: certificate authority 2 was added",
        "core1: certificate authority 1 was removed",
        "core1: certificate authority 3 was added",
    ];
    assert_eq!(cluster.log(), expected);
}

#[test]
fn authorities_are_bounded_in_size() {
    let mut cluster = Cluster::formed();
    let (certificate, key) = (
        limits::MAX_AUTHORITY_CERTIFICATE_BYTES,
        limits::MAX_AUTHORITY_KEY_BYTES,
    );
    let mut add = |certificate, key| {
        let command = Command::AddAuthority {
            serial: 1,
            certificate: vec![1; certificate],
            key: SecretKey::new(vec![2; key]),
        };
        cluster.one(1, 1, command)
    };
    let too_large = |what, limit: usize| {
        let limit = limit as u64;
        Reply::Rejected(Rejection::TooLarge { what, limit })
    };
    assert_eq!(
        add(certificate + 1, key),
        too_large(Bound::AuthorityCertificate, certificate)
    );
    assert_eq!(
        add(certificate, key + 1),
        too_large(Bound::AuthorityKey, key)
    );
    assert_eq!(add(certificate, key), Reply::Done);
}

/// Commands and authorities end up in logs; keys must not.
#[test]
fn keys_are_not_shown() {
    let mut cluster = Cluster::formed();
    let command = Command::AddAuthority {
        serial: 1,
        certificate: b"open".to_vec(),
        key: SecretKey::new(vec![211; 3]),
    };
    cluster.one(1, 1, command.clone());
    let (_, authority) = cluster.state.authorities().next().unwrap();
    assert_eq!(authority.key.as_bytes(), [211; 3]);
    let shown = format!("{command:?} {authority:?} {:?}", cluster.state);
    assert!(
        shown.contains("redacted") && !shown.contains("211"),
        "{shown}"
    );
}
