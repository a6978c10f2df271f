//! Bounds of what one command may carry and of the tables that have no owner
//! to clean them up. All are part of the replicated rules: changing one
//! changes what `apply` answers, so it needs a new format version.

/// One encoded Raft entry.
pub const MAX_ENTRY_BYTES: usize = 8 * 1024 * 1024;
/// Commands in one request of one node.
pub const MAX_COMMANDS: usize = 65_536;
/// Requests merged into one entry.
pub const MAX_REQUESTS: usize = 4_096;

pub const MAX_RETAINED_PAYLOAD_BYTES: usize = 4 * 1024 * 1024;
/// All retained messages together.
pub const MAX_RETAINED_BYTES: u64 = 1024 * 1024 * 1024;

pub const MAX_SETTINGS: usize = 10_000;
pub const MAX_SETTING_KEY_BYTES: usize = 256;
pub const MAX_SETTING_VALUE_BYTES: usize = 64 * 1024;

pub const MAX_BANS: usize = 100_000;
pub const MAX_BAN_TEXT_BYTES: usize = 1024;

pub const MAX_MEMBERS: usize = 10_000;
/// Members with the core role. Few of them vote well, and each has an election slot.
pub const MAX_CORES: usize = 15;
pub const MAX_ADDRESSES: usize = 8;
pub const MAX_ADDRESS_BYTES: usize = 261;
pub const MAX_VERSION_BYTES: usize = 64;
pub const MAX_CLUSTER_NAME_BYTES: usize = 64;

pub const MAX_TOKENS: usize = 1_000;
pub const MIN_TOKEN_LIFETIME_MS: u64 = 1_000;
pub const MAX_TOKEN_LIFETIME_MS: u64 = 366 * 24 * 60 * 60 * 1_000;

/// More than one only while nodes move from the old one to the new.
pub const MAX_AUTHORITIES: usize = 2;
pub const MAX_AUTHORITY_CERTIFICATE_BYTES: usize = 4 * 1024;
pub const MAX_AUTHORITY_KEY_BYTES: usize = 1024;

/// The membership log forgets what is older than its last so many events.
pub const MAX_EVENTS: usize = 1_000;
