//! Certificates that renew themselves, and the change from one authority to the
//! next.
//!
//! ```text
//! rotate: authority n+1 is added ── every core trusts both
//!         when all of them say so ── every core takes a certificate of n+1
//! finish: n is removed
//! ```
//!
//! A core that is away when the new authority comes still gets along with the
//! others: until it has heard of it, nobody shows a certificate of it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use quorate_model::authority::SecretKey;
use quorate_model::command::Command;
use quorate_model::ids::Timestamp;
use quorate_model::reply::Rejection;
use quorate_transport::{Authority, NODE_LIFETIME, NodeKey};

use crate::tier::admission::{certificate_identity, trusted_authorities};
use crate::tier::identity::{Membership, Standing, StoredCredentials, newest_authority};
use crate::tier::life::Life;
use crate::tier::node::{CoreNode, Inner, NodeError};
use crate::tier::queries::QueryError;
use crate::tier::surroundings::FaultPoint;
use crate::types::Runtime;

const LOOK: Duration = Duration::from_secs(1);

/// What is to be done about a node's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Nothing,
    /// Other authorities are to be trusted; the certificate stays.
    Trust,
    /// A certificate of the newest authority, once everybody trusts that.
    Certificate,
}

fn due(stored: &StoredCredentials, known: &[(u32, Vec<u8>)], now: Timestamp) -> Due {
    let Some((newest, _)) = known.last() else {
        // Nothing is known yet: the log has not been read.
        return Due::Nothing;
    };
    let mut trusted = stored.authorities.clone();
    trusted.sort_unstable();
    let lifetime = NODE_LIFETIME.whole_milliseconds();
    let age = i128::from(now.millis_since(stored.issued));
    let signer = stored.signer();
    let signer_is_known = known.iter().any(|(serial, _)| *serial == signer);
    if trusted != known && signer_is_known {
        Due::Trust
    } else if signer != *newest || age * 3 > lifetime * 2 {
        Due::Certificate
    } else {
        Due::Nothing
    }
}

/// Keeps this node's credentials as they should be.
pub(crate) async fn keep<R: Runtime>(inner: Arc<Inner<R>>, life: Arc<Life<R>>) {
    if inner.world.settings.pki.is_some() {
        // The operator renews those.
        return;
    }
    loop {
        tokio::time::sleep(LOOK).await;
        let identity = inner.identity();
        let Some(membership) = identity.membership().filter(|it| it.node == life.node) else {
            return;
        };
        let now = inner.world.clock.now();
        let known = life.core.read_stale(trusted_authorities).value;
        let kept = match due(&membership.credentials, &known, now) {
            Due::Nothing => continue,
            Due::Trust => trust(&inner, &life, membership, known).await,
            Due::Certificate if is_trusted_by_all(&life, &known).await => {
                renew(&inner, &life, membership, known, now).await
            }
            Due::Certificate => continue,
        };
        match kept {
            Ok(()) => {}
            Err(NodeError::Disk(error)) => return inner.fail(error.to_string()),
            Err(error) => tracing::error!(%error, "this node's certificate was not renewed"),
        }
    }
}

/// Whether every other core says that it trusts the newest authority.
async fn is_trusted_by_all<R: Runtime>(life: &Life<R>, known: &[(u32, Vec<u8>)]) -> bool {
    let newest = known.last().map_or(0, |(serial, _)| *serial);
    let others = life.core.read_stale(|state| {
        let cores = state
            .view()
            .members()
            .filter(|member| member.roles.is_core());
        let others = cores.filter(|core| core.id != life.node);
        others.map(|core| core.id).collect::<Vec<_>>()
    });
    for node in others.value {
        let report = life.control.ask_report(node).await;
        if report.is_none_or(|report| report.trusted < newest) {
            return false;
        }
    }
    true
}

async fn trust<R: Runtime>(
    inner: &Arc<Inner<R>>,
    life: &Life<R>,
    membership: &Membership,
    known: Vec<(u32, Vec<u8>)>,
) -> Result<(), NodeError> {
    let mut credentials = membership.credentials.clone();
    let signer = credentials.signer();
    credentials.authorities = with_signer_first(known, signer);
    put(inner, life, credentials).await
}

async fn renew<R: Runtime>(
    inner: &Arc<Inner<R>>,
    life: &Life<R>,
    membership: &Membership,
    known: Vec<(u32, Vec<u8>)>,
    now: Timestamp,
) -> Result<(), NodeError> {
    let cluster = membership.cluster;
    let newest = |state: &_| newest_authority(cluster, state);
    let Some(authority) = life.core.read_stale(newest).value.transpose()? else {
        return Ok(());
    };
    let key = NodeKey::restore(membership.credentials.key.as_bytes())?;
    let identity = certificate_identity(cluster, membership.node, membership.roles);
    let certificate = authority.issue(&identity, &key.public(), now)?;
    let credentials = StoredCredentials {
        key: membership.credentials.key.clone(),
        certificate: certificate.to_vec(),
        authorities: with_signer_first(known, authority.serial()),
        issued: now,
    };
    put(inner, life, credentials).await?;
    tracing::info!(authority = authority.serial(), "took a new certificate");
    Ok(())
}

