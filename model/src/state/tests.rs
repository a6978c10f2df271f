#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;
mod membership;
mod security;

use super::*;
use crate::change::Change;
use crate::cluster::ClusterName;
use crate::command::Command;
use crate::ids::{ClusterId, Incarnation, Sequence};
use crate::index::MatchCache;
use crate::limits;
use crate::member::Liveness;
use crate::reply::{Bound, Rejection, Reply};
use crate::retained::RetainedBound;
use crate::route_index::Target;
use crate::rules::JoinRefusal;
use crate::samples::{candidate, member};
use crate::state::tests::harness::{
    Cluster, claim, client, down, filter, join, origin, retain, route, up,
};
use crate::topic_filter::TopicFilter;
use crate::topic_name::TopicName;

#[test]
fn nothing_but_forming_is_possible_at_first() {
    let mut state = ClusterState::new(0);
    let batch = Batch {
        time: Timestamp::new(1),
        requests: vec![Request {
            origin: origin(1, 1),
            sequence: Sequence::new(1),
            commands: vec![route("a")],
        }],
    };
    let digest = state.digest();
    let applied = state.apply(Revision::new(1), &batch, b"entry");
    assert_eq!(applied.outcomes, [Err(RequestRejection::NotFormed)]);
    assert_eq!(state.digest(), digest);
}

#[test]
fn a_cluster_is_formed_once_and_by_sound_founders() {
    let mut cluster = Cluster::formed();
    let form = |founders: Vec<_>| Command::Form {
        id: ClusterId::new(5),
        name: ClusterName::new("other").unwrap(),
        founders,
    };
    let again = cluster.one(1, 1, form(vec![member(3, "x@h")]));
    assert_eq!(again, Reply::Rejected(Rejection::AlreadyFormed));

    let mut replicant = member(1, "a@h");
    replicant.roles = crate::member::Roles::Replicant;
    for founders in [
        vec![],
        vec![replicant],
        vec![member(1, "a@h"), member(1, "b@h")],
        vec![member(1, "a@h"), member(2, "a@h")],
    ] {
        let mut fresh = Cluster {
            state: ClusterState::new(0),
            ..Cluster::formed()
        };
        let reply = fresh.one(1, 1, form(founders));
        assert_eq!(reply, Reply::Rejected(Rejection::BadFounders));
    }
}

#[test]
fn a_retry_gets_the_first_answer_and_changes_nothing() {
    let mut cluster = Cluster::formed();
    let request = cluster.request(1, 1, vec![claim("c", None), route("a")]);
    let first = cluster.apply(vec![request.clone()]);
    let digest = cluster.state.digest();
    let retried = cluster.apply(vec![request.clone(), request.clone()]);
    assert_eq!(
        retried.outcomes,
        [first.outcomes[0].clone(), first.outcomes[0].clone()]
    );
    assert!(retried.changes.is_empty());
    assert_eq!(cluster.state.digest(), digest);

    // Once the node has moved on, an old request that arrives late is refused.
    cluster.one(1, 1, route("b"));
    let late = cluster.apply(vec![request]);
    assert!(matches!(
        late.outcomes[0],
        Err(RequestRejection::StaleSequence { .. })
    ));
}

#[test]
fn a_retry_is_answered_after_its_life_was_declared_over() {
    let mut cluster = Cluster::formed();
    let request = cluster.request(2, 1, vec![claim("c", None)]);
    let first = cluster.apply(vec![request.clone()]);
    cluster.one(1, 1, down(2, 1));
    let retried = cluster.apply(vec![request]);
    assert_eq!(retried.outcomes, first.outcomes);
    assert_eq!(cluster.owner_of("c"), None);
}

#[test]
fn a_life_that_fails_to_begin_does_not_open_the_last_one_to_repeats() {
    let mut cluster = Cluster::formed();
    let request = cluster.request(2, 1, vec![claim("c", None)]);
    let first = cluster.apply(vec![request.clone()]);
    let refused = Command::MemberUp {
        incarnation: Incarnation::new(2),
        addresses: vec![],
        version: "v".repeat(limits::MAX_VERSION_BYTES + 1),
    };
    let refused = cluster.one(2, 2, refused);
    assert!(matches!(
        refused,
        Reply::Rejected(Rejection::TooLarge { .. })
    ));
    let repeated = cluster.apply(vec![request]);
    assert_eq!(repeated.outcomes, first.outcomes);
}

