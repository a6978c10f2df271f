//! How fast a connection may send. What is above stays in its socket, so that the
//! client feels it and nothing is lost.

use std::num::{NonZeroU32, NonZeroU64};

use quorate_mqtt::codec::frame::{Split, split};
use quorate_mqtt::moment::Moment;

use crate::token_bucket::TokenBucket;

const PUBLISH: u8 = 3;
/// Waits are for a sixteenth of what may come in a second: about as long as a tick of
/// the deadlines.
const PORTIONS: u64 = 16;

#[derive(Debug)]
pub(crate) struct Pace {
    bytes: Option<TokenBucket>,
    messages: Option<TokenBucket>,
    bytes_portion: u64,
    /// Packets that were read have to wait.
    holds_packets: bool,
    /// A deadline will come that ends the wait.
    waits: bool,
}

impl Pace {
    /// None where nothing is limited.
    pub(crate) fn new(
        bytes: Option<NonZeroU64>,
        messages: Option<NonZeroU32>,
        now: Moment,
    ) -> Option<Self> {
        if bytes.is_none() && messages.is_none() {
            return None;
        }
        Some(Self {
            bytes: bytes.map(|rate| TokenBucket::full(rate, now)),
            messages: messages.map(|rate| TokenBucket::full(rate, now)),
            bytes_portion: bytes.map_or(0, |rate| rate.get().div_ceil(PORTIONS)),
            holds_packets: false,
            waits: false,
        })
    }

    /// How many bytes may be read.
    pub(super) fn readable(&mut self, now: Moment) -> usize {
        if self.waits || self.holds_packets {
            return 0;
        }
        let available = self.bytes.as_mut().map(|bytes| bytes.available(now));
        available.map_or(usize::MAX, |available| {
            usize::try_from(available).unwrap_or(usize::MAX)
        })
    }

    /// # Panics
    /// If they were more than might be read.
    pub(super) fn spend_bytes(&mut self, read: usize) {
        if let Some(bytes) = &mut self.bytes {
            bytes.take(read as u64);
        }
    }

    /// How many of the bytes hold no more PUBLISH packets than may come.
    pub(super) fn allowed(&mut self, bytes: &[u8], now: Moment) -> usize {
        let Some(messages) = &mut self.messages else {
            return bytes.len();
        };
        let mut left = messages.available(now);
        let mut at = 0;
        self.holds_packets = false;
        while let Some((is_publish, length)) = next_packet(&bytes[at..]) {
            if is_publish && left == 0 {
                self.holds_packets = true;
                return at;
            }
            left -= u64::from(is_publish);
            at += length;
        }
        bytes.len()
    }

    /// # Panics
    /// If they hold more than was allowed.
    pub(super) fn spend_messages(&mut self, mut handled: &[u8]) {
        let Some(messages) = &mut self.messages else {
            return;
        };
        let mut count = 0;
        while let Some((is_publish, length)) = next_packet(handled) {
            count += u64::from(is_publish);
            handled = &handled[length..];
        }
        messages.take(count);
    }

    /// Begins to wait if nothing may be read now: until when. None if there is nothing
    /// to wait for, or somebody waits already.
    pub(super) fn begin_wait(&mut self, now: Moment) -> Option<Moment> {
        if self.waits {
            return None;
        }
        let for_messages = match &self.messages {
            Some(messages) if self.holds_packets => Some(messages.ready_at(1)),
            _ => None,
        };
        let portion = self.bytes_portion;
        let for_bytes = self.bytes.as_mut().and_then(|bytes| {
            let is_spent = bytes.available(now) == 0;
            is_spent.then(|| bytes.ready_at(portion))
        });
        let until = for_messages.max(for_bytes)?;
        self.waits = true;
        Some(until)
    }

    /// Whether packets that have come wait for their time.
    pub(super) fn holds_packets(&self) -> bool {
        self.holds_packets
    }

    /// The deadline has come.
    pub(super) fn end_wait(&mut self) {
        self.waits = false;
    }
}

/// Whether the first packet is a PUBLISH, and its length. None at the end of what is
/// complete, and for what is no packet: whoever reads them finds the fault.
fn next_packet(bytes: &[u8]) -> Option<(bool, usize)> {
    match split(bytes, usize::MAX) {
        Ok(Split::Whole { frame, bytes }) => Some((frame.first >> 4 == PUBLISH, bytes)),
        Ok(Split::Partial { .. }) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISH_PACKET: [u8; 5] = [0x30, 3, 0, 1, b'a'];
    const PING: [u8; 2] = [0xc0, 0];

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    #[test]
    fn publishes_are_counted_and_others_pass() {
        let mut pace = Pace::new(None, NonZeroU32::new(2), at(0)).unwrap();
        let bytes = [
            &PING[..],
            &PUBLISH_PACKET,
            &PING,
            &PUBLISH_PACKET,
            &PING,
            &PUBLISH_PACKET,
        ]
        .concat();
        let allowed = pace.allowed(&bytes, at(0));
        assert_eq!(allowed, bytes.len() - PUBLISH_PACKET.len());
        pace.spend_messages(&bytes[..allowed]);
        assert_eq!(pace.readable(at(0)), 0);
        assert_eq!(pace.begin_wait(at(0)), Some(at(500)));
        assert_eq!(pace.begin_wait(at(0)), None);
        pace.end_wait();
        assert_eq!(pace.allowed(&PUBLISH_PACKET, at(499)), 0);
        assert_eq!(pace.allowed(&PUBLISH_PACKET, at(500)), 5);
        assert_eq!(pace.readable(at(500)), usize::MAX);
        assert_eq!(pace.begin_wait(at(500)), None);
    }

    #[test]
    fn a_packet_that_is_not_complete_passes() {
        let mut pace = Pace::new(None, NonZeroU32::new(1), at(0)).unwrap();
        let bytes = [&PUBLISH_PACKET[..], &PUBLISH_PACKET[..4]].concat();
        assert_eq!(pace.allowed(&bytes, at(0)), bytes.len());
        pace.spend_messages(&bytes);
        assert_eq!(pace.allowed(&[0x30, 0xff, 0xff, 0xff, 0xff], at(0)), 5);
    }

    #[test]
    fn bytes_are_read_as_far_as_they_may() {
        let mut pace = Pace::new(NonZeroU64::new(1600), None, at(0)).unwrap();
        assert_eq!(pace.readable(at(0)), 1600);
        pace.spend_bytes(1600);
        assert_eq!(pace.allowed(&PUBLISH_PACKET, at(0)), 5);
        assert_eq!(pace.begin_wait(at(0)), Some(at(63)));
        assert_eq!(pace.readable(at(63)), 0);
        pace.end_wait();
        assert_eq!(pace.readable(at(63)), 100);
    }

    #[test]
    fn what_is_not_limited_has_no_pace() {
        assert!(Pace::new(None, None, at(0)).is_none());
    }
}
