//! What goes over the wire, as JSON.

mod cluster;
mod history;
mod node;
mod problem;
mod secret;
mod token;
mod work;

pub use cluster::{
    ClusterStatus, ForceLeaveRequest, NodeState, NodeStatus, Phase, Quorum, ThisNode,
};
pub use history::HistoryEvent;
pub use node::JoinRequest;
pub use problem::{Code, Problem};
pub use secret::Secret;
pub use token::{CreateTokenRequest, NewToken, TokenInfo, TokenRole, TokenState};
pub use work::{Finished, Work, WorkKind};
