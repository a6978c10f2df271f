use quorate_model::retained::QoS;
use quorate_mqtt::packet::Packet;
use quorate_mqtt::reason::ReasonCode;

use super::super::options::Target;
use super::super::script::CloseCause;
use super::super::subscribing::Subscribing;
use super::super::traffic::answer;

/// Subscribers that a broker has to cope with: the first read hardly anything, the
/// others vanish in turn. They check nothing.
#[derive(Debug)]
pub(super) struct Rough {
    target: Target,
    clients: Vec<Client>,
    slow: usize,
    next: usize,
    pub(super) vanished: u64,
    /// How often the broker had enough of one.
    pub(super) closed: u64,
}

#[derive(Clone, Debug)]
struct Client {
    client_id: String,
    subscribing: Subscribing,
    is_closed: bool,
}

impl Rough {
    pub(super) fn new(target: &Target, filter: &str, slow: usize, vanishing: usize) -> Self {
        let process = std::process::id();
        let clients = (0..slow + vanishing).map(|number| Client {
            client_id: format!("quorate-bench-{process}-rough-{number}"),
            subscribing: Subscribing::new(vec![filter.to_owned()], QoS::AtLeastOnce, 1),
            is_closed: false,
        });
        Self {
            target: target.clone(),
            clients: clients.collect(),
            slow,
            next: 0,
            vanished: 0,
            closed: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }

    pub(super) const fn is_slow(&self, number: usize) -> bool {
        number < self.slow
    }

    /// Whether the broker has closed this one since it was last asked.
    pub(super) fn take_closed(&mut self, number: usize) -> bool {
        std::mem::take(&mut self.clients[number].is_closed)
    }

    pub(super) fn next_to_vanish(&mut self) -> Option<usize> {
        let vanishing = self.clients.len() - self.slow;
        let place = self.next.checked_rem(vanishing)?;
        self.next += 1;
        self.vanished += 1;
        Some(self.slow + place)
    }

    pub(super) fn on_open(&mut self, number: usize, out: &mut Vec<u8>) {
        let client = &mut self.clients[number];
        client.subscribing.restart();
        self.target.write_connect(&client.client_id, out);
    }

    pub(super) fn on_packet(
        &mut self,
        number: usize,
        packet: &Packet<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), CloseCause> {
        let version = self.target.version();
        match packet {
            Packet::ConnAck(connack) if connack.reason == ReasonCode::Success => {
                self.clients[number].subscribing.write_next(version, out);
            }
            Packet::Publish(publish) => match (publish.qos, publish.packet_id) {
                (QoS::AtLeastOnce, Some(id)) => answer(version, Packet::PubAck, id, out),
                (QoS::ExactlyOnce, Some(id)) => answer(version, Packet::PubRec, id, out),
                _ => {}
            },
            Packet::PubRel(release) => answer(version, Packet::PubComp, release.packet_id, out),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn on_close(&mut self, number: usize) {
        self.clients[number].is_closed = true;
        self.closed += u64::from(self.is_slow(number));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::super::options::Target;
    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        target: Target,
    }

    #[test]
    fn only_the_others_vanish_and_in_turn() {
        let target = Line::parse_from(["test"]).target;
        let mut rough = Rough::new(&target, "a/#", 2, 3);
        let order: Vec<_> = (0..4).map(|_| rough.next_to_vanish()).collect();
        assert_eq!(order, [Some(2), Some(3), Some(4), Some(2)]);
        assert_eq!(Rough::new(&target, "a/#", 2, 0).next_to_vanish(), None);
    }
}
