//! What people ask a node about its cluster, and the changes that one command
//! makes.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use quorate_model::cluster::Cluster;
use quorate_model::command::Command;
use quorate_model::event::Event;
use quorate_model::ids::{NodeId, Revision, Timestamp, TokenId};
use quorate_model::member::Member;
use quorate_model::reply::{Rejection, Reply};
use quorate_model::token::{Token, TokenRole};
use quorate_transport::{AuthorityHash, JoinToken};
use tokio::time::Instant;

use crate::metrics::CoreMetrics;
use crate::proposer::ProposeError;
use crate::reader::ReadError;
use crate::tier::life::Life;
use crate::tier::names;
use crate::tier::node::CoreNode;
use crate::tier::wire::NodeReport;
use crate::types::Runtime;

const TIMEOUT: Duration = Duration::from_secs(8);
/// A cluster has many members, and a question may be a handshake.
const ASKED_AT_ONCE: usize = 16;
const FORMING: Duration = Duration::from_secs(3);

/// The cluster as one of its nodes sees it.
#[derive(Debug, Clone)]
pub struct TierStatus {
    /// None until it is formed, or seen.
    pub cluster: Option<Cluster>,
    pub metrics: CoreMetrics,
    pub members: Vec<Member>,
    /// What those nodes say of themselves that answer.
    pub reports: BTreeMap<NodeId, NodeReport>,
    /// The newest authority.
    pub authority: u32,
    pub authorities: usize,
}

/// Why a question was not answered, or a command did nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("this node is in no cluster")]
    NotInCluster,
    #[error("{0}")]
    Propose(#[from] ProposeError),
    #[error("{0}")]
    Read(#[from] ReadError),
    #[error("{0}")]
    Rejected(Rejection),
    #[error(
        "no answer in time: the cluster may have made the token {id}, or make it yet, and nobody \
         has its secret"
    )]
    TokenUndecided { id: TokenId },
    #[error("there is one certificate authority; no rotation is under way")]
    NoRotation,
    #[error("this node shows a certificate of your own authority, not of the cluster's")]
    OwnPki,
    #[error("the old certificate authority is still needed by {nodes}")]
    StillNeeded { nodes: String },
    #[error("{0}")]
    Internal(String),
}

impl TierStatus {
    pub fn voters_alive(&self) -> usize {
        let voters = self.metrics.voters.iter();
        voters
            .filter(|voter| self.reports.contains_key(voter))
            .count()
    }

    pub fn voters_needed(&self) -> usize {
        self.metrics.voters.len() / 2 + 1
    }

    /// Nobody can confirm what this node says.
    pub fn is_stale(&self) -> bool {
        self.metrics.leader.is_none() || self.voters_alive() < self.voters_needed()
    }
}

impl<R: Runtime> CoreNode<R> {
    /// Answers without a quorum. None while the node is in no cluster.
    pub async fn status(&self) -> Option<TierStatus> {
        let life = self.inner.life()?;
        let core = &life.core;
        let seen = core.read_stale(|state| {
            let members: Vec<Member> = state.view().members().cloned().collect();
            let authority = state.authorities().last().map_or(0, |(serial, _)| serial);
            let authorities = state.authorities().count();
            (
                state.view().cluster().cloned(),
                members,
                authority,
                authorities,
            )
        });
        let (cluster, members, authority, authorities) = seen.value;
        let others = members.iter().map(|member| member.id);
        let others: Vec<NodeId> = others.filter(|id| *id != life.node).collect();
        let asked = others.into_iter().map(|node| {
            let control = Arc::clone(&life.control);
            async move { Some((node, control.ask_report(node).await?)) }
        });
        let asked = stream::iter(asked).buffer_unordered(ASKED_AT_ONCE);
        let mut reports: BTreeMap<_, _> = asked.filter_map(ready).collect().await;
        reports.insert(life.node, life.control.report());
        Some(TierStatus {
            cluster,
            metrics: core.metrics(),
            members,
            reports,
            authority,
            authorities,
        })
    }

    /// With all that the cluster had decided when it was asked for; needs a quorum.
    pub(crate) async fn confirmed_status(&self) -> Result<TierStatus, QueryError> {
        let life = self.inner.life().ok_or(QueryError::NotInCluster)?;
        life.core.read_within(TIMEOUT, |_| ()).await?;
        self.status().await.ok_or(QueryError::NotInCluster)
    }

