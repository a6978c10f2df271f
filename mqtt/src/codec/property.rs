//! The properties of MQTT 5: which there are, what they hold, which may stand where.

use std::num::{NonZeroU16, NonZeroU32};

use quorate_model::retained::QoS;

use super::error::{DecodeError, Malformed};
use super::reader::Reader;
use super::writer::{write_binary, write_text, write_variable_integer};

/// The numbers of the standard.
pub(super) mod id {
    pub(in crate::codec) const PAYLOAD_FORMAT: u8 = 0x01;
    pub(in crate::codec) const MESSAGE_EXPIRY: u8 = 0x02;
    pub(in crate::codec) const CONTENT_TYPE: u8 = 0x03;
    pub(in crate::codec) const RESPONSE_TOPIC: u8 = 0x08;
    pub(in crate::codec) const CORRELATION_DATA: u8 = 0x09;
    pub(in crate::codec) const SUBSCRIPTION_ID: u8 = 0x0b;
    pub(in crate::codec) const SESSION_EXPIRY: u8 = 0x11;
    pub(in crate::codec) const ASSIGNED_CLIENT_ID: u8 = 0x12;
    pub(in crate::codec) const SERVER_KEEP_ALIVE: u8 = 0x13;
    pub(in crate::codec) const AUTH_METHOD: u8 = 0x15;
    pub(in crate::codec) const AUTH_DATA: u8 = 0x16;
    pub(in crate::codec) const REQUEST_PROBLEM_INFORMATION: u8 = 0x17;
    pub(in crate::codec) const WILL_DELAY: u8 = 0x18;
    pub(in crate::codec) const REQUEST_RESPONSE_INFORMATION: u8 = 0x19;
    pub(in crate::codec) const RESPONSE_INFORMATION: u8 = 0x1a;
    pub(in crate::codec) const SERVER_REFERENCE: u8 = 0x1c;
    pub(in crate::codec) const REASON_STRING: u8 = 0x1f;
    pub(in crate::codec) const RECEIVE_MAXIMUM: u8 = 0x21;
    pub(in crate::codec) const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
    pub(in crate::codec) const TOPIC_ALIAS: u8 = 0x23;
    pub(in crate::codec) const MAXIMUM_QOS: u8 = 0x24;
    pub(in crate::codec) const RETAIN_AVAILABLE: u8 = 0x25;
    pub(in crate::codec) const USER_PROPERTY: u8 = 0x26;
    pub(in crate::codec) const MAXIMUM_PACKET_SIZE: u8 = 0x27;
    pub(in crate::codec) const WILDCARD_SUBSCRIPTIONS: u8 = 0x28;
    pub(in crate::codec) const SUBSCRIPTION_IDS: u8 = 0x29;
    pub(in crate::codec) const SHARED_SUBSCRIPTIONS: u8 = 0x2a;
}

