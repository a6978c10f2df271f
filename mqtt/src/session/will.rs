//! What is published for a client that went without a goodbye.

use crate::codec::write_properties;
use crate::message::{Message, SessionNumber, Traits};
use crate::moment::Moment;
use crate::packet::LastWill;

#[derive(Debug)]
pub struct Will {
    /// Expires never: that begins to count when it is published.
    message: Message,
    expiry_s: Option<u32>,
    pub(super) delay_s: u32,
}

impl Will {
    pub fn new(will: &LastWill<'_>) -> Self {
        let mut properties = Vec::new();
        write_properties(&will.properties, &mut properties);
        let traits = Traits {
            qos: will.qos,
            retain: will.retain,
            expires: Moment::NEVER,
            publisher: None,
        };
        Self {
            message: Message::new(traits, will.topic, &properties, will.payload),
            expiry_s: will.properties.expiry_s,
            delay_s: will.delay_s,
        }
    }

    pub fn topic(&self) -> &str {
        self.message.topic()
    }

    /// The message as it is published at that moment.
    pub(super) fn publish(&self, now: Moment, publisher: SessionNumber) -> Message {
        let expires = self.expiry_s.map(|seconds| now.plus_seconds(seconds));
        let traits = Traits {
            expires: expires.unwrap_or(Moment::NEVER),
            publisher: Some(publisher),
            ..*self.message.traits()
        };
        let message = &self.message;
        Message::new(
            traits,
            message.topic(),
            message.properties(),
            message.payload(),
        )
    }
}
