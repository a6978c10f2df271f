//! How large a command will be once encoded.

use quorate_model::ban::BanSubject;
use quorate_model::command::Command;
use quorate_model::member::Member;

/// Alignment and pointers of the values outside the command itself.
const SLACK_BYTES: usize = 32;

/// An upper bound of what a command adds to an encoded request: its own size
/// in memory, which exceeds the archived one, and every byte it points to.
pub(crate) fn command_bytes(command: &Command) -> usize {
    size_of::<Command>() + SLACK_BYTES + heap_bytes(command)
}

fn heap_bytes(command: &Command) -> usize {
    match command {
        Command::Form { name, founders, .. } => {
            name.as_str().len() + founders.iter().map(member_bytes).sum::<usize>()
        }
        Command::AddMember(member) => member_bytes(member),
        Command::MemberUp {
            addresses, version, ..
        } => addresses_bytes(addresses) + version.len(),
        Command::MemberDown { .. } | Command::RemoveMember { .. } => 0,
        Command::AddRoute { filter } | Command::RemoveRoute { filter } => filter.as_str().len(),
        Command::Claim { client, .. } | Command::Release { client, .. } => client.as_str().len(),
        Command::Retain { topic, message } => {
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

fn addresses_bytes(addresses: &[String]) -> usize {
    let bytes = |address: &String| size_of::<String>() + SLACK_BYTES + address.len();
    addresses.iter().map(bytes).sum()
}

fn subject_bytes(subject: &BanSubject) -> usize {
    SLACK_BYTES + subject.text().len()
}
