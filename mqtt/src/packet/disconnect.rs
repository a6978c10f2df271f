use super::Diagnostics;
use crate::reason::ReasonCode;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect<'a> {
    pub reason: ReasonCode,
    /// A client's new wish; a server never sends it.
    pub session_expiry_s: Option<u32>,
    /// A server's alone.
    pub server_reference: Option<&'a str>,
    pub diagnostics: Diagnostics<'a>,
}

impl Disconnect<'_> {
    pub fn new(reason: ReasonCode) -> Self {
        Self {
            reason,
            session_expiry_s: None,
            server_reference: None,
            diagnostics: Diagnostics::default(),
        }
    }
}
