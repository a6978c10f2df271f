//! Puts a packet's fields behind each other. Lengths that stand before what they
//! count are set afterwards: one byte is kept free, and moved aside if more are needed.

use super::frame::{MAX_VARIABLE_INTEGER, variable_integer_bytes};

/// # Panics
/// If the text is longer than an MQTT string; what was decoded or checked is not.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    write_binary(out, text.as_bytes());
}

/// # Panics
/// If the data are longer than MQTT's binary data can be.
pub(super) fn write_binary(out: &mut Vec<u8>, data: &[u8]) {
    let length = u16::try_from(data.len());
    let length = length.unwrap_or_else(|_| panic!("{} bytes in an MQTT field", data.len()));
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(data);
}

pub(super) fn write_variable_integer(out: &mut Vec<u8>, mut value: usize) {
    assert!(value <= MAX_VARIABLE_INTEGER, "a length of {value}");
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// Writes what `write` does with its length before it.
pub(super) fn write_counted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.push(0);
    write(out);
    set_length(out, at);
}

/// Sets the length of all that follows the byte at `at`, which was kept free.
fn set_length(out: &mut Vec<u8>, at: usize) {
    let start = at + 1;
    let length = out.len() - start;
    assert!(length <= MAX_VARIABLE_INTEGER, "a length of {length}");
    let extra = variable_integer_bytes(length) - 1;
    if extra == 0 {
        out[at] = length as u8;
        return;
    }
    let end = out.len();
    out.resize(end + extra, 0);
    out.copy_within(start..end, start + extra);
    let mut left = length;
    for (place, byte) in out[at..=at + extra].iter_mut().enumerate() {
        *byte = (left & 0x7f) as u8 | u8::from(place < extra) << 7;
        left >>= 7;
    }
}
