//! Laws that hold for any history of commands.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod histories;

use std::collections::BTreeSet;

use proptest::prelude::*;
use quorate_model::change::Change;
use quorate_model::ids::{Revision, Timestamp};
use quorate_model::state::ClusterState;
use quorate_model::view::ClusterView;
use quorate_model::wire;

use crate::histories::{History, history};

fn chunks_of(state: &ClusterState) -> Vec<Vec<u8>> {
    let mut image = state.image();
    std::iter::from_fn(|| image.next_chunk()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A replicant that folds every change holds what the cores hold.
    #[test]
    fn folding_all_changes_equals_the_projection(history in history()) {
        let mut state = ClusterState::new(1);
        let mut view = ClusterView::new(2);
        history.run(&mut state, |state, changes: &[Change]| {
            changes.iter().for_each(|change| view.fold(change));
            prop_assert_eq!(view.digest(), state.view().digest());
            state.validate();
            Ok(())
        })?;
        view.validate();
        let rows = |view: &ClusterView| format!("{:?}", view.routes().collect::<Vec<_>>());
        prop_assert_eq!(rows(&view), rows(state.view()));
    }

    /// Who is to leave stays so until it has gone, whatever it says of itself.
    #[test]
    fn nobody_that_is_to_leave_stays_after_all(history in history()) {
        let mut state = ClusterState::new(1);
        let mut leaving = BTreeSet::new();
        history.run(&mut state, |state, _| {
            for node in &leaving {
                let member = state.view().member(*node);
                prop_assert!(member.is_none_or(|member| member.retiring), "{member:?}");
            }
            let members = state.view().members();
            leaving.extend(members.filter(|member| member.retiring).map(|member| member.id));
            Ok(())
        })?;
    }

    /// Snapshot and restore is the identity: the copy and the original answer
    /// the same from there on.
    #[test]
    fn snapshot_then_restore_is_the_identity(history in history(), later in history()) {
        let mut state = ClusterState::new(1);
        history.run(&mut state, |_, _| Ok(()))?;
        let image_digest = state.image().digest();
        let mut copy = ClusterState::restore(9, chunks_of(&state)).unwrap();
        copy.validate();
        prop_assert_eq!(copy.digest(), image_digest);
        prop_assert_eq!(copy.chain(), state.chain());
        prop_assert_eq!(copy.revision(), state.revision());
        prop_assert_eq!(copy.time(), state.time());
        prop_assert_eq!(chunks_of(&copy), chunks_of(&state));
        let answers = later.answers(&mut state);
        prop_assert_eq!(later.answers(&mut copy), answers);
        prop_assert_eq!(copy.digest(), state.digest());
    }

    /// An image is of its moment, whatever is applied while it is written out.
    #[test]
    fn an_image_stands_still(history in history(), later in history()) {
        let mut state = ClusterState::new(1);
        history.run(&mut state, |_, _| Ok(()))?;
        let expected = chunks_of(&state);
        let mut image = state.image();
        let first = image.next_chunk();
        later.run(&mut state, |_, _| Ok(()))?;
        let rest = std::iter::from_fn(|| image.next_chunk());
        prop_assert_eq!(first.into_iter().chain(rest).collect::<Vec<_>>(), expected);
    }

    /// The seed of the hash index never shows.
    #[test]
    fn replicas_agree_whatever_their_hash_seed(history in history()) {
        let mut one = ClusterState::new(1);
        let mut two = ClusterState::new(u64::MAX);
        prop_assert_eq!(history.answers(&mut one), history.answers(&mut two));
        prop_assert_eq!(one.digest(), two.digest());
        prop_assert_eq!(one.chain(), two.chain());
    }

    /// Rows that do not depend on each other may come in any order.
    #[test]
    fn the_digest_is_independent_of_the_order_of_rows(
        (forth, back) in histories::rows_in_two_orders()
    ) {
        let mut one = ClusterState::new(1);
        let mut two = ClusterState::new(1);
        forth.run(&mut one, |_, _| Ok(()))?;
        back.run(&mut two, |_, _| Ok(()))?;
        prop_assert_eq!(one.view().digest(), two.view().digest());
    }

    /// What is encoded decodes to itself, and equal values to equal bytes.
    #[test]
    fn batches_survive_the_wire(history in history()) {
        for request in &history.requests {
            let bytes = wire::encode_request(request);
            prop_assert_eq!(&wire::decode_request(&bytes).unwrap(), request);
            prop_assert_eq!(wire::encode_request(&request.clone()), bytes);
        }
        let batch = history.batch(Timestamp::new(1));
        let bytes = wire::encode_batch(&batch);
        prop_assert_eq!(&wire::decode_batch(&bytes).unwrap(), &batch);
        let packed = wire::pack_batch(bytes);
        prop_assert_eq!(wire::check_batch(&packed), Ok(()));
        prop_assert_eq!(wire::decode_batch(&packed).unwrap(), batch);
    }

    /// Damaged bytes are errors, never panics, and never half a state.
    #[test]
    fn damage_is_told(history in history(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let bytes = wire::encode_batch(&history.batch(Timestamp::new(1)));
        let mut bytes = wire::pack_batch(bytes);
        let place = at.index(bytes.len());
        bytes[place] ^= flip;
        prop_assert!(wire::decode_batch(&bytes).is_err());

        let mut state = ClusterState::new(1);
        history.run(&mut state, |_, _| Ok(()))?;
        let mut chunks = chunks_of(&state);
        let chunk = at.index(chunks.len());
        let place = at.index(chunks[chunk].len());
        chunks[chunk][place] ^= flip;
        prop_assert!(ClusterState::restore(1, &chunks).is_err());
        chunks[chunk][place] ^= flip;
        chunks.remove(chunk);
        prop_assert!(ClusterState::restore(1, &chunks).is_err());
    }

    /// A body that is well sealed and yet garbage inside must not get through.
    #[test]
    fn garbage_under_a_good_seal_is_refused_or_sound(body in prop::collection::vec(any::<u8>(), 0..400)) {
        use quorate_model::frame::{self, Format};
        for kind in [*b"QBAT", *b"QLZ4", *b"QREQ", *b"QOUT", *b"QSNP"] {
            let sealed = frame::seal_raw(Format::new(kind, 1), &body);
            prop_assert_eq!(wire::check_batch(&sealed), wire::decode_batch(&sealed).map(drop));
            let _ = wire::decode_request(&sealed);
            let _ = wire::decode_outcome(&sealed);
            prop_assert!(ClusterState::restore(1, [sealed]).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Close to a real batch, under a good checksum: the check alone and the
    /// decoding agree about it, and what gets through is a batch like any other.
    #[test]
    fn a_damaged_batch_under_a_good_seal_is_refused_or_sound(
        history in history(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        use quorate_model::frame::{self, Format, HEADER_BYTES};
        let mut bytes = wire::encode_batch(&history.batch(Timestamp::new(1)));
        let body = &mut bytes[HEADER_BYTES..];
        for (at, byte) in damage {
            body[at.index(body.len())] = byte;
        }
        let sealed = frame::seal_raw(Format::new(*b"QBAT", 1), body);
        let decoded = wire::decode_batch(&sealed);
        prop_assert_eq!(wire::check_batch(&sealed), decoded.clone().map(drop));
        if let Ok(batch) = decoded {
            prop_assert_eq!(wire::decode_batch(&wire::encode_batch(&batch)), Ok(batch));
        }
    }
}

#[test]
fn a_history_must_exercise_what_the_laws_speak_of() {
    // The laws would hold of histories in which everything is refused.
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut done, mut claimed, mut rejected) = (0, 0, 0);
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        let history: History = history().new_tree(&mut runner).unwrap().current();
        let mut state = ClusterState::new(1);
        for line in history.answers(&mut state) {
            done += line.matches("Done").count();
            claimed += line.matches("Claimed").count();
            rejected += line.matches("Rejected").count();
        }
        assert!(state.revision() > Revision::new(1));
        for (_, event) in state.events() {
            let words = format!("{:?}", event.what);
            seen.extend(words.split(' ').next().map(ToOwned::to_owned));
        }
        if state.tokens().any(|(_, token)| token.used_by.is_some()) {
            seen.insert("Used".to_owned());
        }
    }
    assert!(
        done > 500 && claimed > 50 && rejected > 50,
        "{done} {claimed} {rejected}"
    );
    // Every kind of event, and a token that admitted a core.
    assert_eq!(seen.len(), 12, "{seen:?}");
}
