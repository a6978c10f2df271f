use super::super::seen_once::SeenOnce;
use super::super::sequence::Arrival;
use super::super::stamp::Stamp;

/// Publishers and those who subscribe to them: what was sent, what has come, and how
/// much more may be sent before more has come.
#[derive(Clone, Debug)]
pub struct Flow {
    delivery: Delivery,
    window: u64,
    /// Of each subscriber, or, unless each gets all, of all together.
    expected: u64,
    /// By each subscriber: what came and, with QoS 2, was released by the broker. Until
    /// then the broker may not have read that it came, and would be pushed without end.
    settled: Vec<u64>,
    settled_total: u64,
    arrived_total: u64,
    room: u64,
}

/// Who gets a message.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// Each subscriber of the flow.
    Each,
    /// One of them; seen are those of each publisher, the first of which has this number.
    One {
        first_publisher: u32,
        seen: Vec<SeenOnce>,
    },
    /// As many as the message says.
    Some,
}

impl Flow {
    pub fn new(delivery: Delivery, subscribers: usize, window: u64) -> Self {
        Self {
            delivery,
            window: window.max(1),
            expected: 0,
            settled: vec![0; subscribers],
            settled_total: 0,
            arrived_total: 0,
            room: 0,
        }
    }

    pub fn on_publish(&mut self, deliveries: u32) {
        let more = match self.delivery {
            Delivery::Each | Delivery::One { .. } => 1,
            Delivery::Some => u64::from(deliveries),
        };
        self.expected += more;
        self.room = self.room.saturating_sub(more);
    }

    /// What an arrival means, in the light of what the others got.
    #[inline]
    pub fn on_arrival(&mut self, stamp: Stamp, arrival: Arrival) -> Arrival {
        if let Delivery::One {
            first_publisher,
            seen,
        } = &mut self.delivery
        {
            let publisher = (stamp.publisher - *first_publisher) as usize;
            if !seen[publisher].insert(stamp.sequence) {
                return Arrival::Duplicate;
            }
        }
        self.arrived_total += u64::from(arrival != Arrival::Duplicate);
        arrival
    }

    /// One of the subscribers is done with a message.
    #[inline]
    pub fn on_settled(&mut self, place: usize) {
        self.settled[place] += 1;
        self.settled_total += 1;
    }

    /// Messages that may still be sent; counted down by each that is.
    pub const fn room(&self) -> u64 {
        self.room
    }

    /// The largest number that can ever be sent at once.
    pub const fn window(&self) -> u64 {
        self.window
    }

    /// Counts again how much has come.
    pub fn update_room(&mut self) {
        let settled = match self.delivery {
            Delivery::Each => self.settled.iter().min().copied().unwrap_or(self.expected),
            Delivery::One { .. } | Delivery::Some => self.settled_total,
        };
        let behind = self.expected.saturating_sub(settled);
        self.room = self.window.saturating_sub(behind);
    }

    pub fn is_complete(&self) -> bool {
        self.settled_total >= self.expected_total()
    }

    /// What the flow alone can tell is lost: with `Each`, the subscribers know it.
    pub fn lost(&self) -> u64 {
        match self.delivery {
            Delivery::Each => 0,
            Delivery::One { .. } | Delivery::Some => {
                self.expected.saturating_sub(self.arrived_total)
            }
        }
    }

    fn expected_total(&self) -> u64 {
        match self.delivery {
            Delivery::Each => self.expected * self.settled.len() as u64,
            Delivery::One { .. } | Delivery::Some => self.expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        publisher: 3,
        sequence: 0,
        sent_ns: 0,
    };

    fn arrive(flow: &mut Flow, place: usize, sequence: u32) -> Arrival {
        let stamp = Stamp { sequence, ..STAMP };
        let arrival = flow.on_arrival(stamp, Arrival::InOrder);
        if arrival != Arrival::Duplicate {
            flow.on_settled(place);
        }
        arrival
    }

    #[test]
    fn the_slowest_holds_the_publishers_back() {
        let mut flow = Flow::new(Delivery::Each, 2, 3);
        flow.update_room();
        assert_eq!(flow.room(), 3);
        (0..3).for_each(|_| flow.on_publish(1));
        (0..3).for_each(|sequence| assert_eq!(arrive(&mut flow, 0, sequence), Arrival::InOrder));
        flow.update_room();
        assert_eq!((flow.room(), flow.is_complete()), (0, false));
        arrive(&mut flow, 1, 0);
        flow.update_room();
        assert_eq!(flow.room(), 1);
        arrive(&mut flow, 1, 1);
        arrive(&mut flow, 1, 2);
        assert!(flow.is_complete());
    }

    #[test]
    fn a_group_gets_each_message_once() {
        let delivery = Delivery::One {
            first_publisher: 3,
            seen: vec![SeenOnce::default()],
        };
        let mut flow = Flow::new(delivery, 2, 3);
        (0..2).for_each(|_| flow.on_publish(1));
        assert_eq!(arrive(&mut flow, 0, 0), Arrival::InOrder);
        assert_eq!(arrive(&mut flow, 1, 0), Arrival::Duplicate);
        assert_eq!((flow.lost(), flow.is_complete()), (1, false));
        assert_eq!(arrive(&mut flow, 1, 1), Arrival::InOrder);
        assert_eq!((flow.lost(), flow.is_complete()), (0, true));
    }

    #[test]
    fn what_is_not_settled_takes_room() {
        let mut flow = Flow::new(Delivery::Each, 1, 2);
        flow.on_publish(1);
        flow.on_arrival(STAMP, Arrival::InOrder);
        flow.update_room();
        assert_eq!((flow.room(), flow.is_complete()), (1, false));
        flow.on_settled(0);
        flow.update_room();
        assert_eq!((flow.room(), flow.is_complete()), (2, true));
    }

    #[test]
    fn a_message_says_how_many_get_it() {
        let mut flow = Flow::new(Delivery::Some, 5, 10);
        flow.on_publish(0);
        flow.on_publish(4);
        arrive(&mut flow, 2, 0);
        flow.update_room();
        assert_eq!((flow.room(), flow.lost()), (7, 3));
    }
}
