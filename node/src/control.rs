//! What the admin API can ask of a node, answered by the core tier.

use std::time::Duration;

use futures::FutureExt;
use quorate_admin::api::{
    self, ClusterStatus, Code, CreateTokenRequest, Finished, HistoryEvent, JoinRequest, NewToken,
    Problem, Secret, ThisNode, TokenInfo, TokenState, WorkKind,
};
use quorate_admin::{Check, Control, Metric, Reply};
use quorate_conf::Config;
use quorate_core::tier::{CoreNode, JoinOrder, Phase, Standing, Step};
use quorate_core::{Role, TokioRuntime};
use quorate_model::ids::{NodeId, Timestamp, TokenId};
use quorate_model::node_name::NodeName;
use quorate_model::token::{Token, TokenRole};

use crate::cli::CoreAddress;
use crate::mqtt::BrokerMetrics;
use crate::{metrics, problems, status};

/// The transport port of a core that is named without one.
const DEFAULT_PORT: u16 = 4370;

pub(crate) struct NodeControl {
    node: CoreNode<TokioRuntime>,
    config: Config,
    broker: BrokerMetrics,
}

impl NodeControl {
    pub(crate) const fn new(
        node: CoreNode<TokioRuntime>,
        config: Config,
        broker: BrokerMetrics,
    ) -> Self {
        Self {
            node,
            config,
            broker,
        }
    }

    fn this_node(&self) -> ThisNode {
        let identity = self.node.identity();
        let id = identity.membership().map(|membership| membership.node);
        let phase = self.node.phase();
        let detail = match (&phase, &identity.standing) {
            (Phase::Removed, Standing::Out { cluster }) => Some(format!(
                "it left the cluster {cluster}, or was removed from it"
            )),
            (Phase::Joining | Phase::Leaving, _) => {
                let work = self.node.watch_work().borrow().clone();
                work.map(|work| match &work.obstacle {
                    Some(obstacle) => format!("{}: {obstacle}", self.in_words(work.step)),
                    None => self.in_words(work.step),
                })
            }
            _ => None,
        };
        ThisNode {
            name: self.config.node.name.to_string(),
            id: id.map_or_else(String::new, |id| id.to_string()),
            phase: match phase {
                Phase::Idle => api::Phase::Idle,
                Phase::Joining => api::Phase::Joining,
                Phase::Member => api::Phase::Member,
                Phase::Leaving => api::Phase::Leaving,
                Phase::Removed => api::Phase::Removed,
            },
            detail,
        }
    }

    /// Every leave begins as if there was a lead to hand over.
    fn in_words(&self, step: Step) -> String {
        let leads = || {
            let metrics = self.node.core().map(|core| core.metrics());
            metrics.is_some_and(|metrics| metrics.role == Role::Leader)
        };
        match step {
            Step::HandingOver if !leads() => Step::Leaving.to_string(),
            step => step.to_string(),
        }
    }

    fn token_info(&self, now: Timestamp, id: TokenId, token: &Token) -> TokenInfo {
        let name = |node: NodeId| self.node.name_of(node).unwrap_or_else(|| node.to_string());
        TokenInfo {
            id: id.to_string(),
            role: role_of(token.role),
            expires: token.expires.rfc3339(),
            created_by: name(token.created_by),
            used_by: token.used_by.map(name),
            state: if token.used_by.is_some() {
                TokenState::Used
            } else if token.has_expired(now) {
                TokenState::Expired
            } else {
                TokenState::Valid
            },
        }
    }
}

