//! What an entry changed, as replicants are told: folding all changes into an
//! empty view yields the view of the core that emitted them.

use rkyv::{Archive, Deserialize, Serialize};

use crate::ban::{Ban, BanSubject};
use crate::cluster::Cluster;
use crate::ids::{NodeId, Origin};
use crate::member::Member;
use crate::retained::Retained;
use crate::topic_filter::TopicFilter;
use crate::topic_name::TopicName;

#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Change {
    Formed(Cluster),
    MemberSet(Member),
    MemberRemoved {
        node: NodeId,
    },
    RouteAdded {
        origin: Origin,
        filter: TopicFilter,
    },
    RouteRemoved {
        node: NodeId,
        filter: TopicFilter,
    },
    /// All routes of the node; one change however many they are.
    RoutesDropped {
        node: NodeId,
    },
    RetainedSet {
        topic: TopicName,
        retained: Retained,
    },
    RetainedCleared {
        topic: TopicName,
    },
    BanSet {
        subject: BanSubject,
        ban: Ban,
    },
    BanRemoved {
        subject: BanSubject,
    },
    SettingSet {
        key: String,
        value: String,
    },
    SettingRemoved {
        key: String,
    },
}
