use crate::codec::{TextsIn, UserProperties};
use crate::packet_id::PacketId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    pub packet_id: PacketId,
    pub user_properties: UserProperties<'a>,
    pub filters: FilterTexts<'a>,
}

/// The filters of an UNSUBSCRIBE, at least one, as they stand in the packet. Each is
/// a valid MQTT string and perhaps no valid filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterTexts<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> FilterTexts<'a> {
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        TextsIn::new(self.bytes, 0).map(|(filter, _)| filter)
    }

    pub fn write(filters: impl IntoIterator<Item = &'a str>, out: &mut Vec<u8>) {
        for filter in filters {
            crate::codec::write_text(out, filter);
        }
    }
}
