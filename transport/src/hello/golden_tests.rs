//! The greeting is the first thing that two builds exchange, so it must be
//! understood before either knows what the other speaks: these bytes decode for
//! as long as there is a version 1, and today's encoder still writes them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use super::*;

fn hello() -> Hello {
    Hello {
        protocols: ProtocolRange { min: 1, max: 3 },
        cluster: ClusterId::new(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff),
        node: NodeId::new(0x1122_3344_5566_7788),
        incarnation: Incarnation::new(7),
        name: NodeName::new("core1@10.0.0.1").unwrap(),
        roles: Roles::Both,
        addresses: vec!["10.0.0.1:4370".to_owned(), "[::1]:4370".to_owned()],
        version: "0.1.0".to_owned(),
    }
}

fn refusals() -> Vec<(&'static str, Refusal)> {
    let range = |min, max| ProtocolRange { min, max };
    vec![
        (
            "protocol",
            Refusal::Protocol {
                ours: range(2, 3),
                theirs: range(1, 1),
            },
        ),
        (
            "other_cluster",
            Refusal::OtherCluster {
                ours: ClusterId::new(1),
                theirs: ClusterId::new(2),
            },
        ),
        (
            "other_identity",
            Refusal::OtherIdentity {
                certificate: "quorate://pki/core/core1@10.0.0.1".to_owned(),
                claimed: "core2@10.0.0.2".to_owned(),
            },
        ),
        (
            "other_node",
            Refusal::OtherNode {
                expected: NodeId::new(1),
                found: NodeId::new(2),
            },
        ),
        (
            "ended_life",
            Refusal::EndedLife {
                found: Incarnation::new(1),
                known: Incarnation::new(2),
            },
        ),
        (
            "removed",
            Refusal::Removed {
                node: NodeId::new(1),
            },
        ),
        ("itself", Refusal::Itself),
        (
            "malformed",
            Refusal::Malformed {
                detail: "why".to_owned(),
            },
        ),
    ]
}

/// The golden bytes; written when they are missing, which a clean checkout
/// never lets happen.
fn golden(name: &str, encoded: &[u8]) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let path = folder.join(format!("{name}.v1.bin"));
    if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() && !path.exists() {
        std::fs::write(&path, encoded).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_greeting_is_as_frozen() {
    let encoded = hello().encode();
    let golden = golden("hello", &encoded);
    assert_eq!(Hello::decode(&golden), Ok(hello()));
    assert_eq!(encoded, golden);
}

#[test]
fn answers_are_as_frozen() {
    let refused = refusals().into_iter().map(|(name, refusal)| {
        let name = format!("refused_{name}");
        (name, Answer::Refused(refusal))
    });
    let welcome = ("welcome".to_owned(), Answer::Welcome(hello()));
    for (name, answer) in refused.chain([welcome]) {
        let encoded = answer.encode();
        let golden = golden(&name, &encoded);
        assert_eq!(Answer::decode(&golden), Ok(answer), "{name}");
        assert_eq!(encoded, golden, "{name}");
    }
}

#[test]
fn a_later_version_is_refused_by_its_number() {
    let later = frame::seal_raw(Format::new(*b"QHEL", 2), &[]);
    let refused = Hello::decode(&later).unwrap_err().to_string();
    assert!(refused.contains("version 2"), "{refused}");
}
