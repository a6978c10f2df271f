use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use openraft::{RaftSnapshotBuilder, Snapshot, SnapshotMeta, StorageError};

use crate::meter::MeterPosition;
use crate::snapshot_store::{SnapshotStore, as_snapshot};
use crate::state_machine_store::Applied;
use crate::{Image, Offload, StoreError, StoreMeter, StoreTypes};

/// Encodes and stores one captured state, while applying goes on.
pub struct SnapshotBuilder<C: StoreTypes> {
    snapshots: Arc<SnapshotStore<C>>,
    /// A mutex only because openraft wants its builders `Sync`.
    image: Mutex<Result<Box<dyn Image>, StoreError>>,
    applied: Applied,
    offload: Offload,
    meter: StoreMeter,
    /// Where on the meter the state was captured.
    position: MeterPosition,
}

impl<C: StoreTypes> SnapshotBuilder<C> {
    pub(crate) fn new(
        snapshots: Arc<SnapshotStore<C>>,
        image: Result<Box<dyn Image>, StoreError>,
        applied: Applied,
        offload: Offload,
        meter: StoreMeter,
    ) -> Self {
        let position = meter.position();
        Self {
            snapshots,
            image: Mutex::new(image),
            applied,
            offload,
            meter,
            position,
        }
    }

    async fn build(&mut self) -> Result<Snapshot<C>, StoreError> {
        let used_up = Err(StoreError::machine("snapshot", "it was built already"));
        let image = self.image.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut image = std::mem::replace(image, used_up)?;
        let mut writer = self.snapshots.begin();
        loop {
            let (rest, chunk) = next_chunk(image, self.offload).await?;
            let Some(chunk) = chunk else { break };
            image = rest;
            writer.push(&chunk).await?;
        }
        let meta = SnapshotMeta {
            last_log_id: self.applied.last,
            last_membership: self.applied.membership.clone(),
            snapshot_id: self.applied.snapshot_id(writer.digest()),
        };
        let stored = writer.commit(&meta).await?;
        self.meter.snapshot_taken(self.position, stored.bytes());
        Ok(as_snapshot(stored))
    }
}

async fn next_chunk(
    mut image: Box<dyn Image>,
    offload: Offload,
) -> Result<(Box<dyn Image>, Option<Vec<u8>>), StoreError> {
    match offload {
        Offload::Inline => {
            let chunk = image.next_chunk();
            tokio::task::yield_now().await;
            Ok((image, chunk))
        }
        Offload::Blocking => {
            let encode = move || {
                let chunk = image.next_chunk();
                (image, chunk)
            };
            let encoded = tokio::task::spawn_blocking(encode).await;
            encoded.map_err(|error| StoreError::machine("snapshot encoding", error))
        }
    }
}

impl<C: StoreTypes> fmt::Debug for SnapshotBuilder<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SnapshotBuilder")
            .field("applied", &self.applied)
            .finish_non_exhaustive()
    }
}

impl<C: StoreTypes> RaftSnapshotBuilder<C> for SnapshotBuilder<C> {
    async fn build_snapshot(&mut self) -> Result<Snapshot<C>, StorageError<u64>> {
        let built = self.build().await;
        Ok(built.inspect_err(|error| self.snapshots.health().fail(error))?)
    }
}
