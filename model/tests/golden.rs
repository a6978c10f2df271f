//! The wire formats are frozen: bytes that an earlier build wrote must read
//! the same, and today's build must write the same bytes.
//!
//! A new version of a format gets new files; these stay. To write a file that
//! does not exist yet, run with `QUORATE_WRITE_GOLDEN=1`.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// The crate is pure; this test of it reads files.
#![allow(clippy::disallowed_methods)]

use std::path::PathBuf;

use quorate_model::authority::SecretKey;
use quorate_model::ban::{Ban, BanSubject};
use quorate_model::candidate::{Admission, Candidate};
use quorate_model::client_id::ClientId;
use quorate_model::cluster::ClusterName;
use quorate_model::command::{Batch, Command, Request};
use quorate_model::ids::{
    ClusterId, Epoch, Incarnation, NodeId, Origin, Revision, Sequence, Timestamp, TokenId,
};
use quorate_model::member::{Liveness, Member, Roles};
use quorate_model::node_name::NodeName;
use quorate_model::reply::RequestOutcome;
use quorate_model::retained::{Message, QoS, RetainedBound};
use quorate_model::state::ClusterState;
use quorate_model::token::TokenRole;
use quorate_model::topic_filter::TopicFilter;
use quorate_model::topic_name::TopicName;
use quorate_model::wire;

const WRITE: &str = "QUORATE_WRITE_GOLDEN";

fn assert_golden(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if !path.exists() && std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    let golden = std::fs::read(&path).expect("the golden file exists");
    assert!(
        golden == bytes,
        "the bytes of {name} changed: a released format is frozen"
    );
    golden
}

fn member(id: u64, roles: Roles) -> Member {
    Member {
        id: NodeId::new(id),
        name: NodeName::new(format!("node{id}@10.0.0.{id}")).unwrap(),
        roles,
        key: [id as u8; 32],
        addresses: vec![format!("10.0.0.{id}:4370"), "[2001:db8::1]:4370".into()],
        version: "0.1.0".into(),
        election_slot: roles.is_core().then_some(id as u32 - 1),
        incarnation: Incarnation::new(1),
        liveness: Liveness::Up,
        retiring: false,
    }
}

fn join(id: u64, roles: Roles, admission: Admission) -> Command {
    let Member {
        id,
        name,
        roles,
        key,
        addresses,
        version,
        ..
    } = member(id, roles);
    let candidate = Candidate {
        id,
        name,
        roles,
        key,
        addresses,
        version,
    };
    Command::AddMember {
        candidate,
        admission,
    }
}

/// What joining with tokens and certificates needs.
fn securing() -> Vec<Command> {
    let (id, other) = (TokenId::new(0xfedc_ba98_7654_3210), TokenId::new(2));
    let create = |id, role| Command::CreateToken {
        id,
        role,
        key: std::array::from_fn(|at| at as u8),
        lifetime_ms: 86_400_000,
    };
    let add_authority = |serial| Command::AddAuthority {
        serial,
        certificate: vec![0x30, serial as u8],
        key: SecretKey::new(vec![0xff, serial as u8, 0]),
    };
    let remove_authority = |serial, renewed: &[u64]| Command::RemoveAuthority {
        serial,
        renewed: renewed.iter().copied().map(NodeId::new).collect(),
    };
    vec![
        create(id, TokenRole::Core),
        create(other, TokenRole::Replicant),
        create(TokenId::new(3), TokenRole::Replicant),
        join(5, Roles::Both, Admission::Token(id)),
        join(6, Roles::Replicant, Admission::Token(other)),
        join(7, Roles::Core, Admission::Token(id)),
        Command::RevokeToken {
            id: TokenId::new(3),
        },
        Command::RevokeToken {
            id: TokenId::new(3),
        },
        add_authority(1),
        add_authority(2),
        add_authority(3),
        remove_authority(2, &[]),
        remove_authority(1, &[1, 2]),
        remove_authority(1, &[9, 8, 7, 6, 5, 4, 3, 2, 1]),
        add_authority(3),
        add_authority(5),
    ]
}

fn request(sequence: u64, commands: Vec<Command>) -> Request {
    Request {
        origin: Origin {
            node: NodeId::new(1),
            incarnation: Incarnation::new(1),
        },
        sequence: Sequence::new(sequence),
        commands,
    }
}