/// One property with its value, which is one that it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property<'a> {
    PayloadIsText(bool),
    MessageExpiry(u32),
    ContentType(&'a str),
    ResponseTopic(&'a str),
    CorrelationData(&'a [u8]),
    SubscriptionId(NonZeroU32),
    SessionExpiry(u32),
    AssignedClientId(&'a str),
    ServerKeepAlive(u16),
    AuthMethod(&'a str),
    AuthData(&'a [u8]),
    RequestProblemInformation(bool),
    WillDelay(u32),
    RequestResponseInformation(bool),
    ResponseInformation(&'a str),
    ServerReference(&'a str),
    ReasonString(&'a str),
    ReceiveMaximum(NonZeroU16),
    TopicAliasMaximum(u16),
    TopicAlias(NonZeroU16),
    MaximumQoS(QoS),
    RetainAvailable(bool),
    User(&'a str, &'a str),
    MaximumPacketSize(NonZeroU32),
    WildcardSubscriptions(bool),
    SubscriptionIds(bool),
    SharedSubscriptions(bool),
}

/// A set of properties, one bit for each number.
#[derive(Clone, Copy, Debug)]
pub(super) struct PropertySet(u64);

/// The properties of one packet, in their order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Properties<'a> {
    reader: Reader<'a>,
    allowed: PropertySet,
    seen: PropertySet,
    /// All of them, as they stand in the packet.
    pub(super) block: &'a [u8],
}

impl PropertySet {
    pub(super) const fn of(ids: &[u8]) -> Self {
        let mut bits = 1 << id::USER_PROPERTY;
        let mut at = 0;
        while at < ids.len() {
            bits |= 1 << ids[at];
            at += 1;
        }
        Self(bits)
    }

    const fn has(self, id: u8) -> bool {
        id < 64 && self.0 & (1 << id) != 0
    }
}

impl<'a> Properties<'a> {
    /// Takes the block of properties off the packet. User properties are always
    /// among the allowed.
    pub(super) fn read(packet: &mut Reader<'a>, allowed: PropertySet) -> Result<Self, Malformed> {
        let length = packet.variable_integer()?;
        let block = packet.take(length)?;
        Ok(Self {
            reader: Reader::new(block),
            allowed,
            seen: PropertySet(0),
            block,
        })
    }

    pub(super) const fn user_properties(&self) -> UserProperties<'a> {
        UserProperties { block: self.block }
    }

    pub(super) fn next(&mut self) -> Result<Option<Property<'a>>, DecodeError> {
        if self.reader.is_empty() {
            return Ok(None);
        }
        // The number is a variable byte integer by the letter, and below 128 in fact.
        let number = self.reader.variable_integer()?;
        let id = u8::try_from(number).map_err(|_| Malformed::UnknownProperty)?;
        let property = read_value(&mut self.reader, id)?;
        if !self.allowed.has(id) {
            return Err(DecodeError::MisplacedProperty { id });
        }
        let repeats = matches!(id, id::USER_PROPERTY | id::SUBSCRIPTION_ID);
        if self.seen.has(id) && !repeats {
            return Err(DecodeError::DuplicateProperty { id });
        }
        self.seen.0 |= 1 << id;
        Ok(Some(property))
    }
}

fn read_value<'a>(reader: &mut Reader<'a>, id: u8) -> Result<Property<'a>, DecodeError> {
    let no_zero = DecodeError::PropertyValue { id, value: 0 };
    Ok(match id {
        id::PAYLOAD_FORMAT => Property::PayloadIsText(flag(reader, id)?),
        id::MESSAGE_EXPIRY => Property::MessageExpiry(reader.u32()?),
        id::CONTENT_TYPE => Property::ContentType(reader.text()?),
        id::RESPONSE_TOPIC => Property::ResponseTopic(reader.text()?),
        id::CORRELATION_DATA => Property::CorrelationData(reader.binary()?),
        id::SUBSCRIPTION_ID => Property::SubscriptionId(subscription_id(reader)?.ok_or(no_zero)?),
        id::SESSION_EXPIRY => Property::SessionExpiry(reader.u32()?),
        id::ASSIGNED_CLIENT_ID => Property::AssignedClientId(reader.text()?),
        id::SERVER_KEEP_ALIVE => Property::ServerKeepAlive(reader.u16()?),
        id::AUTH_METHOD => Property::AuthMethod(reader.text()?),
        id::AUTH_DATA => Property::AuthData(reader.binary()?),
        id::REQUEST_PROBLEM_INFORMATION => Property::RequestProblemInformation(flag(reader, id)?),
        id::WILL_DELAY => Property::WillDelay(reader.u32()?),
        id::REQUEST_RESPONSE_INFORMATION => Property::RequestResponseInformation(flag(reader, id)?),
        id::RESPONSE_INFORMATION => Property::ResponseInformation(reader.text()?),
        id::SERVER_REFERENCE => Property::ServerReference(reader.text()?),
        id::REASON_STRING => Property::ReasonString(reader.text()?),
        id::RECEIVE_MAXIMUM => Property::ReceiveMaximum(reader.non_zero_u16()?.ok_or(no_zero)?),
        id::TOPIC_ALIAS_MAXIMUM => Property::TopicAliasMaximum(reader.u16()?),
        id::TOPIC_ALIAS => Property::TopicAlias(topic_alias(reader)?),
        id::MAXIMUM_QOS => Property::MaximumQoS(match flag(reader, id)? {
            false => QoS::AtMostOnce,
            true => QoS::AtLeastOnce,
        }),
        id::RETAIN_AVAILABLE => Property::RetainAvailable(flag(reader, id)?),
        id::USER_PROPERTY => Property::User(reader.text()?, reader.text()?),
        id::MAXIMUM_PACKET_SIZE => {
            Property::MaximumPacketSize(NonZeroU32::new(reader.u32()?).ok_or(no_zero)?)
        }
        id::WILDCARD_SUBSCRIPTIONS => Property::WildcardSubscriptions(flag(reader, id)?),
        id::SUBSCRIPTION_IDS => Property::SubscriptionIds(flag(reader, id)?),
        id::SHARED_SUBSCRIPTIONS => Property::SharedSubscriptions(flag(reader, id)?),
        _ => return Err(Malformed::UnknownProperty.into()),
    })
}

fn flag(reader: &mut Reader<'_>, id: u8) -> Result<bool, DecodeError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        value => Err(DecodeError::PropertyValue {
            id,
            value: u32::from(value),
        }),
    }
}

