//! The tables of the cluster state, each with the fields that its digest covers.

use rkyv::{Archive, Deserialize, Serialize};

use crate::ban::{Ban, BanSubject};
use crate::client_id::ClientId;
use crate::digest::RowHasher;
use crate::ids::{Incarnation, NodeId, Revision, Sequence};
use crate::member::{Liveness, Member};
use crate::owner::Owner;
use crate::reply::{Rejection, Replies, Reply};
use crate::retained::Retained;
use crate::table::Schema;
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
        hasher.number(member.addresses.len() as u64);
        member
            .addresses
            .iter()
            .for_each(|address| hasher.text(address));
        hasher.text(&member.version);
        hasher.number(member.incarnation.get());
        hasher.optional(match member.liveness {
            Liveness::Up => None,
            Liveness::Down { since } => Some(since.get()),
        });
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
    }
}
