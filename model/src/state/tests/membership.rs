//! Candidates, slots, voters, and the log of it all.

use std::collections::BTreeSet;

use super::harness::{Cluster, down, join, up};
use crate::candidate::Candidate;
use crate::change::Change;
use crate::cluster::ClusterName;
use crate::command::Command;
use crate::event::EventKind;
use crate::ids::{ClusterId, Incarnation, NodeId, Revision};
use crate::limits::{MAX_CORES, MAX_EVENTS};
use crate::member::{Member, Roles};
use crate::reply::{Rejection, Reply};
use crate::rules::JoinRefusal;
use crate::samples::{candidate, member};
use crate::state::ClusterState;

fn core(id: u64) -> Candidate {
    candidate(id, &format!("core{id}@h"))
}

fn remove(id: u64) -> Command {
    let node = NodeId::new(id);
    Command::RemoveMember { node }
}

fn retire(id: u64) -> Command {
    let node = NodeId::new(id);
    let asked_by = node;
    Command::RetireMember { node, asked_by }
}

fn voters(ids: &[u64]) -> BTreeSet<NodeId> {
    ids.iter().copied().map(NodeId::new).collect()
}

impl Cluster {
    fn slot(&self, id: u64) -> Option<u32> {
        let member = self.state.view().member(NodeId::new(id));
        member.unwrap().election_slot
    }

    fn is_retiring(&self, id: u64) -> bool {
        let member = self.state.view().member(NodeId::new(id));
        member.unwrap().retiring
    }

    fn note(&mut self, ids: &[u64]) {
        let revision = self.state.revision().next();
        self.state.note_voters(revision, voters(ids));
        self.state.validate();
    }
}

#[test]
fn a_core_gets_the_lowest_free_slot_and_keeps_it() {
    let mut cluster = Cluster::formed();
    for id in [3, 4] {
        assert_eq!(cluster.one(1, 1, join(core(id))), Reply::Done);
    }
    let mut replicant = core(9);
    replicant.roles = Roles::Replicant;
    assert_eq!(cluster.one(1, 1, join(replicant)), Reply::Done);
    let slots = [1, 2, 3, 4, 9].map(|id| cluster.slot(id));
    assert_eq!(slots, [Some(0), Some(1), Some(2), Some(3), None]);

    assert_eq!(cluster.one(1, 1, remove(2)), Reply::Done);
    let mut both = core(5);
    both.roles = Roles::Both;
    assert_eq!(cluster.one(1, 1, join(both)), Reply::Done);
    assert_eq!(cluster.slot(5), Some(1));
    assert_eq!(cluster.slot(4), Some(3));
}

#[test]
fn joining_again_updates_what_the_node_says_of_itself() {
    let mut cluster = Cluster::formed();
    cluster.one(1, 1, join(core(3)));
    cluster.outcome(3, 7, vec![up(7)]).unwrap();
    let before = cluster.state.view().member(NodeId::new(3)).unwrap().clone();
    let mut moved = core(3);
    moved.addresses = vec!["10.0.0.3:4370".into()];
    moved.version = "0.3.0".into();
    let log = cluster.log();
    assert_eq!(cluster.one(1, 1, join(moved.clone())), Reply::Done);
    let expected = Member {
        addresses: moved.addresses,
        version: moved.version,
        ..before
    };
    let found = cluster.state.view().member(NodeId::new(3));
    assert_eq!(found, Some(&expected));
    assert_eq!(cluster.log(), log);
}

#[test]
fn there_are_only_so_many_cores() {
    let mut cluster = Cluster::formed();
    let most = MAX_CORES as u64;
    for id in 3..=most {
        assert_eq!(cluster.one(1, 1, join(core(id))), Reply::Done);
    }
    let refused = Reply::Rejected(Rejection::Join(JoinRefusal::TooManyCores { limit: most }));
    assert_eq!(cluster.one(1, 1, join(core(most + 1))), refused);
    cluster.one(1, 1, remove(2));
    assert_eq!(cluster.one(1, 1, join(core(most + 1))), Reply::Done);
    assert_eq!(cluster.slot(most + 1), Some(1));
}

