use super::Diagnostics;
use crate::reason::ReasonCode;

/// A step of an authentication that takes several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    pub reason: ReasonCode,
    pub method: Option<&'a str>,
    pub data: Option<&'a [u8]>,
    pub diagnostics: Diagnostics<'a>,
}
