use super::Diagnostics;
use crate::packet_id::PacketId;
use crate::reason::ReasonCode;

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement<'a> {
    pub packet_id: PacketId,
    pub reason: ReasonCode,
    pub diagnostics: Diagnostics<'a>,
}

impl Acknowledgement<'_> {
    pub fn new(packet_id: PacketId, reason: ReasonCode) -> Self {
        Self {
            packet_id,
            reason,
            diagnostics: Diagnostics::default(),
        }
    }
}
