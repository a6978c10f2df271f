use quorate_model::retained::QoS;

use super::error::{DecodeError, Malformed};
use super::frame::Frame;
use super::property::{Properties, Property, PropertySet, id};
use super::publish::{check_topic_name, set, write_properties};
use super::qos_from_bits;
use super::reader::Reader;
use super::writer::{write_binary, write_counted, write_text};
use crate::packet::{Connect, LastWill, PublishProperties};
use crate::version::Version;

pub(super) const FIRST: u8 = 0x10;
/// The flags of the will's QoS and retain.
const OF_WILL: u8 = 0b0011_1000;

const ALLOWED: PropertySet = PropertySet::of(&[
    id::SESSION_EXPIRY,
    id::RECEIVE_MAXIMUM,
    id::MAXIMUM_PACKET_SIZE,
    id::TOPIC_ALIAS_MAXIMUM,
    id::REQUEST_RESPONSE_INFORMATION,
    id::REQUEST_PROBLEM_INFORMATION,
    id::AUTH_METHOD,
    id::AUTH_DATA,
]);

const ALLOWED_WILL: PropertySet = PropertySet::of(&[
    id::WILL_DELAY,
    id::PAYLOAD_FORMAT,
    id::MESSAGE_EXPIRY,
    id::CONTENT_TYPE,
    id::RESPONSE_TOPIC,
    id::CORRELATION_DATA,
]);

/// The connect flags, taken apart.
struct Flags {
    clean_start: bool,
    will: Option<(QoS, bool)>,
    password: bool,
    user_name: bool,
}

/// Decodes the one packet that says which version it is of.
pub fn decode_connect(frame: Frame<'_>) -> Result<Connect<'_>, DecodeError> {
    if frame.first != FIRST {
        return Err(match frame.first >> 4 {
            1 => Malformed::Flags.into(),
            0 => Malformed::ReservedType.into(),
            _ => DecodeError::NotConnect,
        });
    }
    let mut reader = Reader::new(frame.body);
    let version = read_version(&mut reader)?;
    let flags = Flags::read(reader.u8()?, version)?;
    let keep_alive_s = reader.u16()?;
    let mut connect = Connect {
        clean_start: flags.clean_start,
        keep_alive_s,
        ..Connect::new(version, "")
    };
    if version.is_5() {
        read_properties(&mut reader, &mut connect)?;
    }
    connect.client_id = reader.text()?;
    if let Some((qos, retain)) = flags.will {
        connect.will = Some(read_will(&mut reader, version, qos, retain)?);
    }
    // In 3.1 the length of the packet counts for more than these flags: what they
    // announce may be missing.
    let may_end = version == Version::V3_1;
    if flags.user_name && !(may_end && reader.is_empty()) {
        connect.user_name = Some(reader.text()?);
    }
    if flags.password && !(may_end && reader.is_empty()) {
        connect.password = Some(reader.binary()?);
    }
    reader.end()?;
    match (connect.auth_method, connect.auth_data) {
        (None, Some(_)) => Err(DecodeError::NoAuthMethod),
        _ => Ok(connect),
    }
}

fn read_version(reader: &mut Reader<'_>) -> Result<Version, DecodeError> {
    let name = reader.binary()?;
    let level = reader.u8()?;
    match (name, level) {
        (b"MQIsdp", 3) => Ok(Version::V3_1),
        (b"MQTT", 4) => Ok(Version::V3_1_1),
        (b"MQTT", 5) => Ok(Version::V5),
        (b"MQTT" | b"MQIsdp", level) => Err(DecodeError::UnknownVersion { level }),
        _ => Err(Malformed::ProtocolName.into()),
    }
}

impl Flags {
    fn read(byte: u8, version: Version) -> Result<Self, DecodeError> {
        let has = |bit: u8| byte & (1 << bit) != 0;
        let (user_name, password) = (has(7), has(6));
        let is_will = has(2);
        let retain = has(5);
        let qos_bits = if is_will { (byte >> 3) & 3 } else { 0 };
        let qos = qos_from_bits(qos_bits).ok_or(Malformed::QoS)?;
        // 3.1 disregards what is said about a will that there is not.
        let will_is_odd = !is_will && byte & OF_WILL != 0 && version != Version::V3_1;
        let password_alone = password && !user_name && !version.is_5();
        if has(0) || will_is_odd || password_alone {
            return Err(Malformed::ConnectFlags.into());
        }
        Ok(Self {
            clean_start: has(1),
            will: is_will.then_some((qos, retain)),
            password,
            user_name,
        })
    }
}

fn read_properties<'a>(
    reader: &mut Reader<'a>,
    connect: &mut Connect<'a>,
) -> Result<(), DecodeError> {
    let mut properties = Properties::read(reader, ALLOWED)?;
    while let Some(property) = properties.next()? {
        match property {
            Property::SessionExpiry(seconds) => connect.session_expiry_s = Some(seconds),
            Property::ReceiveMaximum(maximum) => connect.receive_maximum = Some(maximum),
            Property::MaximumPacketSize(maximum) => connect.maximum_packet_size = Some(maximum),
            Property::TopicAliasMaximum(maximum) => connect.topic_alias_maximum = maximum,
            Property::RequestResponseInformation(asks) => {
                connect.request_response_information = asks;
            }
            Property::RequestProblemInformation(asks) => {
                connect.request_problem_information = asks;
            }
            Property::AuthMethod(method) => connect.auth_method = Some(method),
            Property::AuthData(data) => connect.auth_data = Some(data),
            _ => {}
        }
    }
    connect.user_properties = properties.user_properties();
    Ok(())
}

