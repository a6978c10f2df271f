//! How large a command will be once encoded.

use crate::ban::BanSubject;
use crate::candidate::Candidate;
use crate::command::Command;
use crate::member::Member;
use crate::token::TOKEN_KEY_BYTES;

/// Alignment and pointers of the values outside the command itself.
const SLACK_BYTES: usize = 32;

/// An upper bound of what a command adds to an encoded request: its own size
/// in memory, which exceeds the archived one, and every byte it points to.
pub fn command_bytes(command: &Command) -> usize {
    size_of::<Command>() + 2 * SLACK_BYTES + heap_bytes(command)
}

fn heap_bytes(command: &Command) -> usize {
    match command {
        Command::Form { name, founders, .. } => {
            name.as_str().len() + founders.iter().map(member_bytes).sum::<usize>()
        }
        Command::AddMember { candidate, .. } => candidate_bytes(candidate),
        Command::MemberUp {
            addresses, version, ..
        } => addresses_bytes(addresses) + version.len(),
        Command::MemberDown { .. }
        | Command::RetireMember { .. }
        | Command::RemoveMember { .. }
        | Command::RevokeToken { .. } => 0,
        Command::RemoveAuthority { renewed, .. } => size_of_val(renewed.as_slice()),
        Command::CreateToken { .. } => TOKEN_KEY_BYTES,
        Command::AddAuthority {
            certificate, key, ..
        } => certificate.len() + key.as_bytes().len(),
        Command::AddRoute { filter } | Command::RemoveRoute { filter } => filter.as_str().len(),
        Command::Claim { client, .. } | Command::Release { client, .. } => client.as_str().len(),
        Command::Retain { topic, message, .. } => {
            topic.as_str().len() + message.payload.len() + message.properties.len()
        }
        Command::ClearRetained { topic } => topic.as_str().len(),
        Command::Ban { subject, ban } => subject_bytes(subject) + ban.reason.len(),
        Command::Unban { subject } => subject_bytes(subject),
        Command::SetSetting { key, value } => key.len() + value.len(),
        Command::RemoveSetting { key } => key.len(),
    }
}

fn member_bytes(member: &Member) -> usize {
    size_of::<Member>()
        + SLACK_BYTES
        + member.name.as_str().len()
        + member.version.len()
        + addresses_bytes(&member.addresses)
}

fn candidate_bytes(candidate: &Candidate) -> usize {
    size_of::<Candidate>()
        + SLACK_BYTES
        + candidate.name.as_str().len()
        + candidate.version.len()
        + addresses_bytes(&candidate.addresses)
}

fn addresses_bytes(addresses: &[String]) -> usize {
    let bytes = |address: &String| size_of::<String>() + SLACK_BYTES + address.len();
    addresses.iter().map(bytes).sum()
}

fn subject_bytes(subject: &BanSubject) -> usize {
    SLACK_BYTES + subject.text().len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::authority::SecretKey;
    use crate::ban::Ban;
    use crate::candidate::Admission;
    use crate::client_id::ClientId;
    use crate::cluster::ClusterName;
    use crate::command::Request;
    use crate::ids::{
        ClusterId, Epoch, Incarnation, NodeId, Origin, Revision, Sequence, Timestamp, TokenId,
    };
    use crate::member::{Liveness, Roles};
    use crate::node_name::NodeName;
    use crate::retained::{Message, QoS, RetainedBound};
    use crate::token::TokenRole;
    use crate::topic_filter::TopicFilter;
    use crate::topic_name::TopicName;
    use crate::wire;

    const COPIES: usize = 500;

    fn encoded_bytes(commands: Vec<Command>) -> usize {
        let origin = Origin {
            node: NodeId::new(1),
            incarnation: Incarnation::new(1),
        };
        let sequence = Sequence::new(1);
        wire::encode_request(&Request {
            origin,
            sequence,
            commands,
        })
        .len()
    }

    fn commands(text: &str) -> Vec<Command> {
        let filter = TopicFilter::new(text).unwrap();
        let topic = TopicName::new(text).unwrap();
        let client = ClientId::new(text).unwrap();
        let subject = BanSubject::Client(client.clone());
        let text = || text.to_owned();
        let member = Member {
            id: NodeId::new(1),
            name: NodeName::new("a@b").unwrap(),
            roles: Roles::Both,
            key: [1; 32],
            addresses: vec![text(), String::new(), text()],
            version: text(),
            election_slot: Some(0),
            incarnation: Incarnation::new(1),
            liveness: Liveness::Up,
            retiring: false,
        };
        let candidate = Candidate {
            id: member.id,
            name: member.name.clone(),
            roles: member.roles,
            key: member.key,
            addresses: member.addresses.clone(),
            version: text(),
        };
        let form = Command::Form {
            id: ClusterId::new(1),
            name: ClusterName::new("c").unwrap(),
            founders: vec![member.clone(), member.clone()],
        };
        let announce = Command::MemberUp {
            incarnation: Incarnation::new(1),
            addresses: member.addresses,
            version: text(),
        };
        let claim = Command::Claim {
            client,
            expected: Some(Epoch::new(Revision::new(1))),
        };
        let message = Message {
            qos: QoS::AtLeastOnce,
            payload: text().into_bytes(),
            properties: text().into_bytes(),
            expires: Some(Timestamp::new(2)),
        };
        let ban = Ban {
            reason: text(),
            until: Some(Timestamp::new(1)),
        };
        vec![
            form,
            announce,
            claim,
            Command::AddMember {
                candidate,
                admission: Admission::Token(TokenId::new(1)),
            },
            Command::CreateToken {
                id: TokenId::new(1),
                role: TokenRole::Core,
                key: [1; TOKEN_KEY_BYTES],
                lifetime_ms: 1,
            },
            Command::AddAuthority {
                serial: 1,
                certificate: text().into_bytes(),
                key: SecretKey::new(text().into_bytes()),
            },
            Command::AddRoute { filter },
            Command::Retain {
                topic: topic.clone(),
                message,
                within: RetainedBound::NONE,
            },
            Command::ClearRetained { topic },
            Command::Ban {
                subject: subject.clone(),
                ban,
            },
            Command::Unban { subject },
            Command::SetSetting {
                key: text(),
                value: text(),
            },
            Command::RemoveSetting { key: text() },
            Command::RemoveAuthority {
                serial: 1,
                renewed: vec![NodeId::new(1); text().len()],
            },
            Command::RetireMember {
                node: NodeId::new(1),
                asked_by: NodeId::new(2),
            },
            Command::RemoveMember {
                node: NodeId::new(1),
            },
        ]
    }

    #[test]
    fn no_command_is_larger_encoded_than_it_is_said_to_be() {
        let empty = encoded_bytes(Vec::new());
        for length in [1, 8, 9, 15, 16, 17, 100, 1_000] {
            for command in commands(&"x".repeat(length)) {
                let said = command_bytes(&command);
                let encoded = encoded_bytes(vec![command.clone(); COPIES]) - empty;
                assert!(encoded <= said * COPIES, "{said} a copy of {command:?}");
            }
        }
    }
}
