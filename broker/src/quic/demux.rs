//! Which stream a packet belongs to.
//!
//! Answers go to the stream that has asked, messages to the data stream that has
//! subscribed, and everything else to the control stream. A stream that is over owes its
//! client nothing: what would have gone there goes to the control stream.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use quorate_model::topic_filter::TopicFilter;
use quorate_mqtt::codec::decode;
use quorate_mqtt::codec::frame::Frame;
use quorate_mqtt::packet::Packet;
use quorate_mqtt::version::Version;
use thiserror::Error;

use super::packet_head::{is_refusal, packet_id, publish};
use super::subscriptions::Subscriptions;

/// A data stream. No number comes twice on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StreamKey(pub(super) u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Control,
    Data(StreamKey),
}

/// What a client may not do on a data stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Misuse {
    #[error("a packet of type {0} belongs on the control stream")]
    OfControl(u8),
    #[error("a topic alias on a data stream")]
    TopicAlias,
    #[error("packet id {0} is in use on another stream")]
    PacketIdInUse(u16),
}

pub(super) struct Demux {
    version: Version,
    /// Those that are open, or owe something still.
    streams: HashMap<StreamKey, DataStream>,
    /// Who waits for an answer with that packet id; each is of one packet at a time.
    asked: HashMap<u16, Lane>,
    /// Where messages have gone that the client has not acknowledged; those on the
    /// control stream are not in it.
    delivered: HashMap<u16, StreamKey>,
    subscriptions: Subscriptions,
}

#[derive(Debug, Default)]
struct DataStream {
    /// Answers that it waits for.
    asked: usize,
    /// Messages on it that are not acknowledged.
    delivered: usize,
    /// The client sends nothing more on it.
    is_ending: bool,
}

impl Demux {
    pub(super) fn new(version: Version, hash_seed: u64) -> Self {
        Self {
            version,
            streams: HashMap::new(),
            asked: HashMap::new(),
            delivered: HashMap::new(),
            subscriptions: Subscriptions::new(hash_seed),
        }
    }

    pub(super) fn open(&mut self, stream: StreamKey) {
        let before = self.streams.insert(stream, DataStream::default());
        assert!(before.is_none(), "{stream:?} is open");
    }

    /// Looks at a packet of the client. One that may not be there changes nothing, and
    /// what comes late on a stream that is closed counts as the control stream's.
    pub(super) fn on_client_packet(&mut self, from: Lane, frame: Frame<'_>) -> Result<(), Misuse> {
        let kind = frame.first >> 4;
        if let Lane::Data(_) = from
            && !matches!(kind, 3..=8 | 10)
        {
            return Err(Misuse::OfControl(kind));
        }
        match kind {
            3 => self.on_publish(from, frame),
            4 | 7 => {
                self.on_delivery_done(frame.body);
                Ok(())
            }
            5 if is_refusal(frame.body) => {
                self.on_delivery_done(frame.body);
                Ok(())
            }
            // The exchange goes on where the client has gone on with it.
            6 => {
                if let Some(id) = packet_id(frame.body) {
                    self.set_asked(id, from);
                }
                Ok(())
            }
            8 | 10 => self.on_filters(from, frame),
            _ => Ok(()),
        }
    }

    fn on_publish(&mut self, from: Lane, frame: Frame<'_>) -> Result<(), Misuse> {
        // The reactor finds what is wrong with it.
        let Ok(Packet::Publish(publish)) = decode(self.version, frame) else {
            return Ok(());
        };
        if publish.topic_alias.is_some() && from != Lane::Control {
            return Err(Misuse::TopicAlias);
        }
        match publish.packet_id {
            Some(id) => self.ask(id.get(), from),
            None => Ok(()),
        }
    }

