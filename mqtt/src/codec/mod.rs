//! Bytes to packets and back, exactly as the standard has it.
//!
//! ```text
//! bytes -- frame::split --> Frame -- decode --> Packet, borrowed from the bytes
//! Packet -- encode --> bytes, appended to a buffer
//! ```
//!
//! What must not be is refused with the reason code that a DISCONNECT or CONNACK
//! carries. A decoded packet needs no further check of its form; the strings in it
//! are valid MQTT strings, topics are topic names, and filters are still any string.

mod acknowledgement;
mod auth;
mod connack;
mod connect;
mod decode;
mod disconnect;
mod encode;
mod error;
pub mod frame;
mod property;
mod publish;
mod reader;
mod suback;
mod subscribe;
mod texts;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

pub use connect::decode_connect;
pub use decode::decode;
pub use encode::{TooLarge, encode, encode_within};
pub use error::{DecodeError, Malformed};
pub use property::{SubscriptionIds, UserProperties};
pub use publish::{PublishHead, write_properties};
use quorate_model::retained::QoS;
pub(crate) use suback::least_suback_bytes;
pub use texts::TextsIn;
pub(crate) use writer::write_text;

pub(crate) const fn qos_from_bits(bits: u8) -> Option<QoS> {
    match bits {
        0 => Some(QoS::AtMostOnce),
        1 => Some(QoS::AtLeastOnce),
        2 => Some(QoS::ExactlyOnce),
        _ => None,
    }
}
