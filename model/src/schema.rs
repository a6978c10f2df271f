//! The tables of the cluster state, each with the fields that its digest covers.

use rkyv::{Archive, Deserialize, Serialize};

use crate::authority::Authority;
use crate::ban::{Ban, BanSubject};
use crate::candidate::Admission;
use crate::client_id::ClientId;
use crate::digest::RowHasher;
use crate::event::{Event, EventKind};
use crate::ids::{Incarnation, NodeId, Revision, Sequence, TokenId};
use crate::member::{Liveness, Member};
use crate::owner::Owner;
use crate::reply::{Rejection, Replies, Reply};
use crate::retained::Retained;
use crate::table::Schema;
use crate::token::Token;
use crate::topic_filter::TopicFilter;
use crate::topic_name::TopicName;

pub(crate) struct Members;
pub(crate) struct Routes;
pub(crate) struct RetainedMessages;
pub(crate) struct Bans;
pub(crate) struct Settings;
pub(crate) struct Owners;
pub(crate) struct Tombstones;
pub(crate) struct Requests;
pub(crate) struct Tokens;
pub(crate) struct Authorities;
pub(crate) struct Events;

/// Ordered by node, so that all routes of one node stand together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Archive, Serialize, Deserialize)]
pub(crate) struct RouteKey {
    pub node: NodeId,
    pub filter: TopicFilter,
}

/// The last request of a node that was applied, with what it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub(crate) struct AppliedRequest {
    pub incarnation: Incarnation,
    pub sequence: Sequence,
    pub replies: Replies,
}

impl Schema for Members {
    const TAG: u8 = 1;
    type Key = NodeId;
    type Value = Member;

    fn hash(key: &NodeId, member: &Member, hasher: &mut RowHasher) {
        hasher.number(key.get());
        hasher.text(member.name.as_str());
        hasher.number(member.roles as u64);
        hasher.bytes(&member.key);
        hash_addresses(&member.addresses, hasher);
        hasher.text(&member.version);
        hasher.optional(member.election_slot.map(u64::from));
        hasher.number(member.incarnation.get());
        hasher.optional(match member.liveness {
            Liveness::Up => None,
            Liveness::Down { since } => Some(since.get()),
        });
        hasher.number(u64::from(member.retiring));
    }

    fn weight(_: &NodeId, _: &Member) -> usize {
        256
    }
}

impl Schema for Routes {
    const TAG: u8 = 2;
    type Key = RouteKey;
    type Value = Incarnation;

    fn hash(key: &RouteKey, incarnation: &Incarnation, hasher: &mut RowHasher) {
        hasher.number(key.node.get());
        hasher.number(incarnation.get());
        hasher.text(key.filter.as_str());
    }

    fn weight(key: &RouteKey, _: &Incarnation) -> usize {
        32 + key.filter.as_str().len()
    }
}

impl Schema for RetainedMessages {
    const TAG: u8 = 3;
    type Key = TopicName;
    type Value = Retained;

    fn hash(key: &TopicName, retained: &Retained, hasher: &mut RowHasher) {
        hasher.text(key.as_str());
        hasher.number(retained.revision.get());
        hasher.number(retained.message.qos as u64);
        hasher.optional(retained.message.expires.map(|time| time.get()));
        hasher.bytes(&retained.message.payload);
        hasher.bytes(&retained.message.properties);
    }

    fn weight(key: &TopicName, retained: &Retained) -> usize {
        retained.weight(key) as usize
    }
}

impl Schema for Bans {
    const TAG: u8 = 4;
    type Key = BanSubject;
    type Value = Ban;

    fn hash(subject: &BanSubject, ban: &Ban, hasher: &mut RowHasher) {
        hasher.number(subject.tag());
        hasher.text(subject.text());
        hasher.optional(ban.until.map(|time| time.get()));
        hasher.text(&ban.reason);
    }

    fn weight(subject: &BanSubject, ban: &Ban) -> usize {
        32 + subject.text().len() + ban.reason.len()
    }
}

impl Schema for Settings {
    const TAG: u8 = 5;
    type Key = String;
    type Value = String;

    fn hash(key: &String, value: &String, hasher: &mut RowHasher) {
        hasher.text(key);
        hasher.text(value);
    }

    fn weight(key: &String, value: &String) -> usize {
        16 + key.len() + value.len()
    }
}

impl Schema for Owners {
    const TAG: u8 = 6;
    type Key = ClientId;
    type Value = Owner;

    fn hash(client: &ClientId, owner: &Owner, hasher: &mut RowHasher) {
        hasher.text(client.as_str());
        hasher.number(owner.node.get());
        hasher.number(owner.incarnation.get());
        hasher.number(owner.epoch.revision().get());
    }

    fn weight(client: &ClientId, _: &Owner) -> usize {
        32 + client.as_str().len()
    }
}

impl Schema for Tombstones {
    const TAG: u8 = 7;
    type Key = NodeId;
    type Value = Revision;

    fn hash(node: &NodeId, revision: &Revision, hasher: &mut RowHasher) {
        hasher.number(node.get());
        hasher.number(revision.get());
    }

    fn weight(_: &NodeId, _: &Revision) -> usize {
        16
    }
}

impl Schema for Requests {
    const TAG: u8 = 8;
    type Key = NodeId;
    type Value = AppliedRequest;

