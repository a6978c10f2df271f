//! SUBACK and UNSUBACK.

use super::acknowledgement::{read_diagnostics, write_diagnostics};
use super::error::{DecodeError, Malformed};
use super::frame::variable_integer_bytes;
use super::reader::Reader;
use super::writer::write_counted;
use crate::packet::{Diagnostics, ReasonCodes, SubAck, UnsubAck};
use crate::reason::ReasonCode;
use crate::version::Version;

/// The codes of a SUBACK.
const CODES: &[ReasonCode] = &[
    ReasonCode::Success,
    ReasonCode::GrantedQoS1,
    ReasonCode::GrantedQoS2,
    ReasonCode::UnspecifiedError,
    ReasonCode::ImplementationSpecificError,
    ReasonCode::NotAuthorized,
    ReasonCode::TopicFilterInvalid,
    ReasonCode::PacketIdentifierInUse,
    ReasonCode::QuotaExceeded,
    ReasonCode::SharedSubscriptionsNotSupported,
    ReasonCode::SubscriptionIdentifiersNotSupported,
    ReasonCode::WildcardSubscriptionsNotSupported,
];

const CODES_OF_UNSUBACK: &[ReasonCode] = &[
    ReasonCode::Success,
    ReasonCode::NoSubscriptionExisted,
    ReasonCode::UnspecifiedError,
    ReasonCode::ImplementationSpecificError,
    ReasonCode::NotAuthorized,
    ReasonCode::TopicFilterInvalid,
    ReasonCode::PacketIdentifierInUse,
];

/// Version 3 grants a QoS or says that it failed.
const CODES_OF_VERSION_3: &[ReasonCode] = &[
    ReasonCode::Success,
    ReasonCode::GrantedQoS1,
    ReasonCode::GrantedQoS2,
    ReasonCode::UnspecifiedError,
];

pub(super) fn decode<'a>(version: Version, body: &'a [u8]) -> Result<SubAck<'a>, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let diagnostics = diagnostics(version, &mut reader)?;
    let codes = match version.is_5() {
        true => CODES,
        false => CODES_OF_VERSION_3,
    };
    Ok(SubAck {
        packet_id,
        reasons: read_reasons(&mut reader, codes)?,
        diagnostics,
    })
}

pub(super) fn decode_unsuback<'a>(
    version: Version,
    body: &'a [u8],
) -> Result<UnsubAck<'a>, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let diagnostics = diagnostics(version, &mut reader)?;
    let reasons = match version.is_5() {
        true => read_reasons(&mut reader, CODES_OF_UNSUBACK)?,
        false => ReasonCodes::default(),
    };
    reader.end()?;
    Ok(UnsubAck {
        packet_id,
        reasons,
        diagnostics,
    })
}

/// All that is left, at least one code.
fn read_reasons<'a>(
    reader: &mut Reader<'a>,
    codes: &[ReasonCode],
) -> Result<ReasonCodes<'a>, DecodeError> {
    let bytes = reader.take_rest();
    if bytes.is_empty() {
        return Err(Malformed::Short.into());
    }
    let is_foreign = |byte: &&u8| !codes.iter().any(|code| code.byte() == **byte);
    match bytes.iter().find(is_foreign) {
        Some(code) => Err(DecodeError::ReasonCode { code: *code }),
        None => Ok(ReasonCodes { bytes }),
    }
}

fn diagnostics<'a>(
    version: Version,
    reader: &mut Reader<'a>,
) -> Result<Diagnostics<'a>, DecodeError> {
    match version.is_5() {
        true => read_diagnostics(reader),
        false => Ok(Diagnostics::default()),
    }
}

/// What a SUBACK or UNSUBACK of version 5 with so many codes takes; no older one is larger.
pub(crate) const fn least_suback_bytes(codes: usize) -> usize {
    // The packet id, and the length of no properties.
    let remaining = 2 + 1 + codes;
    1 + variable_integer_bytes(remaining) + remaining
}

pub(super) fn encode(version: Version, suback: &SubAck<'_>, out: &mut Vec<u8>) {
    out.push(0x90);
    write_counted(out, |out| {
        out.extend_from_slice(&suback.packet_id.get().to_be_bytes());
        if version.is_5() {
            write_counted(out, |out| write_diagnostics(&suback.diagnostics, out));
        }
        // Version 3 knows one code for every failure.
        out.extend(suback.reasons.iter().map(|code| match code.is_error() {
            true if !version.is_5() => ReasonCode::UnspecifiedError.byte(),
            _ => code.byte(),
        }));
    });
}

pub(super) fn encode_unsuback(version: Version, unsuback: &UnsubAck<'_>, out: &mut Vec<u8>) {
    out.push(0xb0);
    write_counted(out, |out| {
        out.extend_from_slice(&unsuback.packet_id.get().to_be_bytes());
        if version.is_5() {
            write_counted(out, |out| write_diagnostics(&unsuback.diagnostics, out));
            out.extend_from_slice(unsuback.reasons.bytes);
        }
    });
}