#[test]
fn claims_are_compared_and_released_by_their_holder() {
    let mut cluster = Cluster::formed();
    let Reply::Claimed { epoch } = cluster.one(1, 1, claim("c", None)) else {
        panic!("the first claim is granted");
    };
    let held = epoch.revision().get();
    let lost = Reply::Rejected(Rejection::ClaimLost {
        current: Some(epoch),
    });
    assert_eq!(cluster.one(2, 1, claim("c", None)), lost);
    assert_eq!(cluster.one(2, 1, claim("c", Some(held - 1))), lost);
    assert_eq!(cluster.owner_of("c"), Some((1, held)));

    let Reply::Claimed { epoch: taken } = cluster.one(2, 1, claim("c", Some(held))) else {
        panic!("the take-over is granted");
    };
    assert!(taken > epoch);
    let release = |epoch| Command::Release {
        client: client("c"),
        epoch,
    };
    assert!(matches!(
        cluster.one(1, 1, release(epoch)),
        Reply::Rejected(Rejection::ClaimLost { .. })
    ));
    assert_eq!(cluster.one(2, 1, release(taken)), Reply::Done);
    assert_eq!(cluster.owner_of("c"), None);
}

#[test]
fn two_claims_in_one_entry_grant_one() {
    let mut cluster = Cluster::formed();
    let now = cluster.state.revision().next().get();
    let first = cluster.request(1, 1, vec![claim("c", None)]);
    // The other node even guesses the epoch that the first is about to get.
    let second = cluster.request(2, 1, vec![claim("c", None), claim("c", Some(now))]);
    let applied = cluster.apply(vec![first, second]);
    let replies = applied.outcomes[1].as_ref().unwrap();
    assert!(
        replies
            .replies
            .iter()
            .all(|r| matches!(r, Reply::Rejected(_)))
    );
    assert_eq!(cluster.owner_of("c"), Some((1, now)));
}

#[test]
fn a_node_that_is_down_loses_what_it_held_and_its_voice() {
    let mut cluster = Cluster::formed();
    cluster
        .outcome(2, 1, vec![route("a"), route("b/#"), claim("c", None)])
        .unwrap();
    cluster.one(1, 1, route("a"));
    cluster.time = 5_000;
    let request = cluster.request(1, 1, vec![down(2, 1)]);
    let applied = cluster.apply(vec![request]);
    let node = NodeId::new(2);
    assert_eq!(applied.changes[0], Change::RoutesDropped { node });
    assert_eq!(cluster.state.view().route_count(), 1);
    assert_eq!(cluster.owner_of("c"), None);
    let since = Timestamp::new(5_000);
    let liveness = cluster.state.view().member(node).unwrap().liveness;
    assert_eq!(liveness, Liveness::Down { since });

    assert!(matches!(
        cluster.outcome(2, 1, vec![route("a")]),
        Err(RequestRejection::Down { .. })
    ));
    assert!(matches!(
        cluster.outcome(2, 2, vec![route("a"), up(2)]),
        Err(RequestRejection::NotAnnounced { .. })
    ));
    let back = cluster.outcome(2, 2, vec![up(2), route("a")]).unwrap();
    assert_eq!(back.replies, [Reply::Done, Reply::Done]);
    assert!(matches!(
        cluster.outcome(2, 1, vec![route("b")]),
        Err(RequestRejection::OldIncarnation { .. })
    ));
    // A late word about the first life does not hurt the second.
    assert!(matches!(
        cluster.one(1, 1, down(2, 1)),
        Reply::Rejected(Rejection::OtherIncarnation { .. })
    ));
    assert!(cluster.state.view().member(node).unwrap().is_up());
}

#[test]
fn a_new_life_drops_what_the_old_one_left() {
    let mut cluster = Cluster::formed();
    cluster
        .outcome(2, 1, vec![route("old"), claim("c", None)])
        .unwrap();
    cluster.outcome(2, 2, vec![up(2), route("new")]).unwrap();
    let view = cluster.state.view();
    assert!(view.has_route(NodeId::new(2), &filter("new")));
    assert!(!view.has_route(NodeId::new(2), &filter("old")));
    assert_eq!(cluster.owner_of("c"), None);
    // A request cannot announce a life other than its own.
    assert!(matches!(
        cluster.one(2, 2, up(9)),
        Reply::Rejected(Rejection::OtherIncarnation { .. })
    ));
}

