use super::acknowledgement::{read_reason, write_diagnostics};
use super::error::DecodeError;
use super::property::{Properties, Property, PropertySet, id};
use super::reader::Reader;
use super::writer::write_counted;
use crate::packet::{Diagnostics, Disconnect};
use crate::reason::ReasonCode;
use crate::version::Version;

const ALLOWED: PropertySet =
    PropertySet::of(&[id::SESSION_EXPIRY, id::REASON_STRING, id::SERVER_REFERENCE]);

/// Of both sides; who may send which is for the receiver to know.
const CODES: &[ReasonCode] = &[
    ReasonCode::Success,
    ReasonCode::DisconnectWithWill,
    ReasonCode::UnspecifiedError,
    ReasonCode::MalformedPacket,
    ReasonCode::ProtocolError,
    ReasonCode::ImplementationSpecificError,
    ReasonCode::NotAuthorized,
    ReasonCode::ServerBusy,
    ReasonCode::ServerShuttingDown,
    ReasonCode::BadAuthenticationMethod,
    ReasonCode::KeepAliveTimeout,
    ReasonCode::SessionTakenOver,
    ReasonCode::TopicFilterInvalid,
    ReasonCode::TopicNameInvalid,
    ReasonCode::ReceiveMaximumExceeded,
    ReasonCode::TopicAliasInvalid,
    ReasonCode::PacketTooLarge,
    ReasonCode::MessageRateTooHigh,
    ReasonCode::QuotaExceeded,
    ReasonCode::AdministrativeAction,
    ReasonCode::PayloadFormatInvalid,
    ReasonCode::RetainNotSupported,
    ReasonCode::QoSNotSupported,
    ReasonCode::UseAnotherServer,
    ReasonCode::ServerMoved,
    ReasonCode::SharedSubscriptionsNotSupported,
    ReasonCode::ConnectionRateExceeded,
    ReasonCode::MaximumConnectTime,
    ReasonCode::SubscriptionIdentifiersNotSupported,
    ReasonCode::WildcardSubscriptionsNotSupported,
];

pub(super) fn decode<'a>(version: Version, body: &'a [u8]) -> Result<Disconnect<'a>, DecodeError> {
    let mut reader = Reader::new(body);
    let mut disconnect = Disconnect::new(ReasonCode::Success);
    if !version.is_5() || reader.is_empty() {
        reader.end()?;
        return Ok(disconnect);
    }
    disconnect.reason = read_reason(&mut reader, CODES)?;
    if reader.is_empty() {
        return Ok(disconnect);
    }
    let mut properties = Properties::read(&mut reader, ALLOWED)?;
    while let Some(property) = properties.next()? {
        match property {
            Property::SessionExpiry(seconds) => disconnect.session_expiry_s = Some(seconds),
            Property::ReasonString(text) => disconnect.diagnostics.reason_string = Some(text),
            Property::ServerReference(text) => disconnect.server_reference = Some(text),
            _ => {}
        }
    }
    disconnect.diagnostics.user_properties = properties.user_properties();
    reader.end()?;
    Ok(disconnect)
}

pub(super) fn encode(version: Version, disconnect: &Disconnect<'_>, out: &mut Vec<u8>) {
    out.push(0xe0);
    let says_more = disconnect.session_expiry_s.is_some()
        || disconnect.server_reference.is_some()
        || disconnect.diagnostics != Diagnostics::default();
    let is_plain = disconnect.reason == ReasonCode::Success && !says_more;
    write_counted(out, |out| {
        if !version.is_5() || is_plain {
            return;
        }
        out.push(disconnect.reason.byte());
        if !says_more {
            return;
        }
        write_counted(out, |out| {
            if let Some(seconds) = disconnect.session_expiry_s {
                Property::SessionExpiry(seconds).write(out);
            }
            if let Some(text) = disconnect.server_reference {
                Property::ServerReference(text).write(out);
            }
            write_diagnostics(&disconnect.diagnostics, out);
        });
    });
}
