use super::{Diagnostics, Hidden};
use crate::reason::ReasonCode;

/// A step of an authentication that takes several.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth<'a> {
    pub reason: ReasonCode,
    pub method: Option<&'a str>,
    pub data: Option<&'a [u8]>,
    pub diagnostics: Diagnostics<'a>,
}

/// Without the secrets in it: a packet can end up in a log.
impl std::fmt::Debug for Auth<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("reason", &self.reason)
            .field("method", &self.method)
            .field("data", &self.data.map(|_| Hidden))
            .field("diagnostics", &self.diagnostics)
            .finish()
    }
}
