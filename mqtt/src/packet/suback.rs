use super::Diagnostics;
use crate::packet_id::PacketId;
use crate::reason::ReasonCode;

/// One code for each filter of the SUBSCRIBE, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubAck<'a> {
    pub packet_id: PacketId,
    pub reasons: ReasonCodes<'a>,
    pub diagnostics: Diagnostics<'a>,
}

/// One code for each filter of the UNSUBSCRIBE, in its order; none in version 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsubAck<'a> {
    pub packet_id: PacketId,
    pub reasons: ReasonCodes<'a>,
    pub diagnostics: Diagnostics<'a>,
}

/// Reason codes as they stand in a packet, all of them known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReasonCodes<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> ReasonCodes<'a> {
    /// None if one of them is no reason code.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let known = |byte: &u8| ReasonCode::from_byte(*byte).is_some();
        bytes.iter().all(known).then_some(Self { bytes })
    }

    pub fn iter(&self) -> impl Iterator<Item = ReasonCode> + use<'a> {
        self.bytes
            .iter()
            .filter_map(|byte| ReasonCode::from_byte(*byte))
    }
}
