use std::collections::VecDeque;

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Acknowledgement, Packet};
use quorate_mqtt::version::Version;

use super::super::packet_ids::{PacketIds, Step};
use super::super::script::CloseCause;
use super::super::stamp::Stamp;
use super::super::template::PublishTemplate;
use super::answer;
use super::flow::Flow;

/// A client that publishes its messages over and over, in turn.
#[derive(Clone, Debug)]
pub struct Publisher {
    pub client_id: String,
    pub flow: usize,
    number: u32,
    qos: QoS,
    messages: Vec<Message>,
    packet_ids: PacketIds,
    published: u32,
    /// The intended times of what is due and not sent; no longer than the run's rate
    /// times its duration.
    pub(super) waiting: VecDeque<u64>,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub template: PublishTemplate,
    /// How many subscribers get it, for a flow that needs to be told.
    pub deliveries: u32,
}

impl Publisher {
    /// # Panics
    /// If there is no message, or if they differ in their QoS.
    pub fn new(
        client_id: String,
        number: u32,
        flow: usize,
        messages: Vec<Message>,
        inflight: u16,
    ) -> Self {
        let qos = messages[0].template.qos();
        assert!(messages.iter().all(|one| one.template.qos() == qos));
        Self {
            client_id,
            flow,
            number,
            qos,
            messages,
            packet_ids: PacketIds::new(inflight),
            published: 0,
            waiting: VecDeque::new(),
        }
    }

    pub fn published(&self) -> u32 {
        self.published
    }

    pub fn is_idle(&self) -> bool {
        self.packet_ids.in_flight() == 0 && self.waiting.is_empty()
    }

    pub(super) fn can_send(&self) -> bool {
        self.qos == QoS::AtMostOnce || self.packet_ids.free() > 0
    }

    /// How many messages to send now: a whole burst with QoS 0, else what may still be
    /// in flight.
    pub(super) fn may_send(&self, burst: u32, flow: &Flow) -> u64 {
        let room = flow.room();
        if self.qos != QoS::AtMostOnce {
            return room.min(self.packet_ids.free() as u64);
        }
        let burst = u64::from(burst).min(flow.window());
        if room < burst { 0 } else { burst }
    }

    /// Appends the next message.
    ///
    /// # Panics
    /// If it cannot send, in debug builds.
    #[inline]
    pub(super) fn send(&mut self, sent_ns: u64, flow: &mut Flow, out: &mut Vec<u8>) {
        let message = &self.messages[self.published as usize % self.messages.len()];
        let packet_id = match self.qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce => self.packet_ids.take(Step::PubAck),
            QoS::ExactlyOnce => self.packet_ids.take(Step::PubRec),
        };
        let stamp = Stamp {
            publisher: self.number,
            sequence: self.published,
            sent_ns,
        };
        message.template.write(packet_id, stamp, out);
        flow.on_publish(message.deliveries);
        self.published += 1;
    }

    pub(super) fn on_packet(
        &mut self,
        version: Version,
        packet: &Packet<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), CloseCause> {
        match packet {
            Packet::ConnAck(connack) => {
                if let Some(maximum) = connack.offer.receive_maximum {
                    self.packet_ids.limit(maximum.get());
                }
            }
            Packet::PubAck(ack) => self.advance(ack, Step::PubAck, Step::Free)?,
            Packet::PubRec(ack) => {
                self.advance(ack, Step::PubRec, Step::PubComp)?;
                answer(version, Packet::PubRel, ack.packet_id, out);
            }
            Packet::PubComp(ack) => self.advance(ack, Step::PubComp, Step::Free)?,
            other => return Err(CloseCause::Packet(other.name())),
        }
        Ok(())
    }

    fn advance(
        &mut self,
        acknowledgement: &Acknowledgement<'_>,
        from: Step,
        to: Step,
    ) -> Result<(), CloseCause> {
        if acknowledgement.reason.is_error() {
            return Err(CloseCause::MessageRefused(acknowledgement.reason));
        }
        Ok(self
            .packet_ids
            .advance(acknowledgement.packet_id, from, to)?)
    }
}