fn read_will<'a>(
    reader: &mut Reader<'a>,
    version: Version,
    qos: QoS,
    retain: bool,
) -> Result<LastWill<'a>, DecodeError> {
    let mut delay_s = 0;
    let mut of_message = PublishProperties::default();
    if version.is_5() {
        let mut properties = Properties::read(reader, ALLOWED_WILL)?;
        while let Some(property) = properties.next()? {
            match property {
                Property::WillDelay(seconds) => delay_s = seconds,
                other => set(&mut of_message, other)?,
            }
        }
        of_message.user_properties = properties.user_properties();
    }
    let topic = reader.text()?;
    check_topic_name(topic)?;
    Ok(LastWill {
        topic,
        payload: reader.binary()?,
        qos,
        retain,
        delay_s,
        properties: of_message,
    })
}

pub(super) fn encode(connect: &Connect<'_>, out: &mut Vec<u8>) {
    let version = connect.version;
    out.push(FIRST);
    write_counted(out, |out| {
        write_text(out, version.protocol_name());
        out.push(version.level());
        out.push(flags_of(connect));
        out.extend_from_slice(&connect.keep_alive_s.to_be_bytes());
        if version.is_5() {
            write_counted(out, |out| write_connect_properties(connect, out));
        }
        write_text(out, connect.client_id);
        if let Some(will) = &connect.will {
            write_will(version, will, out);
        }
        if let Some(user_name) = connect.user_name {
            write_text(out, user_name);
        }
        if let Some(password) = connect.password {
            write_binary(out, password);
        }
    });
}

fn flags_of(connect: &Connect<'_>) -> u8 {
    let will = connect.will.as_ref();
    let will = will.map_or(0, |will| {
        1 << 2 | (will.qos as u8) << 3 | u8::from(will.retain) << 5
    });
    will | u8::from(connect.clean_start) << 1
        | u8::from(connect.password.is_some()) << 6
        | u8::from(connect.user_name.is_some()) << 7
}

fn write_connect_properties(connect: &Connect<'_>, out: &mut Vec<u8>) {
    let alias_maximum = connect.topic_alias_maximum;
    let properties = [
        connect.session_expiry_s.map(Property::SessionExpiry),
        connect.receive_maximum.map(Property::ReceiveMaximum),
        connect.maximum_packet_size.map(Property::MaximumPacketSize),
        (alias_maximum != 0).then_some(Property::TopicAliasMaximum(alias_maximum)),
        connect
            .request_response_information
            .then_some(Property::RequestResponseInformation(true)),
        (!connect.request_problem_information)
            .then_some(Property::RequestProblemInformation(false)),
        connect.auth_method.map(Property::AuthMethod),
        connect.auth_data.map(Property::AuthData),
    ];
    for property in properties.into_iter().flatten() {
        property.write(out);
    }
    connect.user_properties.write(out);
}

fn write_will(version: Version, will: &LastWill<'_>, out: &mut Vec<u8>) {
    if version.is_5() {
        write_counted(out, |out| {
            if will.delay_s != 0 {
                Property::WillDelay(will.delay_s).write(out);
            }
            if let Some(expiry_s) = will.properties.expiry_s {
                Property::MessageExpiry(expiry_s).write(out);
            }
            write_properties(&will.properties, out);
        });
    }
    write_text(out, will.topic);
    write_binary(out, will.payload);
}