#[test]
fn what_follows_the_end_of_the_senders_life_is_void() {
    let mut cluster = Cluster::formed();
    let replies = cluster.outcome(2, 1, vec![down(2, 1), route("a"), claim("c", None)]);
    let node = NodeId::new(2);
    let void = Reply::Rejected(Rejection::NotAMember { node });
    assert_eq!(replies.unwrap().replies, [Reply::Done, void.clone(), void]);
}

#[test]
fn a_removed_node_is_entombed() {
    let mut cluster = Cluster::formed();
    cluster.one(2, 1, route("a"));
    let node = NodeId::new(2);
    assert_eq!(
        cluster.one(1, 1, Command::RemoveMember { node }),
        Reply::Done
    );
    assert_eq!(cluster.state.view().route_count(), 0);
    for life in [1, 2] {
        assert_eq!(
            cluster.outcome(2, life, vec![up(life)]),
            Err(RequestRejection::Entombed { node })
        );
    }
    let back = join(candidate(2, "core2@h"));
    assert_eq!(
        cluster.one(1, 1, back),
        Reply::Rejected(Rejection::Join(JoinRefusal::Entombed { node }))
    );
    // The name is free again, for another identity.
    let other = join(candidate(3, "core2@h"));
    assert_eq!(cluster.one(1, 1, other), Reply::Done);
    assert!(!cluster.state.view().member(NodeId::new(3)).unwrap().is_up());
}

#[test]
fn the_last_core_stays() {
    let mut cluster = Cluster::formed();
    let remove = |id| Command::RemoveMember {
        node: NodeId::new(id),
    };
    assert_eq!(cluster.one(1, 1, remove(2)), Reply::Done);
    assert_eq!(
        cluster.one(1, 1, remove(1)),
        Reply::Rejected(Rejection::LastCore)
    );
}

#[test]
fn retained_messages_keep_to_their_bound() {
    let mut cluster = Cluster::formed();
    let too_long = retain("t", limits::MAX_RETAINED_PAYLOAD_BYTES + 1);
    assert!(matches!(
        cluster.one(1, 1, too_long),
        Reply::Rejected(Rejection::TooLarge { .. })
    ));
    cluster.one(1, 1, retain("t", 100));
    cluster.one(1, 1, retain("t", 10));
    let topic = TopicName::new("t").unwrap();
    let retained = cluster.state.view().retained(&topic).unwrap();
    assert_eq!(retained.revision, cluster.state.revision());
    let weight = retained.weight(&topic);
    assert!((11..200).contains(&weight), "{weight}");
    assert_eq!(cluster.state.view().retained_bytes(), weight);
    cluster.one(1, 1, Command::ClearRetained { topic });
    assert_eq!(cluster.state.view().retained_bytes(), 0);
}

/// The bound is the proposer's; what is there already is not touched.
#[test]
fn retained_messages_keep_to_the_bound_of_who_proposes_them() {
    let mut cluster = Cluster::formed();
    let mut propose = |topic: &str, size: usize, messages: u32, bytes: u64| {
        let Command::Retain { topic, message, .. } = retain(topic, size) else {
            unreachable!()
        };
        let within = RetainedBound { messages, bytes };
        let command = Command::Retain {
            topic,
            message,
            within,
        };
        match cluster.one(1, 1, command) {
            Reply::Done => None,
            Reply::Rejected(Rejection::TooLarge { what, limit }) => Some((what, limit)),
            other => panic!("{other:?}"),
        }
    };
    // A topic of one letter and 35 bytes weigh 100.
    assert_eq!(propose("a", 35, 2, 300), None);
    assert_eq!(propose("b", 35, 2, 300), None);
    let too_many = Some((Bound::RetainedMessages, 2));
    assert_eq!(propose("c", 0, 2, 300), too_many);
    // One in the place of another.
    assert_eq!(propose("a", 135, 2, 300), None);
    let too_much = Some((Bound::RetainedTotal, 300));
    assert_eq!(propose("a", 136, 2, 300), too_much);
    assert_eq!(propose("c", 0, 3, 300), too_much);
    assert_eq!(propose("b", 0, 0, 300), None);
    assert_eq!(propose("c", 0, 3, 330), None);
    assert_eq!(cluster.state.view().retained_count(), 3);
}

