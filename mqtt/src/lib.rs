//! One client's side of MQTT 3.1, 3.1.1 and 5.0, as pure data and pure functions.
//!
//! Nothing here knows of sockets, reads a clock or draws a random number: bytes, time
//! and decisions come in as arguments. The versions differ in [`codec`] alone.

pub mod codec;
pub mod limits;
pub mod message;
pub mod moment;
pub mod packet;
pub mod packet_id;
pub mod reason;
pub mod session;
pub mod version;
