//! SUBSCRIBE and UNSUBSCRIBE.

use super::error::{DecodeError, Malformed};
use super::property::{Properties, Property, PropertySet, UserProperties, id};
use super::reader::Reader;
use super::writer::write_counted;
use super::{qos_from_bits, texts};
use crate::packet::{FilterTexts, Subscribe, SubscribeRequests, SubscriptionOptions, Unsubscribe};
use crate::version::Version;

pub(super) const FIRST: u8 = 0x82;
pub(super) const FIRST_UNSUBSCRIBE: u8 = 0xa2;

const ALLOWED: PropertySet = PropertySet::of(&[id::SUBSCRIPTION_ID]);
const ALLOWED_UNSUBSCRIBE: PropertySet = PropertySet::of(&[]);
const RESERVED_OPTIONS: u8 = 0xc0;

pub(super) fn decode<'a>(version: Version, body: &'a [u8]) -> Result<Subscribe<'a>, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let mut subscription_id = None;
    let mut user_properties = UserProperties::default();
    if version.is_5() {
        let mut properties = Properties::read(&mut reader, ALLOWED)?;
        while let Some(property) = properties.next()? {
            let Property::SubscriptionId(id) = property else {
                continue;
            };
            // It may repeat in a PUBLISH, and nowhere else.
            if subscription_id.replace(id).is_some() {
                let id = id::SUBSCRIPTION_ID;
                return Err(DecodeError::DuplicateProperty { id });
            }
        }
        user_properties = properties.user_properties();
    }
    let bytes = reader.take_rest();
    if bytes.is_empty() {
        return Err(DecodeError::NoFilter);
    }
    texts::check(bytes, 1, |_, options| check_options(version, options))?;
    Ok(Subscribe {
        packet_id,
        subscription_id,
        user_properties,
        requests: SubscribeRequests { bytes },
    })
}

fn check_options(version: Version, options: &[u8]) -> Result<(), DecodeError> {
    let byte = *options.first().ok_or(Malformed::Short)?;
    let reserved = match version.is_5() {
        true => byte & RESERVED_OPTIONS,
        false => byte & !3,
    };
    if reserved != 0 {
        return Err(Malformed::ReservedBits.into());
    }
    if qos_from_bits(byte & 3).is_none() {
        return Err(match version.is_5() {
            true => DecodeError::RequestedQoS,
            false => Malformed::QoS.into(),
        });
    }
    match SubscriptionOptions::from_byte(byte) {
        Some(_) => Ok(()),
        None => Err(DecodeError::RetainHandling),
    }
}

pub(super) fn encode(version: Version, subscribe: &Subscribe<'_>, out: &mut Vec<u8>) {
    out.push(FIRST);
    write_counted(out, |out| {
        out.extend_from_slice(&subscribe.packet_id.get().to_be_bytes());
        if version.is_5() {
            write_counted(out, |out| {
                if let Some(id) = subscribe.subscription_id {
                    Property::SubscriptionId(id).write(out);
                }
                subscribe.user_properties.write(out);
            });
        }
        SubscribeRequests::write(subscribe.requests.iter(), version, out);
    });
}

pub(super) fn decode_unsubscribe<'a>(
    version: Version,
    body: &'a [u8],
) -> Result<Unsubscribe<'a>, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let mut user_properties = UserProperties::default();
    if version.is_5() {
        let mut properties = Properties::read(&mut reader, ALLOWED_UNSUBSCRIBE)?;
        while properties.next()?.is_some() {}
        user_properties = properties.user_properties();
    }
    let bytes = reader.take_rest();
    if bytes.is_empty() {
        return Err(DecodeError::NoFilter);
    }
    texts::check(bytes, 0, |_, _| Ok::<_, DecodeError>(()))?;
    Ok(Unsubscribe {
        packet_id,
        user_properties,
        filters: FilterTexts { bytes },
    })
}

pub(super) fn encode_unsubscribe(
    version: Version,
    unsubscribe: &Unsubscribe<'_>,
    out: &mut Vec<u8>,
) {
    out.push(FIRST_UNSUBSCRIBE);
    write_counted(out, |out| {
        out.extend_from_slice(&unsubscribe.packet_id.get().to_be_bytes());
        if version.is_5() {
            write_counted(out, |out| unsubscribe.user_properties.write(out));
        }
        out.extend_from_slice(unsubscribe.filters.bytes);
    });
}
