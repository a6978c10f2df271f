use super::acknowledgement::{read_reason, write_diagnostics};
use super::error::{DecodeError, Malformed};
use super::property::{Properties, Property, PropertySet, id};
use super::reader::Reader;
use super::writer::write_counted;
use crate::packet::{ConnAck, Diagnostics, Offer};
use crate::reason::ReasonCode;
use crate::version::Version;

const ALLOWED: PropertySet = PropertySet::of(&[
    id::SESSION_EXPIRY,
    id::RECEIVE_MAXIMUM,
    id::MAXIMUM_QOS,
    id::RETAIN_AVAILABLE,
    id::MAXIMUM_PACKET_SIZE,
    id::ASSIGNED_CLIENT_ID,
    id::TOPIC_ALIAS_MAXIMUM,
    id::REASON_STRING,
    id::WILDCARD_SUBSCRIPTIONS,
    id::SUBSCRIPTION_IDS,
    id::SHARED_SUBSCRIPTIONS,
    id::SERVER_KEEP_ALIVE,
    id::RESPONSE_INFORMATION,
    id::SERVER_REFERENCE,
    id::AUTH_METHOD,
    id::AUTH_DATA,
]);

const SESSION_PRESENT: u8 = 1;

/// The codes of version 5.
const CODES: &[ReasonCode] = &[
    ReasonCode::Success,
    ReasonCode::UnspecifiedError,
    ReasonCode::MalformedPacket,
    ReasonCode::ProtocolError,
    ReasonCode::ImplementationSpecificError,
    ReasonCode::UnsupportedProtocolVersion,
    ReasonCode::ClientIdentifierNotValid,
    ReasonCode::BadUserNameOrPassword,
    ReasonCode::NotAuthorized,
    ReasonCode::ServerUnavailable,
    ReasonCode::ServerBusy,
    ReasonCode::Banned,
    ReasonCode::BadAuthenticationMethod,
    ReasonCode::TopicNameInvalid,
    ReasonCode::PacketTooLarge,
    ReasonCode::QuotaExceeded,
    ReasonCode::PayloadFormatInvalid,
    ReasonCode::RetainNotSupported,
    ReasonCode::QoSNotSupported,
    ReasonCode::UseAnotherServer,
    ReasonCode::ServerMoved,
    ReasonCode::ConnectionRateExceeded,
];

pub(super) fn decode<'a>(version: Version, body: &'a [u8]) -> Result<ConnAck<'a>, DecodeError> {
    let mut reader = Reader::new(body);
    let flags = reader.u8()?;
    let reason = read_code(version, &mut reader)?;
    if flags & !may_have(version, reason) != 0 {
        return Err(Malformed::ReservedBits.into());
    }
    let mut connack = ConnAck {
        session_present: flags & SESSION_PRESENT != 0,
        reason,
        offer: Offer::default(),
        diagnostics: Diagnostics::default(),
    };
    if version.is_5() {
        read_properties(&mut reader, &mut connack)?;
    }
    reader.end()?;
    Ok(connack)
}

fn read_code(version: Version, reader: &mut Reader<'_>) -> Result<ReasonCode, DecodeError> {
    if version.is_5() {
        return read_reason(reader, CODES);
    }
    let code = ReasonCode::from_v3_return_code(reader.u8()?);
    Ok(code.ok_or(Malformed::ReturnCode)?)
}

/// The flags that may be set: version 3.1 has none, and a refusal comes without a session.
fn may_have(version: Version, reason: ReasonCode) -> u8 {
    match version {
        Version::V3_1_1 | Version::V5 if reason == ReasonCode::Success => SESSION_PRESENT,
        _ => 0,
    }
}

fn read_properties<'a>(
    reader: &mut Reader<'a>,
    connack: &mut ConnAck<'a>,
) -> Result<(), DecodeError> {
    let mut properties = Properties::read(reader, ALLOWED)?;
    let offer = &mut connack.offer;
    while let Some(property) = properties.next()? {
        match property {
            Property::SessionExpiry(seconds) => offer.session_expiry_s = Some(seconds),
            Property::ReceiveMaximum(maximum) => offer.receive_maximum = Some(maximum),
            Property::MaximumQoS(qos) => offer.maximum_qos = qos,
            Property::RetainAvailable(is_available) => offer.retain_available = is_available,
            Property::MaximumPacketSize(maximum) => offer.maximum_packet_size = Some(maximum),
            Property::AssignedClientId(client_id) => offer.assigned_client_id = Some(client_id),
            Property::TopicAliasMaximum(maximum) => offer.topic_alias_maximum = maximum,
            Property::WildcardSubscriptions(can) => offer.wildcard_subscriptions = can,
            Property::SubscriptionIds(can) => offer.subscription_ids = can,
            Property::SharedSubscriptions(can) => offer.shared_subscriptions = can,
            Property::ServerKeepAlive(seconds) => offer.server_keep_alive_s = Some(seconds),
            Property::ResponseInformation(text) => offer.response_information = Some(text),
            Property::ServerReference(text) => offer.server_reference = Some(text),
            Property::AuthMethod(method) => offer.auth_method = Some(method),
            Property::AuthData(data) => offer.auth_data = Some(data),
            Property::ReasonString(text) => connack.diagnostics.reason_string = Some(text),
            _ => {}
        }
    }
    connack.diagnostics.user_properties = properties.user_properties();
    Ok(())
}

pub(super) fn encode(version: Version, connack: &ConnAck<'_>, out: &mut Vec<u8>) {
    out.push(0x20);
    write_counted(out, |out| {
        let flags = u8::from(connack.session_present) * SESSION_PRESENT;
        out.push(flags & may_have(version, connack.reason));
        match version {
            Version::V5 => {
                out.push(connack.reason.byte());
                write_counted(out, |out| {
                    write_offer(&connack.offer, out);
                    write_diagnostics(&connack.diagnostics, out);
                });
            }
            Version::V3_1 | Version::V3_1_1 => out.push(connack.reason.to_v3_return_code()),
        }
    });
}

fn write_offer(offer: &Offer<'_>, out: &mut Vec<u8>) {
    let unless_default = |given: bool, property| (!given).then_some(property);
    let properties = [
        offer.session_expiry_s.map(Property::SessionExpiry),
        offer.receive_maximum.map(Property::ReceiveMaximum),
        unless_default(
            offer.maximum_qos == Offer::default().maximum_qos,
            Property::MaximumQoS(offer.maximum_qos),
        ),
        unless_default(offer.retain_available, Property::RetainAvailable(false)),
        offer.maximum_packet_size.map(Property::MaximumPacketSize),
        offer.assigned_client_id.map(Property::AssignedClientId),
        unless_default(
            offer.topic_alias_maximum == 0,
            Property::TopicAliasMaximum(offer.topic_alias_maximum),
        ),
        unless_default(
            offer.wildcard_subscriptions,
            Property::WildcardSubscriptions(false),
        ),
        unless_default(offer.subscription_ids, Property::SubscriptionIds(false)),
        unless_default(
            offer.shared_subscriptions,
            Property::SharedSubscriptions(false),
        ),
        offer.server_keep_alive_s.map(Property::ServerKeepAlive),
        offer
            .response_information
            .map(Property::ResponseInformation),
        offer.server_reference.map(Property::ServerReference),
        offer.auth_method.map(Property::AuthMethod),
        offer.auth_data.map(Property::AuthData),
    ];
    for property in properties.into_iter().flatten() {
        property.write(out);
    }
}
