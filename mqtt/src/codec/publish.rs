use std::num::{NonZeroU16, NonZeroU32};

use quorate_model::retained::QoS;

use super::error::{DecodeError, Malformed};
use super::frame::{Frame, MAX_VARIABLE_INTEGER, variable_integer_bytes};
use super::property::{Properties, Property, PropertySet, SubscriptionIds, id};
use super::qos_from_bits;
use super::reader::{Reader, any};
use super::writer::{write_counted, write_text, write_variable_integer};
use crate::packet::{Publish, PublishProperties};
use crate::packet_id::PacketId;
use crate::version::Version;

pub(super) const TYPE: u8 = 3;
const DUPLICATE: u8 = 0b1000;
const RETAIN: u8 = 0b0001;

const ALLOWED: PropertySet = PropertySet::of(&[
    id::PAYLOAD_FORMAT,
    id::MESSAGE_EXPIRY,
    id::CONTENT_TYPE,
    id::RESPONSE_TOPIC,
    id::CORRELATION_DATA,
    id::SUBSCRIPTION_ID,
    id::TOPIC_ALIAS,
]);

/// All of a PUBLISH but its payload, which is written behind it or sent from where
/// it lies.
#[derive(Clone, Copy, Debug)]
pub struct PublishHead<'a> {
    pub version: Version,
    pub duplicate: bool,
    pub qos: QoS,
    pub retain: bool,
    pub topic: &'a str,
    /// Present exactly when the QoS is above 0.
    pub packet_id: Option<PacketId>,
    pub topic_alias: Option<NonZeroU16>,
    pub expiry_s: Option<u32>,
    pub subscription_ids: &'a [NonZeroU32],
    /// What [`write_properties`] wrote.
    pub properties: &'a [u8],
    pub payload_bytes: usize,
}

#[inline]
pub(super) fn decode<'a>(version: Version, frame: Frame<'a>) -> Result<Publish<'a>, DecodeError> {
    let duplicate = frame.first & DUPLICATE != 0;
    let qos = qos_from_bits((frame.first >> 1) & 3).ok_or(Malformed::QoS)?;
    if duplicate && qos == QoS::AtMostOnce {
        return Err(Malformed::DuplicateQoS0.into());
    }
    let mut reader = Reader::new(frame.body);
    let topic = reader.text()?;
    let packet_id = match qos {
        QoS::AtMostOnce => None,
        QoS::AtLeastOnce | QoS::ExactlyOnce => Some(reader.packet_id()?),
    };
    let mut publish = Publish {
        duplicate,
        qos,
        retain: frame.first & RETAIN != 0,
        topic,
        packet_id,
        topic_alias: None,
        subscription_ids: SubscriptionIds::default(),
        properties: PublishProperties::default(),
        payload: &[],
    };
    if version.is_5() {
        read_properties(&mut reader, &mut publish)?;
    }
    if topic.is_empty() {
        if publish.topic_alias.is_none() {
            return Err(DecodeError::NoTopic);
        }
    } else {
        check_topic_name(topic)?;
    }
    publish.payload = reader.take_rest();
    Ok(publish)
}

fn read_properties<'a>(
    reader: &mut Reader<'a>,
    publish: &mut Publish<'a>,
) -> Result<(), DecodeError> {
    let mut properties = Properties::read(reader, ALLOWED)?;
    if properties.block.is_empty() {
        return Ok(());
    }
    let into = &mut publish.properties;
    while let Some(property) = properties.next()? {
        match property {
            Property::TopicAlias(alias) => publish.topic_alias = Some(alias),
            other => set(into, other)?,
        }
    }
    into.user_properties = properties.user_properties();
    publish.subscription_ids = SubscriptionIds::of(&properties);
    Ok(())
}

/// Sets what a message and a will have in common.
pub(super) fn set<'a>(
    into: &mut PublishProperties<'a>,
    property: Property<'a>,
) -> Result<(), DecodeError> {
    match property {
        Property::PayloadIsText(is_text) => into.payload_is_text = Some(is_text),
        Property::MessageExpiry(expiry_s) => into.expiry_s = Some(expiry_s),
        Property::ContentType(content_type) => into.content_type = Some(content_type),
        Property::ResponseTopic(topic) => {
            check_topic_name(topic)?;
            into.response_topic = Some(topic);
        }
        Property::CorrelationData(data) => into.correlation_data = Some(data),
        _ => {}
    }
    Ok(())
}

