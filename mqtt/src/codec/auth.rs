use super::acknowledgement::{read_reason, write_diagnostics};
use super::error::DecodeError;
use super::property::{Properties, Property, PropertySet, id};
use super::reader::Reader;
use super::writer::write_counted;
use crate::packet::{Auth, Diagnostics};
use crate::reason::ReasonCode;
use crate::version::Version;

const ALLOWED: PropertySet = PropertySet::of(&[id::AUTH_METHOD, id::AUTH_DATA, id::REASON_STRING]);

const CODES: &[ReasonCode] = &[
    ReasonCode::Success,
    ReasonCode::ContinueAuthentication,
    ReasonCode::ReAuthenticate,
];

pub(super) fn decode<'a>(version: Version, body: &'a [u8]) -> Result<Auth<'a>, DecodeError> {
    if !version.is_5() {
        let level = version.level();
        return Err(DecodeError::AuthInVersion3 { level });
    }
    let mut reader = Reader::new(body);
    let mut auth = Auth {
        reason: ReasonCode::Success,
        method: None,
        data: None,
        diagnostics: Diagnostics::default(),
    };
    if reader.is_empty() {
        return Ok(auth);
    }
    auth.reason = read_reason(&mut reader, CODES)?;
    let mut properties = Properties::read(&mut reader, ALLOWED)?;
    while let Some(property) = properties.next()? {
        match property {
            Property::AuthMethod(method) => auth.method = Some(method),
            Property::AuthData(data) => auth.data = Some(data),
            Property::ReasonString(text) => auth.diagnostics.reason_string = Some(text),
            _ => {}
        }
    }
    auth.diagnostics.user_properties = properties.user_properties();
    reader.end()?;
    match auth.method {
        Some(_) => Ok(auth),
        None => Err(DecodeError::NoAuthMethod),
    }
}

pub(super) fn encode(auth: &Auth<'_>, out: &mut Vec<u8>) {
    out.push(0xf0);
    let says_more =
        auth.method.is_some() || auth.data.is_some() || auth.diagnostics != Diagnostics::default();
    let is_plain = auth.reason == ReasonCode::Success && !says_more;
    write_counted(out, |out| {
        if is_plain {
            return;
        }
        out.push(auth.reason.byte());
        write_counted(out, |out| {
            if let Some(method) = auth.method {
                Property::AuthMethod(method).write(out);
            }
            if let Some(data) = auth.data {
                Property::AuthData(data).write(out);
            }
            write_diagnostics(&auth.diagnostics, out);
        });
    });
}