    fn on_filters(&mut self, from: Lane, frame: Frame<'_>) -> Result<(), Misuse> {
        match decode(self.version, frame) {
            Ok(Packet::Subscribe(subscribe)) => {
                self.ask(subscribe.packet_id.get(), from)?;
                for request in subscribe.requests.iter() {
                    self.subscribe(from, request.filter);
                }
            }
            Ok(Packet::Unsubscribe(unsubscribe)) => {
                self.ask(unsubscribe.packet_id.get(), from)?;
                for filter in unsubscribe.filters.iter() {
                    self.subscribe(Lane::Control, filter);
                }
            }
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }

    /// The control stream has what no data stream has.
    fn subscribe(&mut self, lane: Lane, filter: &str) {
        let Ok(filter) = TopicFilter::new(filter) else {
            return;
        };
        match lane.unless_over(&self.streams) {
            Lane::Data(key) => {
                self.subscriptions.add(filter, key);
            }
            Lane::Control => self.subscriptions.remove(&filter),
        }
    }

    /// Where a packet for the client goes.
    pub(super) fn route(&mut self, frame: Frame<'_>) -> Lane {
        let Some(id) = packet_id(frame.body) else {
            return Lane::Control;
        };
        match frame.first >> 4 {
            3 => self.route_message(frame),
            4 | 7 | 9 | 11 => self.take_asked(id),
            5 if is_refusal(frame.body) => self.take_asked(id),
            5 => self.asked.get(&id).map_or(Lane::Control, |lane| *lane),
            6 => self
                .delivered
                .get(&id)
                .map_or(Lane::Control, |key| Lane::Data(*key)),
            _ => return Lane::Control,
        }
        .unless_over(&self.streams)
    }

    fn route_message(&mut self, frame: Frame<'_>) -> Lane {
        let Some((topic, id)) = publish(frame) else {
            return Lane::Control;
        };
        let key = self.subscriptions.stream_of(topic);
        if let Some(id) = id {
            self.forget_delivered(id);
            if let Some(key) = key
                && let Some(stream) = self.streams.get_mut(&key)
            {
                stream.delivered += 1;
                self.delivered.insert(id, key);
            }
        }
        key.map_or(Lane::Control, Lane::Data)
    }

    /// The client sends nothing more on the stream; its subscriptions are the control
    /// stream's from now on.
    pub(super) fn end(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        stream.is_ending = true;
        self.subscriptions.remove_stream(key);
    }

    /// Whether the client waits for nothing more on a stream that it has ended.
    pub(super) fn is_done(&self, key: StreamKey) -> bool {
        let stream = self.streams.get(&key);
        stream.is_none_or(|stream| stream.is_ending && stream.asked == 0)
    }

    /// Nothing goes there any more. Returns whether something is missing for it: an
    /// answer that the client will not get, a message that it may not have got.
    pub(super) fn close(&mut self, key: StreamKey) -> bool {
        self.end(key);
        let stream = self.streams.remove(&key);
        stream.is_some_and(|stream| stream.asked + stream.delivered > 0)
    }

    fn ask(&mut self, id: u16, from: Lane) -> Result<(), Misuse> {
        let before = self.asked.get(&id).copied();
        let is_elsewhere = before
            .is_some_and(|before| before != from && before == before.unless_over(&self.streams));
        if is_elsewhere {
            return Err(Misuse::PacketIdInUse(id));
        }
        self.set_asked(id, from);
        Ok(())
    }

    fn set_asked(&mut self, id: u16, lane: Lane) {
        let lane = lane.unless_over(&self.streams);
        self.take_asked(id);
        self.asked.insert(id, lane);
        if let Some(stream) = self.stream(lane) {
            stream.asked += 1;
        }
    }

    fn take_asked(&mut self, id: u16) -> Lane {
        let lane = self.asked.remove(&id).unwrap_or(Lane::Control);
        if let Some(stream) = self.stream(lane) {
            stream.asked -= 1;
        }
        lane
    }

    fn on_delivery_done(&mut self, body: &[u8]) {
        if let Some(id) = packet_id(body) {
            self.forget_delivered(id);
        }
    }

    fn forget_delivered(&mut self, id: u16) {
        if let Entry::Occupied(entry) = self.delivered.entry(id)
            && let Some(stream) = self.streams.get_mut(&entry.remove())
        {
            stream.delivered -= 1;
        }
    }

    fn stream(&mut self, lane: Lane) -> Option<&mut DataStream> {
        match lane {
            Lane::Control => None,
            Lane::Data(key) => self.streams.get_mut(&key),
        }
    }
}

impl Lane {
    fn unless_over(self, streams: &HashMap<StreamKey, DataStream>) -> Self {
        match self {
            Self::Data(key) if streams.contains_key(&key) => self,
            Self::Data(_) | Self::Control => Self::Control,
        }
    }
}

#[cfg(test)]
#[path = "demux_tests.rs"]
mod tests;
