//! What a node writes down of itself.
//!
//! A write that was begun ends, whatever becomes of whoever asked for it: two at
//! once could leave the older one on the disk.

use std::panic;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, MutexGuard, PoisonError};

use quorate_model::ids::NodeId;
use quorate_raft_store::{Engine, StoreError};

use crate::core::IoMode;
use crate::tier::admission::peers;
use crate::tier::identity::{NodeIdentity, Standing};
use crate::tier::life::Life;
use crate::tier::node::{Inner, NodeError, World};
use crate::tier::surroundings::{DiskError, Surroundings};
use crate::types::Runtime;

impl World {
    /// Does what waits for the disk, on a thread where there are threads.
    async fn on_disk<E: From<DiskError> + Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Surroundings) -> Result<(), E> + Send + 'static,
    ) -> Result<(), E> {
        let surroundings = Arc::clone(&self.surroundings);
        match surroundings.io_mode() {
            IoMode::Paced(mut pace) => {
                pace().await;
                work(&*surroundings)
            }
            IoMode::Thread => {
                let done = tokio::task::spawn_blocking(move || work(&*surroundings)).await;
                done.unwrap_or_else(|error| match error.try_into_panic() {
                    Ok(panic) => panic::resume_unwind(panic),
                    Err(cancelled) => Err(E::from(DiskError {
                        operation: "write",
                        place: String::from("the data directory"),
                        cause: cancelled.to_string(),
                    })),
                })
            }
        }
    }

    /// Makes an empty store for an identity before it is taken on: from then on one
    /// that is missing has been lost.
    pub(crate) async fn make_store(self: &Arc<Self>, node: NodeId) -> Result<(), NodeError> {
        let world = Arc::clone(self);
        self.on_disk(move |surroundings| {
            let store = surroundings.open_store(node)?;
            store.sync()?;
            *world.made() = Some((node, store));
            Ok(())
        })
        .await
    }

    /// The store of an identity, which is still open if it was made just now.
    pub(crate) fn open_store(&self, node: NodeId) -> Result<Arc<dyn Engine>, StoreError> {
        match self.made().take() {
            Some((made, store)) if made == node => Ok(store),
            _ => self.surroundings.open_store(node),
        }
    }

    fn made(&self) -> MutexGuard<'_, Option<(NodeId, Arc<dyn Engine>)>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the stores of all identities but the present one.
    pub(crate) async fn discard_stores(&self, identity: &NodeIdentity) -> Result<(), DiskError> {
        let kept = identity.membership().map(|membership| membership.node);
        self.on_disk(move |surroundings| surroundings.discard_stores_except(kept))
            .await
    }
}

impl<R: Runtime> Inner<R> {
    /// Changes what stands on the disk; in memory only when it does.
    pub(crate) async fn change(
        self: &Arc<Self>,
        change: impl FnOnce(&mut NodeIdentity) + Send,
    ) -> Result<(), DiskError> {
        let writing = Arc::clone(&self.writing).lock_owned().await;
        let before = self.identity();
        let mut next = before.clone();
        change(&mut next);
        if next == before {
            return Ok(());
        }
        let inner = Arc::clone(self);
        let written = R::spawn(async move {
            let saved = next.clone();
            let save = move |surroundings: &dyn Surroundings| surroundings.save_identity(&saved);
            let result = inner.world.on_disk(save).await;
            if result.is_ok() {
                inner
                    .world
                    .is_joining
                    .store(next.joining.is_some(), Relaxed);
                inner.set_identity(next);
            }
            drop(writing);
            result
        });
        written.await.unwrap_or_else(|error| {
            Err(DiskError {
                operation: "write",
                place: String::from("the identity"),
                cause: error.to_string(),
            })
        })
    }

    pub(crate) async fn step_out(self: &Arc<Self>) -> Result<(), DiskError> {
        self.change(|identity| {
            if let Standing::In(membership) = &identity.standing {
                let cluster = membership.cluster_name.clone();
                identity.standing = Standing::Out { cluster };
            }
        })
        .await
    }

    /// Writes down where the other cores are, for the next start.
    pub(crate) async fn keep_hints(self: Arc<Self>, life: Arc<Life<R>>) {
        let mut changed = life.roster.watch();
        loop {
            let node = life.node;
            // A state that does not know this node is an old one, which a log that
            // is read again goes through.
            let others = life.core.read_stale(|state| {
                let is_member = state.view().member(node).is_some();
                is_member.then(|| peers(state, node))
            });
            if let Some(others) = others.value {
                let kept = self.change(|identity| {
                    if let Standing::In(membership) = &mut identity.standing
                        && membership.node == node
                    {
                        membership.peers = others;
                    }
                });
                if let Err(error) = kept.await {
                    return self.fail(error.to_string());
                }
            }
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}