    /// The membership log, the oldest first.
    pub async fn history(&self, limit: usize) -> Result<Vec<(Revision, Event)>, QueryError> {
        let life = self.inner.life().ok_or(QueryError::NotInCluster)?;
        let events = life.core.read_within(TIMEOUT, |state| {
            let all = state.events().count();
            let skipped = all.saturating_sub(limit);
            let events = state.events().skip(skipped);
            events
                .map(|(revision, event)| (revision, event.clone()))
                .collect()
        });
        Ok(events.await?.value)
    }

    /// Makes a token that lets a node join, and says until when.
    pub async fn create_token(
        &self,
        role: TokenRole,
        lifetime: Duration,
    ) -> Result<(JoinToken, Timestamp), QueryError> {
        let life = self.inner.life().ok_or(QueryError::NotInCluster)?;
        let authority = self.token_authority()?;
        let token = JoinToken::make(role, authority).map_err(internal)?;
        let command = Command::CreateToken {
            id: token.id,
            role,
            key: token.public_key().map_err(internal)?,
            lifetime_ms: u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX),
        };
        let id = token.id;
        self.propose(command).await.map_err(|error| match error {
            QueryError::Propose(ProposeError::Timeout | ProposeError::Stopped) => {
                QueryError::TokenUndecided { id }
            }
            other => other,
        })?;
        let expires = life
            .core
            .read_within(TIMEOUT, |state| state.token(id).map(|it| it.expires));
        let expires = expires.await;
        let expires = expires
            .map_err(|_| QueryError::TokenUndecided { id })?
            .value;
        let expires = expires.ok_or_else(|| internal("the token was revoked in this moment"))?;
        Ok((token, expires))
    }

    /// What a joiner is to find behind the certificate of whoever it asks.
    fn token_authority(&self) -> Result<AuthorityHash, QueryError> {
        if let Some(own) = &self.inner.world.settings.pki {
            let trusted = own.trusted().first();
            return trusted
                .map(AuthorityHash::of)
                .ok_or_else(|| internal("no authority is trusted"));
        }
        // Of the authority that signed what this node shows.
        let identity = self.inner.identity();
        let membership = identity.membership().ok_or(QueryError::NotInCluster)?;
        let signer = membership.credentials.authorities.first();
        let signer = signer.map(|(_, certificate)| AuthorityHash::of(&certificate[..].into()));
        signer.ok_or_else(|| internal("no authority is trusted"))
    }

    /// The tokens, with the names of who made and who used them, at the time that
    /// is returned beside them.
    pub async fn tokens(&self) -> Result<(Timestamp, Vec<(TokenId, Token)>), QueryError> {
        let life = self.inner.life().ok_or(QueryError::NotInCluster)?;
        let tokens = life.core.read_within(TIMEOUT, |state| {
            state
                .tokens()
                .map(|(id, token)| (id, token.clone()))
                .collect()
        });
        Ok((self.inner.world.clock.now(), tokens.await?.value))
    }

    pub async fn revoke_token(&self, id: TokenId) -> Result<(), QueryError> {
        self.propose(Command::RevokeToken { id }).await
    }

    /// The name of a member, while it is one.
    pub fn name_of(&self, node: NodeId) -> Option<String> {
        let life = self.inner.life()?;
        life.core
            .read_stale(|state| names::name_of(state, node))
            .value
    }

    /// A node that has just been started forms its cluster within moments; who
    /// asks for something meanwhile need not ask again.
    async fn wait_formed(&self, life: &Life<R>) {
        let until = Instant::now() + FORMING;
        let is_formed = || {
            life.core
                .read_stale(|state| state.view().cluster().is_some())
                .value
        };
        while !is_formed() && Instant::now() < until {
            tokio::time::sleep(FORMING / 100).await;
        }
    }

    pub(crate) async fn propose(&self, command: Command) -> Result<(), QueryError> {
        let life = self.inner.life().ok_or(QueryError::NotInCluster)?;
        self.wait_formed(&life).await;
        match life.core.propose_within(command, TIMEOUT).await?.reply {
            Reply::Rejected(rejection) => Err(QueryError::Rejected(rejection)),
            Reply::Done | Reply::Claimed { .. } => Ok(()),
        }
    }
}

fn internal(error: impl ToString) -> QueryError {
    QueryError::Internal(error.to_string())
}
