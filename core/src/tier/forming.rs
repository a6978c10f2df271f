//! A node forms a cluster of itself alone.
//!
//! The identity with the new cluster's id is on the disk first. Each step after
//! that looks whether it was done before, so a crash in between repeats none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use quorate_model::authority::SecretKey;
use quorate_model::command::Command;
use quorate_model::member::{Liveness, Member};
use quorate_model::reply::{Rejection, Reply};
use quorate_transport::{AuthorityError, NodeKey};

use crate::membership::FormError;
use crate::tier::first_start::founding_membership;
use crate::tier::identity::{Membership, Stage, Standing};
use crate::tier::life::Life;
use crate::tier::node::{CoreNode, Inner, NodeError};
use crate::types::Runtime;

const PAUSE: Duration = Duration::from_millis(50);

/// Why no cluster was formed on demand.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("this node is in the cluster {cluster} already")]
    InCluster { cluster: String },
    #[error("this node is about to join a cluster")]
    Joining,
    #[error("this node is stopping; it goes on forming its cluster when it starts again")]
    Stopping,
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl<R: Runtime> CoreNode<R> {
    /// Forms a cluster of this node alone; returns when it is formed.
    pub async fn init(&self) -> Result<(), InitError> {
        let node = self.clone();
        let formed = self
            .inner
            .to_its_end(async move { node.form_alone().await });
        formed.await.unwrap_or(Err(InitError::Stopping))
    }

    async fn form_alone(&self) -> Result<(), InitError> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let identity = inner.identity();
        if let Some(membership) = identity.membership() {
            let cluster = membership.cluster_name.to_string();
            return Err(InitError::InCluster { cluster });
        }
        if identity.joining.is_some() {
            return Err(InitError::Joining);
        }
        let membership = founding_membership(&inner.world)?;
        let changed = inner.change(|identity| identity.standing = Standing::In(membership));
        changed.await.map_err(NodeError::from)?;
        let life = inner.live().await?;
        while life
            .core
            .read_stale(|state| state.authorities().next().is_none())
            .value
        {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

/// Runs until the cluster is formed.
pub(crate) async fn run<R: Runtime>(
    inner: Arc<Inner<R>>,
    life: Arc<Life<R>>,
    membership: Membership,
    key: SecretKey,
) {
    match life.core.form(BTreeSet::from([membership.node])).await {
        Ok(()) | Err(FormError::AlreadyFormed) => {}
        Err(FormError::Stopped) => return,
        Err(error @ FormError::NotAMember { .. }) => return inner.fail(error.to_string()),
    }
    let commands = match first_commands(&inner, &membership, &key) {
        Ok(commands) => commands,
        Err(error) => return inner.fail(format!("the cluster was not formed: {error}")),
    };
    loop {
        match life.core.propose_many(commands.clone()).await {
            Ok(committed) => match committed.replies.first() {
                Some(Reply::Rejected(Rejection::AlreadyFormed)) | Some(Reply::Done) => break,
                other => return inner.fail(format!("the cluster was not formed: {other:?}")),
            },
            Err(_)
                if life
                    .core
                    .read_stale(|state| state.authorities().next().is_some())
                    .value =>
            {
                break;
            }
            Err(error) => {
                tracing::debug!(%error, "the cluster is not formed yet");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    let noted = inner.change(|identity| {
        if let Standing::In(membership) = &mut identity.standing {
            membership.stage = Stage::Member;
        }
    });
    match noted.await {
        Ok(()) => tracing::info!(
            cluster = %membership.cluster_name, id = %membership.cluster, "formed a cluster"
        ),
        Err(error) => inner.fail(error.to_string()),
    }
}

/// In one request: a cluster without an authority never is.
fn first_commands<R: Runtime>(
    inner: &Inner<R>,
    membership: &Membership,
    key: &SecretKey,
) -> Result<Vec<Command>, AuthorityError> {
    let own_key = NodeKey::restore(membership.credentials.key.as_bytes())?;
    let settings = &inner.world.settings;
    let founder = Member {
        id: membership.node,
        name: settings.name.clone(),
        roles: membership.roles,
        key: *own_key.public().bytes(),
        addresses: settings.advertise.clone(),
        version: settings.version.clone(),
        election_slot: Some(membership.election_slot),
        retiring: false,
        incarnation: inner.identity().incarnation,
        liveness: Liveness::Up,
    };
    let mut commands = vec![Command::Form {
        id: membership.cluster,
        name: membership.cluster_name.clone(),
        founders: vec![founder],
    }];
    for (serial, certificate) in &membership.credentials.authorities {
        commands.push(Command::AddAuthority {
            serial: *serial,
            certificate: certificate.clone(),
            key: key.clone(),
        });
    }
    Ok(commands)
}
