//! What is spoken inside the frames.

use std::fmt;

/// The name under which both ends agreed on MQTT. It doesn't tell the version of
/// MQTT: CONNECT does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subprotocol {
    /// `mqtt`, the name in the standard (MQTT-6.0.0-3).
    Mqtt,
    /// `mqttv3.1`, which clients used before there was a standard.
    Mqttv31,
}

impl Subprotocol {
    pub const ALL: [Self; 2] = [Self::Mqtt, Self::Mqttv31];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Mqttv31 => "mqttv3.1",
        }
    }
}

impl fmt::Display for Subprotocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