/// What model's `TopicName` asks of a string beyond being an MQTT string.
pub(super) fn check_topic_name(topic: &str) -> Result<(), DecodeError> {
    if topic.is_empty() {
        return Err(DecodeError::TopicName("it is empty"));
    }
    match any(topic.as_bytes(), |byte| byte == b'+' || byte == b'#') {
        true => Err(DecodeError::TopicName("it has a wildcard")),
        false => Ok(()),
    }
}

pub(super) fn encode(version: Version, publish: &Publish<'_>, out: &mut Vec<u8>) {
    assert_eq!(
        publish.packet_id.is_some(),
        publish.qos != QoS::AtMostOnce,
        "a packet id belongs to QoS 1 and 2"
    );
    out.push(first_byte(publish.duplicate, publish.qos, publish.retain));
    write_counted(out, |out| {
        write_text(out, publish.topic);
        if let Some(id) = publish.packet_id {
            out.extend_from_slice(&id.get().to_be_bytes());
        }
        if version.is_5() {
            write_counted(out, |out| {
                let alias = publish.topic_alias.map(Property::TopicAlias);
                alias.iter().for_each(|alias| alias.write(out));
                let expiry = publish.properties.expiry_s.map(Property::MessageExpiry);
                expiry.iter().for_each(|expiry| expiry.write(out));
                publish.subscription_ids.write(out);
                write_properties(&publish.properties, out);
            });
        }
        out.extend_from_slice(publish.payload);
    });
}

/// Writes what travels with a message, but not how long it is still valid: that
/// changes on its way.
pub fn write_properties(properties: &PublishProperties<'_>, out: &mut Vec<u8>) {
    let single = [
        properties.payload_is_text.map(Property::PayloadIsText),
        properties.content_type.map(Property::ContentType),
        properties.response_topic.map(Property::ResponseTopic),
        properties.correlation_data.map(Property::CorrelationData),
    ];
    for property in single.into_iter().flatten() {
        property.write(out);
    }
    properties.user_properties.write(out);
}

const fn first_byte(duplicate: bool, qos: QoS, retain: bool) -> u8 {
    TYPE << 4 | (duplicate as u8) << 3 | (qos as u8) << 1 | retain as u8
}

impl PublishHead<'_> {
    /// What the whole packet takes, with its payload.
    pub fn packet_bytes(&self) -> usize {
        let remaining = self.remaining_bytes(self.property_bytes());
        1 + variable_integer_bytes(remaining) + remaining
    }

    /// Appends everything that stands before the payload.
    ///
    /// # Panics
    /// If the packet is longer than any packet can be.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        debug_assert_eq!(self.packet_id.is_some(), self.qos != QoS::AtMostOnce);
        let property_bytes = self.property_bytes();
        let remaining = self.remaining_bytes(property_bytes);
        assert!(remaining <= MAX_VARIABLE_INTEGER, "{remaining} bytes");
        out.push(first_byte(self.duplicate, self.qos, self.retain));
        write_variable_integer(out, remaining);
        write_text(out, self.topic);
        if let Some(id) = self.packet_id {
            out.extend_from_slice(&id.get().to_be_bytes());
        }
        if !self.version.is_5() {
            return;
        }
        write_variable_integer(out, property_bytes);
        if let Some(alias) = self.topic_alias {
            Property::TopicAlias(alias).write(out);
        }
        if let Some(expiry_s) = self.expiry_s {
            Property::MessageExpiry(expiry_s).write(out);
        }
        for id in self.subscription_ids {
            Property::SubscriptionId(*id).write(out);
        }
        out.extend_from_slice(self.properties);
    }

    fn property_bytes(&self) -> usize {
        if !self.version.is_5() {
            return 0;
        }
        let alias = self.topic_alias.map_or(0, |_| 3);
        let expiry = self.expiry_s.map_or(0, |_| 5);
        let ids = self.subscription_ids.iter();
        let ids: usize = ids
            .map(|id| 1 + variable_integer_bytes(id.get() as usize))
            .sum();
        alias + expiry + ids + self.properties.len()
    }

    fn remaining_bytes(&self, property_bytes: usize) -> usize {
        let id = self.packet_id.map_or(0, |_| 2);
        let block = match self.version.is_5() {
            true => variable_integer_bytes(property_bytes) + property_bytes,
            false => 0,
        };
        2 + self.topic.len() + id + block + self.payload_bytes
    }
}