    fn hash(node: &NodeId, applied: &AppliedRequest, hasher: &mut RowHasher) {
        hasher.number(node.get());
        hasher.number(applied.incarnation.get());
        hasher.number(applied.sequence.get());
        hasher.number(applied.replies.revision.get());
        hasher.number(applied.replies.replies.len() as u64);
        for reply in &applied.replies.replies {
            match reply {
                Reply::Done => hasher.number(0),
                Reply::Claimed { epoch } => {
                    hasher.number(1);
                    hasher.number(epoch.revision().get());
                }
                Reply::Rejected(rejection) => {
                    hasher.number(2);
                    hasher.number(rejection_tag(rejection));
                }
            }
        }
    }

    fn weight(_: &NodeId, applied: &AppliedRequest) -> usize {
        64 + 64 * applied.replies.replies.len()
    }
}

impl Schema for Tokens {
    const TAG: u8 = 9;
    type Key = TokenId;
    type Value = Token;

    fn hash(id: &TokenId, token: &Token, hasher: &mut RowHasher) {
        hasher.number(id.get());
        hasher.number(token.role as u64);
        hasher.bytes(&token.key);
        hasher.number(token.created.get());
        hasher.number(token.created_by.get());
        hasher.number(token.expires.get());
        hasher.optional(token.used_by.map(NodeId::get));
    }

    fn weight(_: &TokenId, _: &Token) -> usize {
        96
    }
}

impl Schema for Authorities {
    const TAG: u8 = 10;
    type Key = u32;
    type Value = Authority;

    fn hash(serial: &u32, authority: &Authority, hasher: &mut RowHasher) {
        hasher.number(u64::from(*serial));
        hasher.bytes(&authority.certificate);
        hasher.bytes(authority.key.as_bytes());
    }

    fn weight(_: &u32, authority: &Authority) -> usize {
        32 + authority.certificate.len() + authority.key.as_bytes().len()
    }
}

/// Events by their entry, and by their order within it.
impl Schema for Events {
    const TAG: u8 = 11;
    type Key = (Revision, u32);
    type Value = Event;

    fn hash((revision, index): &(Revision, u32), event: &Event, hasher: &mut RowHasher) {
        hasher.number(revision.get());
        hasher.number(u64::from(*index));
        hasher.number(event.time.get());
        // No name is empty.
        hasher.text(event.by.as_ref().map_or("", |name| name.as_str()));
        hash_event(&event.what, hasher);
    }

    fn weight(_: &(Revision, u32), _: &Event) -> usize {
        256
    }
}

fn hash_event(what: &EventKind, hasher: &mut RowHasher) {
    let mut begin = |tag: u64, number: u64, text: &str| {
        hasher.number(tag);
        hasher.number(number);
        hasher.text(text);
    };
    match what {
        EventKind::Formed { name } => begin(0, 0, name.as_str()),
        EventKind::Admitted {
            node,
            name,
            roles,
            admission,
        } => {
            begin(1, node.get(), name.as_str());
            hasher.number(*roles as u64);
            hash_admission(*admission, hasher);
        }
        EventKind::Up {
            node,
            name,
            incarnation,
            addresses,
        } => {
            begin(2, node.get(), name.as_str());
            hasher.number(incarnation.get());
            hash_addresses(addresses, hasher);
        }
        EventKind::Down {
            node,
            name,
            incarnation,
        } => {
            begin(3, node.get(), name.as_str());
            hasher.number(incarnation.get());
        }
        EventKind::Removed { node, name } => begin(4, node.get(), name.as_str()),
        EventKind::VotersChanged { voters } => {
            begin(5, voters.len() as u64, "");
            voters.iter().for_each(|voter| hasher.number(voter.get()));
        }
        EventKind::TokenCreated { id, role } => {
            begin(6, id.get(), "");
            hasher.number(*role as u64);
        }
        EventKind::TokenRevoked { id } => begin(7, id.get(), ""),
        EventKind::AuthorityAdded { serial } => begin(8, u64::from(*serial), ""),
        EventKind::AuthorityRemoved { serial } => begin(9, u64::from(*serial), ""),
        EventKind::Leaving { node, name } => begin(10, node.get(), name.as_str()),
    }
}

fn hash_admission(admission: Admission, hasher: &mut RowHasher) {
    let (tag, token) = match admission {
        Admission::Token(id) => (0, id.get()),
        Admission::Cookie => (1, 0),
        Admission::Certificate => (2, 0),
    };
    hasher.number(tag);
    hasher.number(token);
}

fn hash_addresses(addresses: &[String], hasher: &mut RowHasher) {
    hasher.number(addresses.len() as u64);
    addresses.iter().for_each(|address| hasher.text(address));
}

/// Which rejection it was; what it tells besides follows from the state.
fn rejection_tag(rejection: &Rejection) -> u64 {
    match rejection {
        Rejection::AlreadyFormed => 0,
        Rejection::BadFounders => 1,
        Rejection::Join(_) => 2,
        Rejection::NotAMember { .. } => 3,
        Rejection::OtherIncarnation { .. } => 4,
        Rejection::LastCore => 5,
        Rejection::ClaimLost { .. } => 6,
        Rejection::TooLarge { .. } => 7,
        Rejection::Token(_) => 8,
        Rejection::TokenTaken { .. } => 9,
        Rejection::TokenLifetime => 10,
        Rejection::RotationUnderWay => 11,
        Rejection::AuthoritySerial { .. } => 12,
        Rejection::NewestAuthority => 13,
        Rejection::AuthorityNeeded { .. } => 14,
    }
}