/// They go with whatever comes next, and not before everybody's clock says so.
#[test]
fn retained_messages_that_have_expired_are_removed_in_the_end() {
    let mut cluster = Cluster::formed();
    let mut retain_until = |topic: &str, expires: Option<u64>, time: u64| {
        let Command::Retain {
            topic,
            mut message,
            within,
        } = retain(topic, 10)
        else {
            unreachable!()
        };
        message.expires = expires.map(Timestamp::new);
        cluster.time = time;
        cluster.one(
            1,
            1,
            Command::Retain {
                topic,
                message,
                within,
            },
        );
        let topics = ["a", "b", "c", "d", "e"].map(|topic| TopicName::new(topic).unwrap());
        let view = cluster.state.view();
        let held = topics.iter().filter(|topic| view.retained(topic).is_some());
        held.map(|topic| topic.as_str().to_owned())
            .collect::<String>()
    };
    assert_eq!(retain_until("a", Some(5_000), 1_000), "a");
    assert_eq!(retain_until("b", Some(6_000), 1_000), "ab");
    // Published again, it is good for longer.
    assert_eq!(retain_until("a", Some(9_000), 2_000), "ab");
    // Or, in the same moment, for as long.
    assert_eq!(retain_until("b", Some(6_000), 2_000), "ab");
    assert_eq!(retain_until("c", None, 6_000 + EXPIRED_KEPT_MS), "abc");
    assert_eq!(retain_until("d", None, 6_001 + EXPIRED_KEPT_MS), "acd");
    assert_eq!(retain_until("a", None, 9_000 + EXPIRED_KEPT_MS), "acd");
    assert_eq!(retain_until("e", None, 9_001 + EXPIRED_KEPT_MS), "acde");
}

/// What costs memory counts, also where the message itself is empty.
#[test]
fn long_topics_of_empty_messages_weigh_something() {
    let mut cluster = Cluster::formed();
    for number in 0..10 {
        let topic = format!("{}/{number}", "t".repeat(60_000));
        cluster.one(1, 1, retain(&topic, 0));
    }
    assert!(cluster.state.view().retained_bytes() > 600_000);
}

#[test]
fn absurd_sizes_are_typed_errors_that_change_nothing() {
    let mut cluster = Cluster::formed();
    let digest = cluster.state.view().digest();
    for (key, value) in [
        ("k".repeat(limits::MAX_SETTING_KEY_BYTES + 1), String::new()),
        ("k".into(), "v".repeat(limits::MAX_SETTING_VALUE_BYTES + 1)),
    ] {
        let reply = cluster.one(1, 1, Command::SetSetting { key, value });
        assert!(matches!(reply, Reply::Rejected(Rejection::TooLarge { .. })));
    }
    let many = vec![route("a"); MAX_COMMANDS + 1];
    assert!(matches!(
        cluster.outcome(1, 1, many),
        Err(RequestRejection::TooManyCommands { .. })
    ));
    assert_eq!(cluster.state.view().digest(), digest);
}

#[test]
fn time_never_goes_back() {
    let mut cluster = Cluster::formed();
    cluster.time = 9_000;
    cluster.one(1, 1, route("a"));
    cluster.time = 3_000;
    cluster.one(1, 1, route("b"));
    assert_eq!(cluster.state.time(), Timestamp::new(9_000));
}

#[test]
#[should_panic(expected = "cannot follow")]
fn an_entry_that_was_applied_before_is_a_broken_invariant() {
    let mut cluster = Cluster::formed();
    cluster.state.skip(Revision::new(1));
}

#[test]
fn cached_targets_follow_the_routes() {
    let mut cluster = Cluster::formed();
    let topic = TopicName::new("a/b").unwrap();
    let mut cache = MatchCache::new(16);
    let mut nodes = |cluster: &Cluster| -> Vec<u64> {
        let view = cluster.state.view();
        let found = view.cached_targets(&topic, &mut cache, |target| match target {
            Target::Node(node) => node.get(),
            Target::Group { .. } => 0,
        });
        found.to_vec()
    };
    assert!(nodes(&cluster).is_empty());
    cluster.one(1, 1, route("a/+"));
    assert_eq!(nodes(&cluster), [1]);
    cluster.one(1, 1, route("x"));
    assert_eq!(nodes(&cluster), [1]);
    let filter = TopicFilter::new("a/+").unwrap();
    cluster.one(1, 1, Command::RemoveRoute { filter });
    assert!(nodes(&cluster).is_empty());
}
