//! Decisions about members and claims, as functions of what is known. `apply`
//! uses those that every replica must take alike; the control plane asks the
//! others before it proposes anything.

mod autoclean;
mod claim;
mod join;
mod leave;

pub use autoclean::{AutocleanPolicy, to_forget};
pub use claim::{ClaimRefusal, check_claim, check_release, is_fenced};
pub use join::{JoinRefusal, check_join};
pub use leave::{CoreTier, LeaveRefusal, check_force_leave, check_leave};
