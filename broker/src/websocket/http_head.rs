//! The head of an HTTP/1.1 message: a start line, fields, an empty line.
//!
//! Stricter than HTTP servers have to be. What two readers could take differently
//! (a lone line feed, a folded field, a space before a colon) is refused.

use thiserror::Error;

/// A request that upgrades takes a tenth of this; cookies may take the rest.
pub(super) const MAX_HEAD_BYTES: usize = 8 * 1024;

/// A head of which all lines are known to be well formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) start_line: &'a [u8],
    /// The fields, each with its line's end.
    fields: &'a [u8],
    /// With the empty line.
    pub(super) bytes: usize,
}

/// Why bytes are no head of an HTTP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeadError {
    #[error("the head of the HTTP message has more than {MAX_HEAD_BYTES} bytes")]
    TooLong,
    #[error("byte {at} is {byte:#04x}, which no head of an HTTP message may contain")]
    ControlCharacter { at: usize, byte: u8 },
    #[error("a carriage return and a line feed end a line, but at byte {at} one stands alone")]
    BrokenLineEnd { at: usize },
    #[error("a header field goes on in a second line, which HTTP no longer allows")]
    FoldedField,
    #[error("a header field is not `name: value`")]
    Field,
    #[error("the header field {0} is missing")]
    Missing(&'static str),
    #[error("the header field {0} must not come more than once")]
    Duplicate(&'static str),
}

impl<'a> Head<'a> {
    /// The head at the beginning of what was received, `None` until all of it is
    /// there. Bytes that can't be part of one are refused at once, so that nobody
    /// waits for the end of something else, like TLS or plain MQTT.
    pub(super) fn parse(input: &'a [u8]) -> Result<Option<Self>, HeadError> {
        let Some(bytes) = find_end(input)? else {
            return Ok(None);
        };
        let lines = &input[..bytes - b"\r\n".len()];
        let (start_line, fields) = split_line(lines).unwrap_or((lines, b""));
        for line in lines_of(fields) {
            split_field(line)?;
        }
        Ok(Some(Self {
            start_line,
            fields,
            bytes,
        }))
    }

    /// The values of all fields of this name.
    pub(super) fn values(self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        lines_of(self.fields)
            .filter_map(|line| split_field(line).ok())
            .filter(move |(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The value of a field that may come once.
    pub(super) fn optional(self, name: &'static str) -> Result<Option<&'a [u8]>, HeadError> {
        let mut values = self.values(name);
        let value = values.next();
        match values.next() {
            Some(_) => Err(HeadError::Duplicate(name)),
            None => Ok(value),
        }
    }

    /// The value of a field that must come once.
    pub(super) fn required(self, name: &'static str) -> Result<&'a [u8], HeadError> {
        self.optional(name)?.ok_or(HeadError::Missing(name))
    }

    /// The elements of a field that is a list: in one line or in several.
    pub(super) fn elements(self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        self.values(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(trim)
    }

    /// Whether a list has an element, in whatever case.
    pub(super) fn lists(self, name: &'static str, element: &str) -> bool {
        self.elements(name)
            .any(|found| found.eq_ignore_ascii_case(element.as_bytes()))
    }
}

/// Where the empty line ends.
fn find_end(input: &[u8]) -> Result<Option<usize>, HeadError> {
    let head = &input[..input.len().min(MAX_HEAD_BYTES)];
    let mut line_begins = 0;
    let mut after_return = false;
    for (at, byte) in head.iter().copied().enumerate() {
        match (byte, after_return) {
            (b'\n', true) if line_begins + 1 == at => return Ok(Some(at + 1)),
            (b'\n', true) => line_begins = at + 1,
            (b'\n', false) => return Err(HeadError::BrokenLineEnd { at }),
            (_, true) => return Err(HeadError::BrokenLineEnd { at: at - 1 }),
            (b'\r' | b'\t' | b' '..=b'~' | 0x80.., false) => {}
            (_, false) => return Err(HeadError::ControlCharacter { at, byte }),
        }
        after_return = byte == b'\r';
    }
    if head.len() == MAX_HEAD_BYTES {
        return Err(HeadError::TooLong);
    }
    Ok(None)
}

fn lines_of(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (line, behind) = split_line(rest)?;
        rest = behind;
        Some(line)
    })
}

/// A line without its end, and what follows.
fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&text[..end], &text[end + 2..]))
}

fn split_field(line: &[u8]) -> Result<(&[u8], &[u8]), HeadError> {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return Err(HeadError::FoldedField);
    }
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, value) = line.split_at(colon.ok_or(HeadError::Field)?);
    if !is_token(name) {
        return Err(HeadError::Field);
    }
    Ok((name, trim(&value[1..])))
}

/// A word in HTTP's sense.
pub(super) fn is_token(text: &[u8]) -> bool {
    let in_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(in_token)
}

fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

#[cfg(test)]
#[path = "http_head_tests.rs"]
mod tests;
