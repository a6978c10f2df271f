//! All listeners of a node.

use crate::listener_config::ListenerConfig;
use crate::listener_id::ListenerId;

/// By kind, then by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenersConfig {
    pub enabled: Vec<ListenerConfig>,
    /// Nothing of them but their switch has been read.
    pub disabled: Vec<ListenerId>,
}
