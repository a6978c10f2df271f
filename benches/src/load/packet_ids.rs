use std::collections::VecDeque;

use quorate_mqtt::packet_id::PacketId;
use thiserror::Error;

/// The packet ids that one publisher may have in flight, and what each waits for.
#[derive(Clone, Debug)]
pub struct PacketIds {
    free: VecDeque<PacketId>,
    /// By packet id, less one.
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Free,
    PubAck,
    PubRec,
    PubComp,
}

/// The broker acknowledged what does not wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an acknowledgement ({step:?}) of packet {packet_id}, which does not wait for it")]
pub struct Unexpected {
    pub packet_id: u16,
    pub step: Step,
}

impl PacketIds {
    pub fn new(most: u16) -> Self {
        Self {
            free: (1..=most).filter_map(PacketId::new).collect(),
            steps: vec![Step::Free; usize::from(most)],
        }
    }

    /// Leaves no more than `most` in use, as the broker asked; before the first is taken.
    pub fn limit(&mut self, most: u16) {
        self.free.truncate(usize::from(most));
    }

    pub fn in_flight(&self) -> usize {
        let used = self.steps.iter().filter(|step| **step != Step::Free);
        used.count()
    }

    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// An id for a message that then waits for `step`.
    pub fn take(&mut self, step: Step) -> Option<PacketId> {
        let id = self.free.pop_front()?;
        self.steps[usize::from(id.get()) - 1] = step;
        Some(id)
    }

    /// Moves a message on: to the next step, or out of flight.
    pub fn advance(&mut self, id: PacketId, from: Step, to: Step) -> Result<(), Unexpected> {
        let step = self.steps.get_mut(usize::from(id.get()) - 1);
        let Some(step) = step.filter(|step| **step == from) else {
            return Err(Unexpected {
                packet_id: id.get(),
                step: from,
            });
        };
        *step = to;
        if to == Step::Free {
            self.free.push_back(id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn no_more_are_in_flight_than_allowed() {
        let mut ids = PacketIds::new(3);
        ids.limit(2);
        let first = ids.take(Step::PubAck).unwrap();
        ids.take(Step::PubAck).unwrap();
        assert_eq!((ids.take(Step::PubAck), ids.in_flight()), (None, 2));
        ids.advance(first, Step::PubAck, Step::Free).unwrap();
        assert_eq!(ids.take(Step::PubAck), Some(first));
    }

    #[test]
    fn an_acknowledgement_must_be_waited_for() {
        let mut ids = PacketIds::new(1);
        let id = ids.take(Step::PubRec).unwrap();
        assert!(ids.advance(id, Step::PubComp, Step::Free).is_err());
        ids.advance(id, Step::PubRec, Step::PubComp).unwrap();
        ids.advance(id, Step::PubComp, Step::Free).unwrap();
        assert!(ids.advance(id, Step::PubComp, Step::Free).is_err());
        let unknown = PacketId::new(2).unwrap();
        assert!(ids.advance(unknown, Step::PubAck, Step::Free).is_err());
    }
}
