//! Sends a snapshot to one core, chunk by chunk.
//!
//! ```text
//! Begin (sizes, digest) -> Next 0 -> Chunk 0 -> Next 1 -> ... -> Finish -> Installed
//! ```
//!
//! Each answer names the chunk that the receiver wants next, so a lost answer
//! or a retried call repeats nothing, and a transfer that broke off goes on
//! where it ended.

use std::time::Duration;

use openraft::Snapshot;
use openraft::error::{Fatal, StreamingError};
use openraft::raft::SnapshotResponse;

use crate::peer::{Peer, PeerError};
use crate::types::{Runtime, TypeConfig, Vote};
use crate::wire::message::{PeerRequest, PeerResponse, SnapshotBegin, SnapshotChunk};
use crate::wire::raft::{WireSnapshotMeta, WireVote};

const CHUNK_TIMEOUT: Duration = Duration::from_secs(2);
/// Installing includes writing the whole snapshot to the receiver's disk. What
/// takes longer is asked for again and answered when it is done.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Calls that fail in a row before the transfer is given up; openraft begins
/// it anew after its backoff.
const ATTEMPTS: u32 = 3;

pub(crate) async fn send<R: Runtime>(
    peer: &Peer,
    vote: Vote,
    snapshot: Snapshot<TypeConfig<R>>,
) -> Result<SnapshotResponse<u64>, StreamingError<TypeConfig<R>, Fatal<u64>>> {
    let file = &snapshot.snapshot;
    let transfer = transfer_id(file.digest());
    let begin = PeerRequest::SnapshotBegin(SnapshotBegin {
        transfer,
        vote: WireVote::from(&vote),
        meta: WireSnapshotMeta::from(&snapshot.meta),
        chunks: file.chunk_count() as u64,
        bytes: file.bytes(),
        digest: file.digest(),
    });
    let mut answer = call(peer, &begin, CHUNK_TIMEOUT).await?;
    let mut least = 0;
    loop {
        let next = match answer {
            // Whoever asks for a chunk again would be sent it for ever.
            PeerResponse::SnapshotNext { index } if index >= least => index,
            PeerResponse::SnapshotInstalled { vote } => {
                return Ok(SnapshotResponse::new(vote.into()));
            }
            _ => return Err(peer.unexpected().into()),
        };
        least = next.saturating_add(1);
        let request = if next == file.chunk_count() as u64 {
            PeerRequest::SnapshotFinish { transfer }
        } else {
            let at = usize::try_from(next).unwrap_or(usize::MAX);
            PeerRequest::SnapshotChunk(SnapshotChunk {
                transfer,
                index: next,
                bytes: file.chunk(at).map_err(|error| unreadable(&error))?.to_vec(),
            })
        };
        let timeout = match request {
            PeerRequest::SnapshotFinish { .. } => INSTALL_TIMEOUT,
            _ => CHUNK_TIMEOUT,
        };
        answer = call(peer, &request, timeout).await?;
    }
}

async fn call(
    peer: &Peer,
    request: &PeerRequest,
    timeout: Duration,
) -> Result<PeerResponse, PeerError> {
    let encoded = request.encode();
    let mut attempt = 1;
    loop {
        match peer.call_encoded(encoded.clone(), timeout).await {
            Err(PeerError::Link(_)) if attempt < ATTEMPTS => attempt += 1,
            answer => return answer,
        }
    }
}

/// The same snapshot is the same transfer, whoever sends it.
fn transfer_id(digest: u128) -> u64 {
    let [low, high] = [digest, digest >> 64].map(|half| half & u128::from(u64::MAX));
    u64::try_from(low ^ high).unwrap_or_default()
}

/// Not a storage error to openraft, which would stop the leader: a snapshot
/// that a newer one replaced is gone, and the next attempt sends that one. A
/// disk that fails is reported by the store itself.
fn unreadable<R: Runtime>(
    error: &quorate_raft_store::StoreError,
) -> StreamingError<TypeConfig<R>, Fatal<u64>> {
    openraft::error::Unreachable::new(error).into()
}
