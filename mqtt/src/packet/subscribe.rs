use std::num::NonZeroU32;

use quorate_model::retained::QoS;

use crate::codec::{TextsIn, UserProperties};
use crate::packet_id::PacketId;
use crate::version::Version;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    pub packet_id: PacketId,
    pub subscription_id: Option<NonZeroU32>,
    pub user_properties: UserProperties<'a>,
    pub requests: SubscribeRequests<'a>,
}

/// One filter and what its subscriber wants. The text is a valid MQTT string; whether
/// it is a valid filter is another question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterRequest<'a> {
    pub filter: &'a str,
    pub options: SubscriptionOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionOptions {
    pub qos: QoS,
    /// Not what the client itself published.
    pub no_local: bool,
    /// The retain flag as the publisher set it.
    pub retain_as_published: bool,
    pub retain_handling: RetainHandling,
}

/// When retained messages are sent to a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetainHandling {
    Always,
    IfNew,
    Never,
}

/// The filters of a SUBSCRIBE, at least one, as they stand in the packet.
#[derive(Clone, Copy, Debug)]
pub struct SubscribeRequests<'a> {
    pub(crate) bytes: &'a [u8],
}

impl SubscriptionOptions {
    /// What version 3 asks for, which knows the QoS alone.
    pub const fn of_qos(qos: QoS) -> Self {
        Self {
            qos,
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::Always,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        let retain_handling = match byte >> 4 {
            0 => RetainHandling::Always,
            1 => RetainHandling::IfNew,
            2 => RetainHandling::Never,
            _ => return None,
        };
        Some(Self {
            qos: crate::codec::qos_from_bits(byte & 3)?,
            no_local: byte & 4 != 0,
            retain_as_published: byte & 8 != 0,
            retain_handling,
        })
    }

    pub(crate) fn byte(self) -> u8 {
        self.qos as u8
            | u8::from(self.no_local) << 2
            | u8::from(self.retain_as_published) << 3
            | (self.retain_handling as u8) << 4
    }
}

impl<'a> SubscribeRequests<'a> {
    pub fn iter(&self) -> impl Iterator<Item = FilterRequest<'a>> + use<'a> {
        // Checked when it was decoded, so nothing is left out here.
        TextsIn::new(self.bytes, 1).filter_map(|(filter, rest)| {
            let options = SubscriptionOptions::from_byte(*rest.first()?)?;
            Some(FilterRequest { filter, options })
        })
    }

    /// What [`write`](Self::write) wrote.
    pub const fn of(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Writes what a SUBSCRIBE of that version carries for these filters.
    pub fn write(
        requests: impl IntoIterator<Item = FilterRequest<'a>>,
        version: Version,
        out: &mut Vec<u8>,
    ) {
        for request in requests {
            crate::codec::write_text(out, request.filter);
            out.push(match version {
                Version::V5 => request.options.byte(),
                Version::V3_1 | Version::V3_1_1 => request.options.qos as u8,
            });
        }
    }
}

impl PartialEq for SubscribeRequests<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for SubscribeRequests<'_> {}
