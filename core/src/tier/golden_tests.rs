//! What stands on disks and goes over wires must be read by later builds.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use quorate_model::authority::SecretKey;
use quorate_model::candidate::Candidate;
use quorate_model::cluster::ClusterName;
use quorate_model::ids::{ClusterId, Incarnation, NodeId, Timestamp, TokenId};
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;

use crate::metrics::Role;
use crate::tier::identity::{
    Membership, NodeIdentity, PeerHint, PendingJoin, Stage, Standing, StoredCredentials,
};
use crate::tier::wire::{
    AdmissionAnswer, AdmissionRefusal, AdmissionRequest, Admitted, Application, ControlAnswer,
    ControlRequest, KnownCores, NodeReport, Proof,
};

fn name() -> NodeName {
    NodeName::new("core1@10.0.0.1").unwrap()
}

fn peer() -> PeerHint {
    PeerHint {
        node: NodeId::new(2),
        name: NodeName::new("core2@10.0.0.2").unwrap(),
        addresses: vec!["10.0.0.2:4370".to_owned()],
        incarnation: Incarnation::new(3),
    }
}

fn identity() -> NodeIdentity {
    NodeIdentity {
        name: name(),
        incarnation: Incarnation::new(7),
        standing: Standing::In(Membership {
            cluster: ClusterId::new(9),
            cluster_name: ClusterName::new("quorate").unwrap(),
            configured_name: ClusterName::new("mine").unwrap(),
            node: NodeId::new(1),
            roles: Roles::Core,
            election_slot: 2,
            stage: Stage::Forming(SecretKey::new(vec![1, 2, 3])),
            credentials: StoredCredentials {
                key: SecretKey::new(vec![4, 5]),
                certificate: vec![6, 7],
                authorities: vec![(1, vec![8, 9])],
                issued: Timestamp::new(1_700_000_000_000),
            },
            peers: vec![peer()],
        }),
        joining: Some(PendingJoin {
            named: vec!["10.0.0.2:4370".to_owned()],
            cluster: Some(ClusterId::new(7)),
            cores: vec![peer()],
            token: Some(SecretKey::new(b"qrt1-x".to_vec())),
            node: NodeId::new(11),
            key: SecretKey::new(vec![10]),
            may_wipe: true,
        }),
    }
}

fn application() -> AdmissionRequest {
    AdmissionRequest::Admit(Application {
        candidate: Candidate {
            id: NodeId::new(1),
            name: name(),
            roles: Roles::Core,
            key: [3; 32],
            addresses: vec!["10.0.0.1:4370".to_owned()],
            version: "0.1.0".to_owned(),
        },
        possession: vec![2; 64],
        proof: Proof::Token {
            id: TokenId::new(5),
            signature: vec![1; 64],
        },
        certificates: vec![vec![4; 3]],
    })
}

fn admitted() -> AdmissionAnswer {
    AdmissionAnswer::Admitted(Box::new(Admitted {
        cluster: ClusterId::new(9),
        cluster_name: ClusterName::new("quorate").unwrap(),
        election_slot: Some(1),
        certificate: vec![1, 2],
        authorities: vec![(2, vec![3]), (1, vec![4])],
        peers: vec![peer()],
    }))
}

fn cores() -> AdmissionAnswer {
    AdmissionAnswer::Cores(KnownCores {
        cluster: ClusterId::new(7),
        cores: vec![peer()],
        cookie_tag: Some(vec![7; 32]),
    })
}

fn report() -> ControlAnswer {
    ControlAnswer::Report(NodeReport {
        node: NodeId::new(1),
        name: name(),
        role: Role::Follower,
        term: 4,
        leader: Some(NodeId::new(2)),
        applied: 10,
        last_log: 12,
        version: "0.1.0".to_owned(),
        authority: 1,
        trusted: 2,
        clients: Some(12),
    })
}

fn check(file: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/tier/golden")
        .join(file);
    if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() && !path.exists() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(fs::read(&path).unwrap(), bytes, "{file} has changed");
}

#[test]
fn the_formats_stay_as_they_are() {
    check("identity.v1.bin", &identity().encode());
    check("application.v1.bin", &application().encode());
    check("cores.v1.bin", &cores().encode());
    check("admitted.v1.bin", &admitted().encode());
    let refused = AdmissionAnswer::Refused(AdmissionRefusal::WrongProof);
    check("refused.v1.bin", &refused.encode());
    let leave = ControlRequest::Leave {
        node: NodeId::new(1),
    };
    check("leave.v1.bin", &leave.encode());
    check("report.v1.bin", &report().encode());
}

#[test]
fn what_was_written_is_read_and_what_was_not_is_refused() {
    let bytes = identity().encode();
    assert_eq!(NodeIdentity::decode(&bytes), Ok(identity()));
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 1;
        assert!(NodeIdentity::decode(&broken).is_err());
    }
    let application_bytes = application().encode();
    assert_eq!(
        AdmissionRequest::decode(&application_bytes),
        Ok(application())
    );
    assert!(ControlRequest::decode(&application_bytes).is_err());
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?} {:?}", identity(), application());
    assert!(
        !shown.contains("qrt1-x") && !shown.contains("[4, 5]"),
        "{shown}"
    );
}
