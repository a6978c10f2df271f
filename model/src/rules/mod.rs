//! Decisions about members, tokens and claims, as functions of what is known.
//! `apply` uses those that every replica must take alike; the control plane asks
//! the others before it proposes anything, and some of these too.

mod autoclean;
mod claim;
mod join;
mod leave;
mod slot;
mod tier;
mod token;

pub use autoclean::{AutocleanPolicy, to_forget};
pub use claim::{ClaimRefusal, check_claim, check_release, is_fenced};
pub use join::{JoinRefusal, check_join};
pub use leave::{CoreTier, LeaveRefusal, check_force_leave, check_leave};
pub(crate) use slot::{lowest_free_slot, misplaced};
pub use tier::{RaftTier, TierStep, next_step};
pub use token::{TokenRefusal, check_token};
