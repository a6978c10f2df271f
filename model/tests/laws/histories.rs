//! Random histories: a formed cluster of three nodes that do anything.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use quorate_model::authority::SecretKey;
use quorate_model::ban::{Ban, BanSubject};
use quorate_model::candidate::{Admission, Candidate};
use quorate_model::change::Change;
use quorate_model::client_id::ClientId;
use quorate_model::cluster::ClusterName;
use quorate_model::command::{Batch, Command, Request};
use quorate_model::ids::{
    ClusterId, Epoch, Incarnation, NodeId, Origin, Revision, Sequence, Timestamp, TokenId,
};
use quorate_model::member::{Liveness, Member, Roles};
use quorate_model::node_name::NodeName;
use quorate_model::retained::{Message, QoS, RetainedBound};
use quorate_model::state::ClusterState;
use quorate_model::token::TokenRole;
use quorate_model::topic_filter::TopicFilter;
use quorate_model::topic_name::TopicName;
use quorate_model::wire;

/// Requests, each applied as one entry after the cluster was formed.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) requests: Vec<Request>,
    /// Membership entries, each before the request of that index.
    pub(crate) voters: BTreeMap<usize, BTreeSet<NodeId>>,
}

impl History {
    /// Applies all; `step` sees the state after every entry.
    pub(crate) fn run(
        &self,
        state: &mut ClusterState,
        mut step: impl FnMut(&ClusterState, &[Change]) -> Result<(), TestCaseError>,
    ) -> Result<(), TestCaseError> {
        for (index, batch) in self.batches(state).enumerate() {
            self.note_voters(index, state);
            let revision = state.revision().next();
            let applied = state.apply(revision, &batch, &wire::encode_batch(&batch));
            step(state, &applied.changes)?;
        }
        Ok(())
    }

    /// What each entry was answered, in words that compare.
    pub(crate) fn answers(&self, state: &mut ClusterState) -> Vec<String> {
        let batches = self.batches(state).enumerate();
        batches
            .map(|(index, batch)| {
                self.note_voters(index, state);
                let revision = state.revision().next();
                format!("{:?}", state.apply(revision, &batch, b"entry"))
            })
            .collect()
    }

    fn note_voters(&self, index: usize, state: &mut ClusterState) {
        if let Some(voters) = self.voters.get(&index) {
            let revision = state.revision().next();
            state.note_voters(revision, voters.clone());
        }
    }

    pub(crate) fn batch(&self, time: Timestamp) -> Batch {
        let requests = self.requests.clone();
        Batch { time, requests }
    }

    fn batches(&self, state: &ClusterState) -> impl Iterator<Item = Batch> + use<> {
        let start = state.revision().get();
        let form = (start == 0).then(forming);
        let requests = form.into_iter().chain(self.requests.clone());
        requests.enumerate().map(move |(index, request)| Batch {
            time: Timestamp::new(1_000 * (start + index as u64)),
            requests: vec![request],
        })
    }
}

pub(crate) fn history() -> impl Strategy<Value = History> {
    let voters = prop::collection::btree_set((1..4_u64).prop_map(NodeId::new), 1..3);
    (
        prop::collection::vec(request(), 1..40),
        prop::collection::btree_map(0..40_usize, voters, 0..4),
    )
        .prop_map(|(requests, voters)| History { requests, voters })
}

/// What happens to routes and settings that have nothing to do with each other,
/// in two orders: additions, overwritings and removals, each row's own in order.
pub(crate) fn rows_in_two_orders() -> impl Strategy<Value = (History, History)> {
    let routes = prop::collection::btree_map(filter(), fate(), 1..12);
    let settings = prop::collection::btree_map("[a-z]{1,3}", fate(), 0..12);
    let rows = (routes, settings).prop_map(|(routes, settings)| {
        let routes = routes
            .into_iter()
            .map(|(filter, fate)| of_route(&filter, &fate));
        let settings = settings
            .into_iter()
            .map(|(key, fate)| of_setting(&key, &fate));
        routes.chain(settings).collect::<Vec<_>>()
    });
    rows.prop_flat_map(|rows| {
        let forth = one_by_one(&rows);
        (
            Just(forth),
            Just(rows).prop_shuffle().prop_map(|rows| one_by_one(&rows)),
        )
    })
}

/// A row is set (`true`) or removed, again and again.
fn fate() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(prop::bool::weighted(0.7), 1..4)
}

fn of_route(filter: &TopicFilter, fate: &[bool]) -> Vec<Command> {
    let filter = || filter.clone();
    let command = |is_set: &bool| match is_set {
        true => Command::AddRoute { filter: filter() },
        false => Command::RemoveRoute { filter: filter() },
    };
    fate.iter().map(command).collect()
}