#[test]
fn founders_stay_and_have_slots_that_fit_their_roles() {
    let founder = |id: u64, roles, election_slot| Member {
        roles,
        election_slot,
        ..member(id, &format!("core{id}@h"))
    };
    let form = |founders: Vec<Member>| {
        let mut fresh = Cluster {
            state: ClusterState::new(0),
            time: 1,
            sequence: 0,
        };
        let form = Command::Form {
            id: ClusterId::new(5),
            name: ClusterName::new("other").unwrap(),
            founders,
        };
        fresh.one(1, 1, form)
    };
    let leaving = |founder: Member| Member {
        retiring: true,
        ..founder
    };
    let beyond = Some(MAX_CORES as u32);
    let bad = Reply::Rejected(Rejection::BadFounders);
    let first = || founder(1, Roles::Core, Some(4));
    for (second, expected) in [
        (founder(2, Roles::Core, Some(0)), Reply::Done),
        (founder(2, Roles::Replicant, None), Reply::Done),
        (founder(2, Roles::Core, Some(4)), bad.clone()),
        (founder(2, Roles::Both, None), bad.clone()),
        (founder(2, Roles::Core, beyond), bad.clone()),
        (founder(2, Roles::Replicant, Some(1)), bad.clone()),
        (leaving(founder(2, Roles::Core, Some(0))), bad.clone()),
        (leaving(founder(2, Roles::Replicant, None)), bad),
    ] {
        assert_eq!(form(vec![first(), second]), expected);
    }
}

#[test]
fn a_core_that_retires_keeps_what_it_has_until_it_is_removed() {
    let mut cluster = Cluster::formed();
    cluster.one(1, 1, join(core(3)));
    let before = cluster.state.view().member(NodeId::new(2)).unwrap().clone();
    let digest = cluster.state.view().digest();
    assert!(!cluster.is_retiring(3));

    // The leader proposes it, for whoever has asked.
    let asked = Command::RetireMember {
        node: NodeId::new(2),
        asked_by: NodeId::new(3),
    };
    let request = cluster.request(1, 1, vec![asked]);
    let applied = cluster.apply(vec![request]);
    assert_eq!(applied.outcomes[0].as_ref().unwrap().replies, [Reply::Done]);
    let expected = Member {
        retiring: true,
        ..before
    };
    assert_eq!(applied.changes, [Change::MemberSet(expected)]);
    assert_ne!(cluster.state.view().digest(), digest);

    let again = cluster.request(1, 1, vec![retire(2)]);
    let applied = cluster.apply(vec![again]);
    assert_eq!(applied.outcomes[0].as_ref().unwrap().replies, [Reply::Done]);
    assert_eq!(applied.changes, []);

    let node = NodeId::new(2);
    let refused = Reply::Rejected(Rejection::Join(JoinRefusal::Retiring { node }));
    assert_eq!(cluster.one(1, 1, join(core(2))), refused);
    for life in [1, 2] {
        cluster.outcome(2, life, vec![up(life)]).unwrap();
        assert!(cluster.is_retiring(2));
        cluster.one(1, 1, down(2, life));
        assert!(cluster.is_retiring(2));
    }
    cluster.state = cluster.restored();
    assert!(cluster.is_retiring(2));
    assert_eq!(cluster.slot(2), Some(1));

    assert_eq!(cluster.one(1, 1, remove(2)), Reply::Done);
    let gone = Reply::Rejected(Rejection::NotAMember { node });
    assert_eq!(cluster.one(1, 1, retire(2)), gone);
    let log = cluster.log();
    let leaving: Vec<_> = log.iter().filter(|line| line.contains("leave")).collect();
    assert_eq!(leaving, ["core3: core2@h is to leave"]);
}

#[test]
fn one_core_at_least_is_not_to_leave() {
    let last = Reply::Rejected(Rejection::LastCore);
    let mut cluster = Cluster::formed();
    let mut replicant = core(9);
    replicant.roles = Roles::Replicant;
    cluster.one(1, 1, join(replicant));
    assert_eq!(cluster.one(1, 1, retire(1)), Reply::Done);
    assert_eq!(cluster.one(1, 1, retire(2)), last);
    assert!(!cluster.is_retiring(2));
    // Who is to leave already is told the same again.
    assert_eq!(cluster.one(1, 1, retire(1)), Reply::Done);
    // A replicant may always leave, and is no core that could stay.
    assert_eq!(cluster.one(1, 1, retire(9)), Reply::Done);
    let mut both = core(3);
    both.roles = Roles::Both;
    cluster.one(1, 1, join(both));
    assert_eq!(cluster.one(1, 1, retire(2)), Reply::Done);
    assert_eq!(cluster.one(1, 1, retire(3)), last);
}

