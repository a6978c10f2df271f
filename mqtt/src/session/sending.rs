//! Writing one message to a client.

use quorate_model::retained::QoS;

use super::aliases::AliasesToClient;
use super::delivery::{Delivery, DropReason};
use super::outbox::Outbox;
use super::terms::Terms;
use crate::codec::PublishHead;
use crate::moment::Moment;
use crate::packet_id::PacketId;

/// What is the same for all that is sent at one moment over one connection.
pub(super) struct Sending<'a, O> {
    pub(super) now: Moment,
    pub(super) terms: &'a Terms,
    pub(super) outbox: &'a mut O,
}

impl<O: Outbox> Sending<'_, O> {
    /// Whether the message leaves nothing behind that has to be remembered.
    pub(super) fn sends_plainly(&self, delivery: &Delivery<'_>) -> bool {
        delivery.qos == QoS::AtMostOnce
            && self.terms.aliases_to_client == 0
            && self.outbox.has_room()
    }

    /// Writes one PUBLISH, as a whole or not at all. A message that has been sent
    /// before does not expire any more.
    #[inline]
    pub(super) fn transmit(
        &mut self,
        delivery: &Delivery<'_>,
        packet_id: Option<PacketId>,
        duplicate: bool,
        aliases: &mut AliasesToClient,
    ) -> Result<(), DropReason> {
        let terms = self.terms;
        let message = delivery.message;
        let expires = message.traits.expires;
        if expires <= self.now && !duplicate {
            return Err(DropReason::Expired);
        }
        let mut head = PublishHead {
            version: terms.version,
            duplicate,
            qos: delivery.qos,
            retain: delivery.retain,
            topic: message.topic,
            packet_id,
            topic_alias: None,
            expiry_s: remaining_s(expires, self.now),
            subscription_ids: delivery.subscription_ids,
            properties: message.properties,
            payload_bytes: message.payload.len(),
        };
        if !terms.fits(&head) {
            return Err(DropReason::TooLarge);
        }
        if terms.aliases_to_client > 0 {
            set_alias(&mut head, terms, aliases);
        }
        self.outbox.send_message(&head, message);
        Ok(())
    }
}

impl Terms {
    fn fits(&self, head: &PublishHead<'_>) -> bool {
        head.packet_bytes() <= self.max_packet_bytes as usize
    }
}

/// The packet that tells a new alias is larger by three bytes; without the room for
/// them it goes without.
fn set_alias(head: &mut PublishHead<'_>, terms: &Terms, aliases: &mut AliasesToClient) {
    let plain = *head;
    let Some((alias, is_known)) = aliases.of(head.topic, terms.aliases_to_client) else {
        return;
    };
    head.topic_alias = Some(alias);
    if is_known {
        head.topic = "";
    }
    if !terms.fits(head) {
        if !is_known {
            aliases.forget(plain.topic);
        }
        *head = plain;
    }
}

/// Whole seconds, of which the one that has begun counts.
fn remaining_s(expires: Moment, now: Moment) -> Option<u32> {
    if expires == Moment::NEVER {
        return None;
    }
    let seconds = now.millis_until(expires).div_ceil(1000).max(1);
    Some(u32::try_from(seconds).unwrap_or(u32::MAX))
}
