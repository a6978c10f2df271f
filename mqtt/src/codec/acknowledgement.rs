//! PUBACK, PUBREC, PUBREL, PUBCOMP: one shape, each with its reason codes.

use super::error::DecodeError;
use super::property::{Properties, Property, PropertySet, id};
use super::reader::Reader;
use super::writer::write_counted;
use crate::packet::{Acknowledgement, Diagnostics};
use crate::reason::ReasonCode;
use crate::version::Version;

const ALLOWED: PropertySet = PropertySet::of(&[id::REASON_STRING]);

/// The codes of PUBACK and PUBREC.
pub(super) const OF_PUBLISH: &[ReasonCode] = &[
    ReasonCode::Success,
    ReasonCode::NoMatchingSubscribers,
    ReasonCode::UnspecifiedError,
    ReasonCode::ImplementationSpecificError,
    ReasonCode::NotAuthorized,
    ReasonCode::TopicNameInvalid,
    ReasonCode::PacketIdentifierInUse,
    ReasonCode::QuotaExceeded,
    ReasonCode::PayloadFormatInvalid,
];

/// The codes of PUBREL and PUBCOMP.
pub(super) const OF_RELEASE: &[ReasonCode] =
    &[ReasonCode::Success, ReasonCode::PacketIdentifierNotFound];

#[inline]
pub(super) fn decode<'a>(
    version: Version,
    body: &'a [u8],
    codes: &[ReasonCode],
) -> Result<Acknowledgement<'a>, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    if !version.is_5() || reader.is_empty() {
        reader.end()?;
        return Ok(Acknowledgement::new(packet_id, ReasonCode::Success));
    }
    let reason = read_reason(&mut reader, codes)?;
    let diagnostics = match reader.is_empty() {
        true => Diagnostics::default(),
        false => read_diagnostics(&mut reader)?,
    };
    reader.end()?;
    Ok(Acknowledgement {
        packet_id,
        reason,
        diagnostics,
    })
}

pub(super) fn read_reason(
    reader: &mut Reader<'_>,
    codes: &[ReasonCode],
) -> Result<ReasonCode, DecodeError> {
    let code = reader.u8()?;
    let known = codes.iter().find(|known| known.byte() == code);
    known.copied().ok_or(DecodeError::ReasonCode { code })
}

pub(super) fn read_diagnostics<'a>(
    reader: &mut Reader<'a>,
) -> Result<Diagnostics<'a>, DecodeError> {
    let mut properties = Properties::read(reader, ALLOWED)?;
    let mut diagnostics = Diagnostics::default();
    while let Some(property) = properties.next()? {
        if let Property::ReasonString(text) = property {
            diagnostics.reason_string = Some(text);
        }
    }
    diagnostics.user_properties = properties.user_properties();
    Ok(diagnostics)
}

pub(super) fn encode(
    first: u8,
    version: Version,
    acknowledgement: &Acknowledgement<'_>,
    out: &mut Vec<u8>,
) {
    let Acknowledgement {
        packet_id,
        reason,
        diagnostics,
    } = acknowledgement;
    out.push(first);
    write_counted(out, |out| {
        out.extend_from_slice(&packet_id.get().to_be_bytes());
        let says_more = *diagnostics != Diagnostics::default();
        if !version.is_5() || (*reason == ReasonCode::Success && !says_more) {
            return;
        }
        out.push(reason.byte());
        if says_more {
            write_counted(out, |out| write_diagnostics(diagnostics, out));
        }
    });
}

pub(super) fn write_diagnostics(diagnostics: &Diagnostics<'_>, out: &mut Vec<u8>) {
    if let Some(text) = diagnostics.reason_string {
        Property::ReasonString(text).write(out);
    }
    diagnostics.user_properties.write(out);
}