#[test]
fn the_log_tells_what_changed_and_nothing_else() {
    let mut cluster = Cluster::formed();
    let form = cluster.state.events().next().unwrap();
    assert_eq!(form.0, Revision::new(1));
    assert_eq!(form.1.what.to_string(), "the cluster test was formed");
    assert_eq!(form.1.by, Some(member(1, "core1@h").name));

    for _ in 0..2 {
        cluster.one(1, 1, join(core(3)));
    }
    for _ in 0..2 {
        cluster.outcome(3, 1, vec![up(1)]).unwrap();
    }
    // The same life at another place, then once more.
    for _ in 0..2 {
        let moved = Command::MemberUp {
            incarnation: Incarnation::new(1),
            addresses: vec!["10.0.0.3:4370".into()],
            version: "0.2.0".into(),
        };
        cluster.one(3, 1, moved);
    }
    for _ in 0..2 {
        cluster.one(1, 1, down(3, 1));
    }
    cluster.outcome(3, 2, vec![up(2)]).unwrap();
    cluster.one(1, 1, down(3, 1));
    cluster.one(3, 2, remove(3));
    cluster.one(1, 1, remove(3));
    let expected = [
        "core1: core3@h joined as core, by cookie",
        "core3: core3@h is up in life 1, at [::1]:4370",
        "core3: core3@h is up in life 1, at 10.0.0.3:4370",
        "core1: core3@h went down in life 1",
        "core3: core3@h is up in life 2, at [::1]:4370",
        "core3: core3@h was removed",
    ];
    assert_eq!(cluster.log(), expected);
}

#[test]
fn only_other_voters_are_an_event() {
    let mut state = ClusterState::new(7);
    state.note_voters(Revision::new(0), voters(&[1]));
    assert_eq!(state.revision(), Revision::new(0));
    assert_eq!(state.events().count(), 0);

    let mut cluster = Cluster::formed();
    cluster.note(&[1]);
    cluster.note(&[1]);
    cluster.note(&[1, 2]);
    assert_eq!(cluster.state.revision(), Revision::new(4));
    let (revision, last) = cluster.state.events().last().unwrap();
    assert_eq!(revision, Revision::new(4));
    let voters = vec![NodeId::new(1), NodeId::new(2)];
    assert_eq!(last.what, EventKind::VotersChanged { voters });
    assert_eq!((last.time, last.by.as_ref()), (cluster.state.time(), None));
    // Also after a snapshot the last set is known.
    cluster.state = cluster.restored();
    cluster.note(&[1, 2]);
    cluster.note(&[2]);
    let expected = [
        "the voters are now 0000000000000001",
        "the voters are now 0000000000000001, 0000000000000002",
        "the voters are now 0000000000000002",
    ];
    assert_eq!(cluster.log(), expected);
}

#[test]
fn the_voters_before_the_forming_are_known_after_it() {
    let mut cluster = Cluster {
        state: ClusterState::new(7),
        time: 1_000,
        sequence: 0,
    };
    let empty = cluster.state.digest();
    cluster.state.note_voters(Revision::new(0), voters(&[1]));
    assert_ne!(cluster.state.digest(), empty);
    let form = Command::Form {
        id: ClusterId::new(99),
        name: ClusterName::new("test").unwrap(),
        founders: vec![member(1, "core1@h")],
    };
    assert_eq!(cluster.one(1, 1, form), Reply::Done);
    cluster.note(&[1]);
    assert_eq!(cluster.log(), Vec::<String>::new());
}

#[test]
fn the_oldest_events_are_forgotten() {
    let mut cluster = Cluster::formed();
    for life in 2..=(MAX_EVENTS as u64 + 2) {
        let outcome = cluster.outcome(2, life, vec![up(life)]).unwrap();
        assert_eq!(outcome.replies, [Reply::Done]);
    }
    assert_eq!(cluster.state.events().count(), MAX_EVENTS);
    let (first, event) = cluster.state.events().next().unwrap();
    assert_eq!(first, Revision::new(3));
    let EventKind::Up { incarnation, .. } = event.what else {
        panic!("{event:?}");
    };
    assert_eq!(incarnation, Incarnation::new(3));
}

#[test]
fn events_of_one_entry_keep_their_order() {
    let mut cluster = Cluster::formed();
    let request = cluster.request(1, 1, vec![join(core(3)), remove(3), join(core(4))]);
    let applied = cluster.apply(vec![request]);
    assert!(matches!(applied.changes[1], Change::MemberRemoved { .. }));
    let expected = [
        "core1: core3@h joined as core, by cookie",
        "core1: core3@h was removed",
        "core1: core4@h joined as core, by cookie",
    ];
    assert_eq!(cluster.log(), expected);
    assert_eq!(cluster.restored().events().count(), 4);
}