fn with_signer_first(mut known: Vec<(u32, Vec<u8>)>, signer: u32) -> Vec<(u32, Vec<u8>)> {
    known.sort_by_key(|(serial, _)| *serial != signer);
    known
}

async fn put<R: Runtime>(
    inner: &Arc<Inner<R>>,
    life: &Life<R>,
    credentials: StoredCredentials,
) -> Result<(), NodeError> {
    let loaded = credentials.load()?;
    let (signer, trusted) = (credentials.signer(), credentials.newest_trusted());
    inner
        .change(|identity| {
            if let Standing::In(membership) = &mut identity.standing {
                membership.credentials = credentials;
            }
        })
        .await?;
    let surroundings = &inner.world.surroundings;
    surroundings.reach(FaultPoint::CredentialsKept);
    life.transport.renew(&loaded)?;
    life.control.authority.store(signer, Relaxed);
    life.control.trusted.store(trusted, Relaxed);
    Ok(())
}

impl<R: Runtime> CoreNode<R> {
    /// Makes a new authority. Once all cores have heard of it, each takes a
    /// certificate of it; the old one is trusted until
    /// [`CoreNode::finish_rotation`].
    pub async fn rotate_authority(&self) -> Result<(), QueryError> {
        if self.inner.world.settings.pki.is_some() {
            return Err(QueryError::OwnPki);
        }
        let identity = self.inner.identity();
        let membership = identity.membership().ok_or(QueryError::NotInCluster)?;
        let status = self.confirmed_status().await?;
        let serial = status.authority + 1;
        let made = Authority::make(membership.cluster, serial, self.inner.world.clock.now());
        let authority = made.map_err(|error| QueryError::Internal(error.to_string()))?;
        self.propose(Command::AddAuthority {
            serial,
            certificate: authority.certificate().to_vec(),
            key: SecretKey::new(authority.key_bytes().to_vec()),
        })
        .await
    }

    /// Ends the trust in the old authority. Refused while a member may still need
    /// it: one that does not answer, or that has no new certificate yet.
    pub async fn finish_rotation(&self) -> Result<(), QueryError> {
        let status = self.confirmed_status().await?;
        if status.authorities < 2 {
            return Err(QueryError::NoRotation);
        }
        let newest = status.authority;
        let late = status.members.iter().filter(|member| {
            let report = status.reports.get(&member.id);
            report.is_none_or(|report| report.authority != newest)
        });
        let late: Vec<String> = late.map(|member| member.name.to_string()).collect();
        if !late.is_empty() {
            return Err(QueryError::StillNeeded {
                nodes: late.join(", "),
            });
        }
        let surroundings = &self.inner.world.surroundings;
        surroundings.reach(FaultPoint::AuthorityUnneeded);
        let command = Command::RemoveAuthority {
            serial: newest - 1,
            renewed: status.members.iter().map(|member| member.id).collect(),
        };
        self.propose(command).await.map_err(|error| match error {
            // It was admitted meanwhile, and has got a certificate of the old one.
            QueryError::Rejected(Rejection::AuthorityNeeded { node }) => {
                let name = self.name_of(node).unwrap_or_else(|| node.to_string());
                QueryError::StillNeeded { nodes: name }
            }
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(serial: u32) -> (u32, Vec<u8>) {
        (serial, vec![1])
    }

    fn stored(authorities: Vec<(u32, Vec<u8>)>) -> StoredCredentials {
        StoredCredentials {
            key: SecretKey::new(Vec::new()),
            certificate: Vec::new(),
            authorities,
            issued: Timestamp::new(0),
        }
    }

    #[test]
    fn trust_comes_before_the_certificate() {
        let day = 24 * 3600 * 1000;
        let at = |days: u64| Timestamp::new(days * day);
        let (one, both) = (vec![authority(1)], vec![authority(1), authority(2)]);
        assert_eq!(due(&stored(one.clone()), &one, at(59)), Due::Nothing);
        assert_eq!(due(&stored(one.clone()), &one, at(61)), Due::Certificate);
        assert_eq!(due(&stored(one.clone()), &[], at(61)), Due::Nothing);
        assert_eq!(due(&stored(one), &both, at(1)), Due::Trust);
        assert_eq!(due(&stored(both.clone()), &both, at(1)), Due::Certificate);
        let rotated = with_signer_first(both.clone(), 2);
        assert_eq!(rotated, [authority(2), authority(1)]);
        assert_eq!(due(&stored(rotated.clone()), &both, at(1)), Due::Nothing);
        assert_eq!(due(&stored(rotated), &[authority(2)], at(1)), Due::Trust);
    }
}