fn subscription_id(reader: &mut Reader<'_>) -> Result<Option<NonZeroU32>, Malformed> {
    let id = reader.variable_integer()?;
    Ok(u32::try_from(id).ok().and_then(NonZeroU32::new))
}

/// 0 is no alias, and has a reason code of its own.
fn topic_alias(reader: &mut Reader<'_>) -> Result<NonZeroU16, DecodeError> {
    reader.non_zero_u16()?.ok_or(DecodeError::TopicAliasZero)
}

impl Property<'_> {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.id());
        match *self {
            Self::PayloadIsText(flag)
            | Self::RequestProblemInformation(flag)
            | Self::RequestResponseInformation(flag)
            | Self::RetainAvailable(flag)
            | Self::WildcardSubscriptions(flag)
            | Self::SubscriptionIds(flag)
            | Self::SharedSubscriptions(flag) => out.push(u8::from(flag)),
            Self::MaximumQoS(qos) => out.push(qos as u8),
            Self::ServerKeepAlive(number) | Self::TopicAliasMaximum(number) => {
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::ReceiveMaximum(number) | Self::TopicAlias(number) => {
                out.extend_from_slice(&number.get().to_be_bytes());
            }
            Self::MessageExpiry(number) | Self::SessionExpiry(number) | Self::WillDelay(number) => {
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::MaximumPacketSize(number) => out.extend_from_slice(&number.get().to_be_bytes()),
            Self::SubscriptionId(number) => write_variable_integer(out, number.get() as usize),
            Self::ContentType(text)
            | Self::ResponseTopic(text)
            | Self::AssignedClientId(text)
            | Self::AuthMethod(text)
            | Self::ResponseInformation(text)
            | Self::ServerReference(text)
            | Self::ReasonString(text) => write_text(out, text),
            Self::CorrelationData(data) | Self::AuthData(data) => write_binary(out, data),
            Self::User(key, value) => {
                write_text(out, key);
                write_text(out, value);
            }
        }
    }

    const fn id(&self) -> u8 {
        match self {
            Self::PayloadIsText(_) => id::PAYLOAD_FORMAT,
            Self::MessageExpiry(_) => id::MESSAGE_EXPIRY,
            Self::ContentType(_) => id::CONTENT_TYPE,
            Self::ResponseTopic(_) => id::RESPONSE_TOPIC,
            Self::CorrelationData(_) => id::CORRELATION_DATA,
            Self::SubscriptionId(_) => id::SUBSCRIPTION_ID,
            Self::SessionExpiry(_) => id::SESSION_EXPIRY,
            Self::AssignedClientId(_) => id::ASSIGNED_CLIENT_ID,
            Self::ServerKeepAlive(_) => id::SERVER_KEEP_ALIVE,
            Self::AuthMethod(_) => id::AUTH_METHOD,
            Self::AuthData(_) => id::AUTH_DATA,
            Self::RequestProblemInformation(_) => id::REQUEST_PROBLEM_INFORMATION,
            Self::WillDelay(_) => id::WILL_DELAY,
            Self::RequestResponseInformation(_) => id::REQUEST_RESPONSE_INFORMATION,
            Self::ResponseInformation(_) => id::RESPONSE_INFORMATION,
            Self::ServerReference(_) => id::SERVER_REFERENCE,
            Self::ReasonString(_) => id::REASON_STRING,
            Self::ReceiveMaximum(_) => id::RECEIVE_MAXIMUM,
            Self::TopicAliasMaximum(_) => id::TOPIC_ALIAS_MAXIMUM,
            Self::TopicAlias(_) => id::TOPIC_ALIAS,
            Self::MaximumQoS(_) => id::MAXIMUM_QOS,
            Self::RetainAvailable(_) => id::RETAIN_AVAILABLE,
            Self::User(..) => id::USER_PROPERTY,
            Self::MaximumPacketSize(_) => id::MAXIMUM_PACKET_SIZE,
            Self::WildcardSubscriptions(_) => id::WILDCARD_SUBSCRIPTIONS,
            Self::SubscriptionIds(_) => id::SUBSCRIPTION_IDS,
            Self::SharedSubscriptions(_) => id::SHARED_SUBSCRIPTIONS,
        }
    }
}