impl Control for NodeControl {
    fn status(&self) -> Reply<'_, ClusterStatus> {
        async move {
            let this_node = self.this_node();
            Ok(match self.node.status().await {
                Some(tier) => status::of_tier(&tier, this_node),
                None => status::of_nobody(&self.config, this_node),
            })
        }
        .boxed()
    }

    fn history(&self, limit: u32) -> Reply<'_, Vec<HistoryEvent>> {
        async move {
            // All of it: an event may name a node by its id alone whose name stands
            // in an earlier one.
            let events = self.node.history(usize::MAX).await;
            let events = events.map_err(|error| problems::of_query(&error))?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let surplus = events.len().saturating_sub(limit);
            let name = |node| self.node.name_of(node);
            Ok(status::history(&events, name).split_off(surplus))
        }
        .boxed()
    }

    fn force_leave(&self, name: String) -> Reply<'_, ()> {
        async move {
            let name = NodeName::new(name.as_str())
                .map_err(|error| Problem::new(Code::Usage, error.to_string()))?;
            let left = self.node.force_leave(name).await;
            left.map_err(|error| problems::of_leave(&error))
        }
        .boxed()
    }

    fn init(&self) -> Reply<'_, ()> {
        async move {
            self.node
                .init()
                .await
                .map_err(|error| problems::of_init(&error))
        }
        .boxed()
    }

    fn join(&self, request: JoinRequest) -> Reply<'_, ()> {
        async move {
            let address: CoreAddress = request.core.parse().map_err(|error| {
                Problem::new(Code::Usage, format!("the core {:?}: {error}", request.core))
            })?;
            let token = request
                .token
                .map(|token| token.expose().parse())
                .transpose();
            let token = token
                .map_err(|error: quorate_transport::TokenError| problems::of_join(&error.into()))?;
            let order = JoinOrder {
                core: address.dial(DEFAULT_PORT),
                token,
                may_wipe: request.wipe,
            };
            self.node
                .join(order)
                .await
                .map_err(|error| problems::of_join(&error))
        }
        .boxed()
    }

    fn leave(&self) -> Reply<'_, ()> {
        async move {
            self.node
                .leave()
                .await
                .map_err(|error| problems::of_leave(&error))
        }
        .boxed()
    }

    fn work(&self) -> Reply<'_, Option<api::Work>> {
        async move {
            let work = self.node.watch_work().borrow().clone();
            Ok(work.map(|work| api::Work {
                kind: if work.step.is_joining() {
                    WorkKind::Join
                } else {
                    WorkKind::Leave
                },
                step: self.in_words(work.step),
                done: work.progress.map(|progress| progress.done),
                total: work.progress.map(|progress| progress.total),
                obstacle: work.obstacle,
                finished: work.outcome.map(|outcome| match outcome {
                    Ok(message) => Finished {
                        ok: true,
                        message,
                        error: None,
                    },
                    Err(error) => Finished {
                        ok: false,
                        message: error.to_string(),
                        error: Some(problems::of_work(&error)),
                    },
                }),
            }))
        }
        .boxed()
    }

    fn create_token(&self, request: CreateTokenRequest) -> Reply<'_, NewToken> {
        async move {
            let role = match request.role {
                api::TokenRole::Core => TokenRole::Core,
                api::TokenRole::Replicant => TokenRole::Replicant,
            };
            let lifetime = Duration::from_secs(request.ttl_s);
            let made = self.node.create_token(role, lifetime).await;
            let (token, expires) = made.map_err(|error| problems::of_query(&error))?;
            Ok(NewToken {
                id: token.id.to_string(),
                token: Secret::new(token.reveal()),
                role: request.role,
                expires: expires.rfc3339(),
            })
        }
        .boxed()
    }

    fn list_tokens(&self) -> Reply<'_, Vec<TokenInfo>> {
        async move {
            let (now, tokens) = self
                .node
                .tokens()
                .await
                .map_err(|error| problems::of_query(&error))?;
            let tokens = tokens
                .iter()
                .map(|(id, token)| self.token_info(now, *id, token));
            Ok(tokens.collect())
        }
        .boxed()
    }

    fn revoke_token(&self, id: String) -> Reply<'_, ()> {
        async move {
            let parsed = u64::from_str_radix(&id, 16).map_err(|_| {
                Problem::new(Code::Usage, format!("{id:?} is no token id"))
                    .with_hint("see the ids: quorate token list")
            })?;
            let revoked = self.node.revoke_token(TokenId::new(parsed)).await;
            revoked.map_err(|error| problems::of_query(&error))
        }
        .boxed()
    }

    fn rotate_authority(&self) -> Reply<'_, ()> {
        async move {
            let rotated = self.node.rotate_authority().await;
            rotated.map_err(|error| problems::of_query(&error))
        }
        .boxed()
    }

    fn finish_rotation(&self) -> Reply<'_, ()> {
        async move {
            let finished = self.node.finish_rotation().await;
            finished.map_err(|error| problems::of_query(&error))
        }
        .boxed()
    }

    fn health(&self) -> Vec<Check> {
        let phase = self.node.phase();
        let metrics = self.node.core().map(|core| core.metrics());
        let leader = metrics.as_ref().and_then(|metrics| {
            let is_leader = metrics.role != Role::Stopped && !metrics.has_lost_majority();
            metrics.leader.filter(|_| is_leader)
        });
        let check = |name: &str, ok, detail: Option<String>| Check {
            name: name.to_owned(),
            ok,
            detail,
        };
        vec![
            check(
                "joined",
                phase == Phase::Member || phase == Phase::Leaving,
                Some(format!("this node is {}", status::phase_in_words(&phase))),
            ),
            check("announced", self.node.is_up(), None),
            check(
                "leader",
                leader.is_some(),
                leader.map(|leader| {
                    self.node
                        .name_of(leader)
                        .unwrap_or_else(|| leader.to_string())
                }),
            ),
        ]
    }

    fn metrics(&self) -> Vec<Metric> {
        metrics::of_node(&self.node, self.broker.now())
    }
}

const fn role_of(role: TokenRole) -> api::TokenRole {
    match role {
        TokenRole::Core => api::TokenRole::Core,
        TokenRole::Replicant => api::TokenRole::Replicant,
    }
}
