//! How commands and their outcomes travel and rest: versioned, checked, bounded.

use crate::command::{Batch, Request};
use crate::frame::{Format, FrameError};
use crate::limits::{MAX_ENTRY_BYTES, MAX_REQUESTS};
use crate::reply::RequestOutcome;
use crate::{frame, packing};

const BATCH: Format = Format::new(*b"QBAT", 1);
const REQUEST: Format = Format::new(*b"QREQ", 1);
const OUTCOME: Format = Format::new(*b"QOUT", 1);

pub fn encode_batch(batch: &Batch) -> Vec<u8> {
    frame::seal(BATCH, batch)
}

/// The same batch in fewer bytes, if there are any to be saved.
pub fn pack_batch(encoded: Vec<u8>) -> Vec<u8> {
    packing::pack(encoded)
}

/// Of a batch that is packed or not.
pub fn decode_batch(bytes: &[u8]) -> Result<Batch, FrameError> {
    frame::check_size(BATCH, bytes, MAX_ENTRY_BYTES)?;
    let bytes = packing::unpack(bytes, MAX_ENTRY_BYTES)?;
    let batch: Batch = frame::open(BATCH, &bytes)?;
    check_requests(batch.requests.len())?;
    Ok(batch)
}

/// Whether [`decode_batch`] would succeed, at less than half of the cost.
pub fn check_batch(bytes: &[u8]) -> Result<(), FrameError> {
    frame::check_size(BATCH, bytes, MAX_ENTRY_BYTES)?;
    let bytes = packing::unpack(bytes, MAX_ENTRY_BYTES)?;
    let requests = frame::view::<Batch, _>(BATCH, &bytes, |batch| batch.requests.len())?;
    check_requests(requests)
}

fn check_requests(requests: usize) -> Result<(), FrameError> {
    if requests > MAX_REQUESTS {
        return Err(FrameError::Malformed {
            kind: "QBAT".to_owned(),
            detail: format!("more than {MAX_REQUESTS} requests in one entry"),
        });
    }
    Ok(())
}

pub fn encode_request(request: &Request) -> Vec<u8> {
    frame::seal(REQUEST, request)
}

pub fn decode_request(bytes: &[u8]) -> Result<Request, FrameError> {
    frame::check_size(REQUEST, bytes, MAX_ENTRY_BYTES)?;
    frame::open(REQUEST, bytes)
}

pub fn encode_outcome(outcome: &RequestOutcome) -> Vec<u8> {
    frame::seal(OUTCOME, outcome)
}

/// Outcomes come from the leader and have no bound of their own: there is one
/// reply for each command of a request that was within its bounds, and what a
/// reply can hold besides numbers is one node name.
pub fn decode_outcome(bytes: &[u8]) -> Result<RequestOutcome, FrameError> {
    frame::open(OUTCOME, bytes)
}