/// Every command, each at least once.
fn batch() -> Batch {
    let client = ClientId::new("client-é").unwrap();
    let topic = TopicName::new("plant/7/temperature").unwrap();
    let filter = |text: &str| TopicFilter::new(text).unwrap();
    let founders = vec![member(1, Roles::Core), member(2, Roles::Both)];
    let reason = "too many connections".to_owned();
    let ban = Ban {
        reason,
        until: Some(Timestamp::new(1_800_000_000_000)),
    };
    let message = Message {
        qos: QoS::ExactlyOnce,
        payload: vec![0, 1, 2, 255],
        properties: vec![9],
        expires: None,
    };
    let forming = vec![
        Command::Form {
            id: ClusterId::new(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
            name: ClusterName::new("quorate").unwrap(),
            founders,
        },
        join(3, Roles::Replicant, Admission::Cookie),
        join(4, Roles::Core, Admission::Certificate),
        Command::MemberUp {
            incarnation: Incarnation::new(1),
            addresses: vec!["10.0.0.9:4370".into()],
            version: "0.1.1".into(),
        },
        Command::MemberDown {
            node: NodeId::new(2),
            incarnation: Incarnation::new(1),
        },
        Command::RetireMember {
            node: NodeId::new(2),
            asked_by: NodeId::new(2),
        },
        Command::RemoveMember {
            node: NodeId::new(4),
        },
        Command::RetireMember {
            node: NodeId::new(1),
            asked_by: NodeId::new(3),
        },
        join(2, Roles::Both, Admission::Certificate),
    ];
    let data = vec![
        Command::AddRoute {
            filter: filter("plant/+/temperature"),
        },
        Command::AddRoute {
            filter: filter("$share/group/plant/#"),
        },
        Command::RemoveRoute {
            filter: filter("nobody/subscribed"),
        },
        Command::Claim {
            client: client.clone(),
            expected: None,
        },
        Command::Claim {
            client: client.clone(),
            expected: Some(Epoch::new(Revision::new(3))),
        },
        Command::Release {
            client: client.clone(),
            epoch: Epoch::new(Revision::new(1)),
        },
        Command::Retain {
            topic,
            message,
            within: RetainedBound {
                messages: 1_000_000,
                bytes: 1_000_000_000,
            },
        },
        Command::ClearRetained {
            topic: TopicName::new("other").unwrap(),
        },
        Command::Ban {
            subject: BanSubject::Client(client),
            ban: ban.clone(),
        },
        Command::Ban {
            subject: BanSubject::Address("10.9.9.9".into()),
            ban,
        },
        Command::Unban {
            subject: BanSubject::User("mallory".into()),
        },
        Command::SetSetting {
            key: "key".into(),
            value: "value".into(),
        },
        Command::RemoveSetting {
            key: "absent".into(),
        },
    ];
    Batch {
        time: Timestamp::new(1_790_000_000_000),
        requests: vec![
            request(1, forming),
            request(2, data),
            request(3, securing()),
            request(1, vec![]),
        ],
    }
}

fn applied() -> (ClusterState, Vec<RequestOutcome>) {
    let mut state = ClusterState::new(1);
    let batch = batch();
    let applied = state.apply(Revision::new(5), &batch, &wire::encode_batch(&batch));
    let voters = [1, 2].map(NodeId::new).into();
    state.note_voters(Revision::new(6), voters);
    (state, applied.outcomes)
}

#[test]
fn batch_v1() {
    let batch = batch();
    let golden = assert_golden("batch.v1.bin", &wire::encode_batch(&batch));
    assert_eq!(wire::decode_batch(&golden).unwrap(), batch);
}

#[test]
fn request_v1() {
    let request = batch().requests.remove(1);
    let golden = assert_golden("request.v1.bin", &wire::encode_request(&request));
    assert_eq!(wire::decode_request(&golden).unwrap(), request);
}

#[test]
fn outcomes_v1() {
    for (index, outcome) in applied().1.into_iter().enumerate() {
        let name = format!("outcome{index}.v1.bin");
        let golden = assert_golden(&name, &wire::encode_outcome(&outcome));
        assert_eq!(wire::decode_outcome(&golden).unwrap(), outcome);
    }
}

/// The chunks stand in one file, each behind its length.
#[test]
fn snapshot_v1() {
    let (state, _) = applied();
    let mut image = state.image();
    let chunks: Vec<Vec<u8>> = std::iter::from_fn(|| image.next_chunk()).collect();
    let mut file = Vec::new();
    for chunk in &chunks {
        file.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
        file.extend_from_slice(chunk);
    }
    assert_golden("snapshot.v1.bin", &file);
    let restored = ClusterState::restore(2, &chunks).unwrap();
    restored.validate();
    assert_eq!(restored.digest(), state.digest());
}

/// What replicas compute must never change either, or an upgraded core would
/// disagree with the others about the same log.
#[test]
fn digests_v1() {
    let (state, _) = applied();
    let digests = format!(
        "{}\n{}\n{}\n",
        state.chain(),
        state.digest(),
        state.view().digest()
    );
    assert_golden("digests.v1.txt", digests.as_bytes());
}