fn of_setting(key: &str, fate: &[bool]) -> Vec<Command> {
    let key = || key.to_owned();
    let command = |(number, is_set): (usize, &bool)| match is_set {
        true => Command::SetSetting {
            key: key(),
            value: number.to_string(),
        },
        false => Command::RemoveSetting { key: key() },
    };
    fate.iter().enumerate().map(command).collect()
}

fn one_by_one(rows: &[Vec<Command>]) -> History {
    let commands = rows.iter().flatten();
    let requests = commands.zip(2..).map(|(command, sequence)| Request {
        origin: origin(1, 1),
        sequence: Sequence::new(sequence),
        commands: vec![command.clone()],
    });
    History {
        requests: requests.collect(),
        voters: BTreeMap::new(),
    }
}

fn origin(node: u64, life: u64) -> Origin {
    Origin {
        node: NodeId::new(node),
        incarnation: Incarnation::new(life),
    }
}

fn member(id: u64) -> Member {
    Member {
        id: NodeId::new(id),
        name: NodeName::new(format!("core{id}@host")).unwrap(),
        roles: Roles::Core,
        key: [id as u8; 32],
        addresses: vec![],
        version: "0.1.0".into(),
        election_slot: Some(id as u32 - 1),
        incarnation: Incarnation::new(1),
        liveness: Liveness::Up,
        retiring: false,
    }
}

fn join(id: u64, roles: Roles, admission: Admission) -> Command {
    let candidate = Candidate {
        id: NodeId::new(id),
        name: NodeName::new(format!("core{id}@host")).unwrap(),
        roles,
        key: [id as u8; 32],
        addresses: vec![],
        version: "0.1.0".into(),
    };
    Command::AddMember {
        candidate,
        admission,
    }
}

fn forming() -> Request {
    Request {
        origin: origin(1, 1),
        sequence: Sequence::new(1),
        commands: vec![Command::Form {
            id: ClusterId::new(1),
            name: ClusterName::new("laws").unwrap(),
            founders: vec![member(1), member(2), member(3)],
        }],
    }
}

fn request() -> impl Strategy<Value = Request> {
    let commands = prop_oneof![
        5 => prop::collection::vec(command(), 1..6),
        1 => prop::collection::vec(securing(), 1..9),
    ];
    (
        1..=4_u64,
        prop_oneof![8 => Just(1_u64), 1 => 1..4_u64],
        1..200_u64,
        commands,
    )
        .prop_map(|(node, life, sequence, mut commands)| {
            if life > 1 && sequence % 4 != 0 {
                commands.insert(0, up(life));
            }
            Request {
                origin: origin(node, life),
                sequence: Sequence::new(sequence),
                commands,
            }
        })
}

fn up(life: u64) -> Command {
    Command::MemberUp {
        incarnation: Incarnation::new(life),
        addresses: vec!["10.0.0.1:4370".into()],
        version: "0.1.1".into(),
    }
}

fn command() -> impl Strategy<Value = Command> {
    let node = || (1..=5_u64).prop_map(NodeId::new);
    let life = || (1..3_u64).prop_map(Incarnation::new);
    let epoch = || (1..40_u64).prop_map(|revision| Epoch::new(Revision::new(revision)));
    prop_oneof![
        12 => filter().prop_map(|filter| Command::AddRoute { filter }),
        4 => filter().prop_map(|filter| Command::RemoveRoute { filter }),
        8 => (client(), prop::option::weighted(0.3, epoch()))
            .prop_map(|(client, expected)| Command::Claim { client, expected }),
        4 => (client(), epoch()).prop_map(|(client, epoch)| Command::Release { client, epoch }),
        4 => (topic(), message(), bound()).prop_map(
            |(topic, message, within)| Command::Retain { topic, message, within }
        ),
        2 => topic().prop_map(|topic| Command::ClearRetained { topic }),
        4 => ("[abc]", "[a-z]{0,40}").prop_map(|(key, value)| Command::SetSetting { key, value }),
        1 => "[abc]".prop_map(|key| Command::RemoveSetting { key }),
        2 => (subject(), "[a-z]{0,9}", prop::option::of(1..9_u64)).prop_map(
            |(subject, reason, until)| {
                let until = until.map(Timestamp::new);
                Command::Ban { subject, ban: Ban { reason, until } }
            }
        ),
        1 => subject().prop_map(|subject| Command::Unban { subject }),
        1 => (node(), life())
            .prop_map(|(node, incarnation)| Command::MemberDown { node, incarnation }),
        1 => (1..=6_u64, 1..=6_u64).prop_map(|(id, other)| Command::RetireMember {
            node: NodeId::new(id),
            asked_by: NodeId::new(other),
        }),
        1 => (3..=6_u64).prop_map(|id| Command::RemoveMember { node: NodeId::new(id) }),
        1 => (1..4_u64).prop_map(up),
    ]
}

