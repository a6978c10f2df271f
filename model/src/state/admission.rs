//! Whether a request may be executed at all: who sends it, and in which life.

use crate::command::{Command, Request};
use crate::ids::NodeId;
use crate::reply::RequestRejection;
use crate::state::ClusterState;

impl ClusterState {
    pub(super) fn admit(&self, request: &Request) -> Result<(), RequestRejection> {
        let node = request.origin.node;
        if self.view.cluster().is_none() {
            return admit_before_forming(request);
        }
        if self.core.rows.tombstones.contains(&node) {
            return Err(RequestRejection::Entombed { node });
        }
        self.admit_life(node, request)
    }

    fn admit_life(&self, node: NodeId, request: &Request) -> Result<(), RequestRejection> {
        let Some(member) = self.view.member(node) else {
            return Err(RequestRejection::UnknownNode { node });
        };
        let found = request.origin.incarnation;
        let current = member.incarnation;
        match found.cmp(&current) {
            std::cmp::Ordering::Less => Err(RequestRejection::OldIncarnation {
                node,
                found,
                current,
            }),
            std::cmp::Ordering::Equal if member.is_up() => Ok(()),
            std::cmp::Ordering::Equal => Err(RequestRejection::Down {
                node,
                incarnation: found,
            }),
            std::cmp::Ordering::Greater => match request.commands.first() {
                Some(Command::MemberUp { incarnation, .. }) if *incarnation == found => Ok(()),
                _ => Err(RequestRejection::NotAnnounced { node, found }),
            },
        }
    }
}

/// Before there is a cluster nobody is a member, and one command makes sense.
fn admit_before_forming(request: &Request) -> Result<(), RequestRejection> {
    match request.commands.first() {
        Some(Command::Form { .. }) => Ok(()),
        _ => Err(RequestRejection::NotFormed),
    }
}
