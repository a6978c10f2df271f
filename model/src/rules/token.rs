//! Whom a join token admits, and why not.

use rkyv::{Archive, Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::ids::{NodeId, Timestamp};
use crate::member::Roles;
use crate::token::{Token, TokenRole};

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize, thiserror::Error)]
pub enum TokenRefusal {
    #[error(
        "the cluster has no such token: it was revoked, or expired, or is of another cluster; \
         create a new one"
    )]
    Unknown,
    #[error("the token is for the role {role} and the node has {roles}; create one for that role")]
    WrongRole { role: TokenRole, roles: Roles },
    #[error("the token expired at {}; create a new one", .at.rfc3339())]
    Expired { at: Timestamp },
    #[error("the token has admitted node {by} and a core's token works once; create a new one")]
    Used { by: NodeId },
}

/// Whether the token lets the candidate, which is no member yet, in at that time.
pub fn check_token(
    token: Option<&Token>,
    candidate: &Candidate,
    now: Timestamp,
) -> Result<(), TokenRefusal> {
    let token = token.ok_or(TokenRefusal::Unknown)?;
    let roles = candidate.roles;
    if !token.role.admits(roles) {
        let role = token.role;
        return Err(TokenRefusal::WrongRole { role, roles });
    }
    if token.has_expired(now) {
        let at = token.expires;
        return Err(TokenRefusal::Expired { at });
    }
    match token.used_by {
        // The candidate itself was a member by it; what became of that says more.
        Some(by) if by != candidate.id => Err(TokenRefusal::Used { by }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::candidate;

    const EXPIRES: Timestamp = Timestamp::new(1_709_210_096_007);

    fn token(role: TokenRole, used_by: Option<u64>) -> Token {
        Token {
            role,
            key: [7; 32],
            created: Timestamp::new(1_000),
            created_by: NodeId::new(1),
            expires: EXPIRES,
            used_by: used_by.map(NodeId::new),
        }
    }

    #[test]
    fn by_role_time_and_use() {
        let (core, replicant) = (TokenRole::Core, TokenRole::Replicant);
        let (open, used) = (token(core, None), token(core, Some(5)));
        let many = token(replicant, None);
        let (in_time, late) = (Timestamp::new(EXPIRES.get() - 1), EXPIRES);
        let wrong = |role, roles| Err(TokenRefusal::WrongRole { role, roles });
        let expired = || Err(TokenRefusal::Expired { at: EXPIRES });
        let by_another = || {
            let by = NodeId::new(5);
            Err(TokenRefusal::Used { by })
        };
        // Token, candidate's id and roles, time.
        let table = [
            (None, 5, Roles::Core, in_time, Err(TokenRefusal::Unknown)),
            (Some(&open), 5, Roles::Core, in_time, Ok(())),
            (Some(&open), 5, Roles::Both, in_time, Ok(())),
            (
                Some(&open),
                5,
                Roles::Replicant,
                late,
                wrong(core, Roles::Replicant),
            ),
            (Some(&many), 5, Roles::Replicant, in_time, Ok(())),
            (
                Some(&many),
                5,
                Roles::Core,
                in_time,
                wrong(replicant, Roles::Core),
            ),
            (
                Some(&many),
                5,
                Roles::Both,
                in_time,
                wrong(replicant, Roles::Both),
            ),
            (Some(&many), 5, Roles::Replicant, late, expired()),
            (Some(&open), 5, Roles::Core, late, expired()),
            (Some(&used), 6, Roles::Core, in_time, by_another()),
            (Some(&used), 6, Roles::Core, late, expired()),
            (Some(&used), 5, Roles::Core, in_time, Ok(())),
            (Some(&used), 5, Roles::Core, late, expired()),
        ];
        for (row, (token, id, roles, now, expected)) in table.into_iter().enumerate() {
            let mut node = candidate(id, "n@h");
            node.roles = roles;
            assert_eq!(check_token(token, &node, now), expected, "row {row}");
        }
    }

    #[test]
    fn words_for_users() {
        let expired = TokenRefusal::Expired { at: EXPIRES };
        assert_eq!(
            expired.to_string(),
            "the token expired at 2024-02-29T12:34:56.007Z; create a new one"
        );
        let wrong = TokenRefusal::WrongRole {
            role: TokenRole::Replicant,
            roles: Roles::Both,
        };
        assert_eq!(
            wrong.to_string(),
            "the token is for the role replicant and the node has core,replicant; \
             create one for that role"
        );
    }
}