fn roles() -> impl Strategy<Value = Roles> {
    prop_oneof![
        4 => Just(Roles::Core),
        1 => Just(Roles::Replicant),
        1 => Just(Roles::Both),
    ]
}

fn token_role() -> impl Strategy<Value = TokenRole> {
    prop_oneof![3 => Just(TokenRole::Core), 1 => Just(TokenRole::Replicant)]
}

fn admission() -> impl Strategy<Value = Admission> {
    prop_oneof![
        4 => (1..4_u64).prop_map(|id| Admission::Token(TokenId::new(id))),
        1 => Just(Admission::Cookie),
        1 => Just(Admission::Certificate),
    ]
}

/// What joining needs, close together, or it would rarely come to anything.
fn securing() -> impl Strategy<Value = Command> {
    let token = || (1..4_u64).prop_map(TokenId::new);
    prop_oneof![
        3 => (4..=6_u64, roles(), admission())
            .prop_map(|(id, roles, admission)| join(id, roles, admission)),
        3 => (token(), token_role(), 0..30_000_u64).prop_map(|(id, role, lifetime_ms)| {
            Command::CreateToken { id, role, key: [7; 32], lifetime_ms }
        }),
        1 => token().prop_map(|id| Command::RevokeToken { id }),
        3 => (1..4_u32, "[ab]").prop_map(|(serial, text)| Command::AddAuthority {
            serial,
            certificate: text.clone().into_bytes(),
            key: SecretKey::new(text.into_bytes()),
        }),
        2 => (1..3_u32, renewed())
            .prop_map(|(serial, renewed)| Command::RemoveAuthority { serial, renewed }),
    ]
}

/// All, or who would rarely be all.
fn renewed() -> impl Strategy<Value = Vec<NodeId>> {
    let ids = prop_oneof![
        Just((1..=6).collect()),
        prop::collection::vec(1..=6_u64, 0..9)
    ];
    ids.prop_map(|ids: Vec<u64>| ids.into_iter().map(NodeId::new).collect())
}

fn filter() -> impl Strategy<Value = TopicFilter> {
    let level = prop_oneof![4 => "[abé]{1,2}", 1 => Just(String::new()), 1 => Just("+".into())];
    let levels = prop::collection::vec(level, 1..4).prop_map(|levels| levels.join("/"));
    let ends = prop_oneof![3 => Just(""), 1 => Just("/#")];
    let shares = prop_oneof![4 => Just(""), 1 => Just("$share/g/"), 1 => Just("$share/h/")];
    (shares, levels, ends)
        .prop_map(|(share, levels, end)| format!("{share}{levels}{end}"))
        .prop_filter_map("empty", |text| TopicFilter::new(text).ok())
}

fn topic() -> impl Strategy<Value = TopicName> {
    prop_oneof!["[ab]", "[ab/é]{1,3}"].prop_map(|text| TopicName::new(text).unwrap())
}

fn client() -> impl Strategy<Value = ClientId> {
    "[a-d]".prop_map(|text| ClientId::new(text).unwrap())
}

fn subject() -> impl Strategy<Value = BanSubject> {
    prop_oneof![
        client().prop_map(BanSubject::Client),
        "[ab]".prop_map(BanSubject::User),
        "[ab]".prop_map(BanSubject::Address),
    ]
}

/// Mostly none, or so small that it is felt.
fn bound() -> impl Strategy<Value = RetainedBound> {
    let small = (0..4_u32, 0..2_000_u64);
    let small = small.prop_map(|(messages, bytes)| RetainedBound { messages, bytes });
    prop_oneof![3 => Just(RetainedBound::NONE), 1 => small]
}

fn message() -> impl Strategy<Value = Message> {
    let qos = prop_oneof![
        Just(QoS::AtMostOnce),
        Just(QoS::AtLeastOnce),
        Just(QoS::ExactlyOnce)
    ];
    let payload = prop::collection::vec(any::<u8>(), 0..300);
    // Few of them: what expires at the same moment as what it replaces is special.
    let expires = prop::option::weighted(0.7, 1..4_u64);
    (qos, payload, expires).prop_map(|(qos, payload, expires)| Message {
        qos,
        properties: payload.iter().take(9).copied().collect(),
        payload,
        expires: expires.map(Timestamp::new),
    })
}