/// The user properties among the properties of a packet, in their order.
#[derive(Clone, Copy, Default)]
pub struct UserProperties<'a> {
    block: &'a [u8],
}

/// The subscription identifiers among the properties of a PUBLISH.
#[derive(Clone, Copy, Default)]
pub struct SubscriptionIds<'a> {
    block: &'a [u8],
}

/// Walks over a block that has been decoded before, so nothing in it is wrong.
fn walk(block: &[u8]) -> impl Iterator<Item = Property<'_>> {
    let mut reader = Reader::new(block);
    std::iter::from_fn(move || {
        let id = reader.u8().ok()?;
        read_value(&mut reader, id).ok()
    })
}

impl<'a> UserProperties<'a> {
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        walk(self.block).filter_map(|property| match property {
            Property::User(key, value) => Some((key, value)),
            _ => None,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Makes a block of these pairs in `block`, to be borrowed from it.
    pub fn build<'b>(
        pairs: impl IntoIterator<Item = (&'b str, &'b str)>,
        block: &'a mut Vec<u8>,
    ) -> Self {
        block.clear();
        for (key, value) in pairs {
            Property::User(key, value).write(block);
        }
        Self { block }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for (key, value) in self.iter() {
            Property::User(key, value).write(out);
        }
    }
}

impl<'a> SubscriptionIds<'a> {
    pub(super) const fn of(properties: &Properties<'a>) -> Self {
        Self {
            block: properties.block,
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = NonZeroU32> + use<'a> {
        walk(self.block).filter_map(|property| match property {
            Property::SubscriptionId(id) => Some(id),
            _ => None,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Makes a block of these identifiers in `block`, to be borrowed from it.
    pub fn build(ids: impl IntoIterator<Item = NonZeroU32>, block: &'a mut Vec<u8>) -> Self {
        block.clear();
        for id in ids {
            Property::SubscriptionId(id).write(block);
        }
        Self { block }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for id in self.iter() {
            Property::SubscriptionId(id).write(out);
        }
    }
}

impl PartialEq for UserProperties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for UserProperties<'_> {}

impl PartialEq for SubscriptionIds<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for SubscriptionIds<'_> {}

impl std::fmt::Debug for UserProperties<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl std::fmt::Debug for SubscriptionIds<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
