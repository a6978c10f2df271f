//! SUBACK and UNSUBACK.

use super::acknowledgement::{read_diagnostics, write_diagnostics};
use super::error::{DecodeError, Malformed};
use super::reader::Reader;
use super::writer::write_counted;
use crate::packet::{Diagnostics, ReasonCodes, SubAck, UnsubAck};
use crate::reason::ReasonCode;
use crate::version::Version;

pub(super) fn decode<'a>(version: Version, body: &'a [u8]) -> Result<SubAck<'a>, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let diagnostics = diagnostics(version, &mut reader)?;
    let bytes = reader.take_rest();
    let is_v3_code = |byte: &u8| matches!(byte, 0..=2 | 0x80);
    if bytes.is_empty() || (!version.is_5() && !bytes.iter().all(is_v3_code)) {
        return Err(Malformed::ReturnCode.into());
    }
    let reasons = ReasonCodes::new(bytes).ok_or(Malformed::ReturnCode)?;
    Ok(SubAck {
        packet_id,
        reasons,
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
    let bytes = reader.take_rest();
    if bytes.is_empty() == version.is_5() {
        return Err(Malformed::ReturnCode.into());
    }
    let reasons = ReasonCodes::new(bytes).ok_or(Malformed::ReturnCode)?;
    Ok(UnsubAck {
        packet_id,
        reasons,
        diagnostics,
    })
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
