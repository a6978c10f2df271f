//! What a fuzzer and a property test drive: a peer's message on its way to
//! openraft, without openraft.

use openraft::TokioRuntime;
use quorate_model::ids::NodeId;
use quorate_model::wire;

use crate::snapshot_receiver::SnapshotReceiver;
use crate::types::{SnapshotMeta, Vote};
use crate::wire::check;
use crate::wire::message::{PeerRequest, PeerResponse, Refusal};

const LIMIT: usize = 1 << 20;

/// Decodes a request and takes it as far as it goes; whatever it is, it ends
/// in a value that encodes to the same value again, or in a refusal.
pub fn peer_request(from: u64, bytes: &[u8]) -> Result<(), String> {
    let request = PeerRequest::decode(bytes, LIMIT).map_err(|refusal| refusal.to_string())?;
    let again = PeerRequest::decode(&request.encode(), LIMIT);
    assert_eq!(again.as_ref(), Ok(&request), "encoded and decoded again");
    take(NodeId::new(from), request).map_err(|refusal| refusal.to_string())
}

/// The same for an answer.
pub fn peer_response(bytes: &[u8]) -> Result<(), String> {
    let response = PeerResponse::decode(bytes, LIMIT).map_err(|refusal| refusal.to_string())?;
    let again = PeerResponse::decode(&response.encode(), LIMIT);
    assert_eq!(again.as_ref(), Ok(&response), "encoded and decoded again");
    if let PeerResponse::Proposed { outcome } = response {
        let decoded = wire::decode_outcome(&outcome);
        return decoded.map(drop).map_err(|error| error.to_string());
    }
    Ok(())
}

fn take(from: NodeId, request: PeerRequest) -> Result<(), Refusal> {
    match request {
        PeerRequest::Append(append) => {
            check::check_append(from, &append)?;
            for entry in append.entries {
                drop(entry.into_entry::<TokioRuntime>());
            }
        }
        PeerRequest::Vote { vote, .. } => {
            check::check_candidate(from, vote)?;
            // openraft takes the next term after the greatest that it saw.
            assert!(Vote::from(vote).leader_id.term < u64::MAX, "no term left");
        }
        PeerRequest::SnapshotBegin(begin) => {
            let mut receiver = SnapshotReceiver::new(LIMIT as u64);
            receiver.begin(from, begin.clone())?;
            drop(SnapshotMeta::from(begin.meta));
            receiver.finish(from, begin.transfer)?;
        }
        PeerRequest::Propose { request } => drop(wire::decode_request(&request)?),
        PeerRequest::SnapshotChunk(_)
        | PeerRequest::SnapshotFinish { .. }
        | PeerRequest::ReadIndex => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::path::PathBuf;

    use proptest::prelude::*;
    use quorate_model::frame::{self, Format, HEADER_BYTES};

    use super::*;

    /// The sender in the golden files.
    const SENDER: u64 = 0x1122_3344_5566_7788;

    fn golden(kind: &str) -> Vec<Vec<u8>> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with(kind)
            })
            .collect();
        files.sort();
        assert!(files.len() > 4, "{kind}");
        files
            .iter()
            .map(|path| std::fs::read(path).unwrap())
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Close to a real message, under a good checksum.
        #[test]
        fn a_damaged_message_is_refused_or_sound(
            file in any::<prop::sample::Index>(),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            for kind in ["request", "response"] {
                let files = golden(kind);
                let sealed = &files[file.index(files.len())];
                let mut body = sealed[HEADER_BYTES..].to_vec();
                for (at, byte) in &damage {
                    let at = at.index(body.len());
                    body[at] = *byte;
                }
                if let Some(cut) = cut {
                    body.truncate(cut.index(body.len()));
                }
                let mark = sealed.first_chunk::<4>().unwrap();
                let sealed = frame::seal_raw(Format::new(*mark, 1), &body);
                // A panic is what this looks for; both answers are good.
                let _ = match kind {
                    "request" => peer_request(SENDER, &sealed),
                    _ => peer_response(&sealed),
                };
            }
        }
    }

    #[test]
    fn the_golden_messages_are_taken_or_refused_for_their_content() {
        for sealed in golden("request") {
            let refusal = peer_request(SENDER, &sealed).err();
            let sound = refusal.as_deref().is_none_or(|why| !why.contains("QPRQ"));
            assert!(sound, "{refusal:?}");
        }
        for sealed in golden("response") {
            let refusal = peer_response(&sealed).err();
            let sound = refusal.as_deref().is_none_or(|why| !why.contains("QPRS"));
            assert!(sound, "{refusal:?}");
        }
    }
}
