use quorate_model::retained::QoS;
use quorate_mqtt::packet::{FilterRequest, SubAck, SubscribeRequests, SubscriptionOptions};
use quorate_mqtt::packet_id::PacketId;
use quorate_mqtt::version::Version;

use super::script::CloseCause;

const SUBSCRIBE: u8 = 0x82;

/// The filters that one client subscribes, several in a packet.
#[derive(Clone, Debug)]
pub struct Subscribing {
    filters: Vec<String>,
    qos: QoS,
    filters_per_packet: usize,
    sent: usize,
    acknowledged: usize,
    packet_id: PacketId,
}

impl Subscribing {
    pub fn new(filters: Vec<String>, qos: QoS, filters_per_packet: usize) -> Self {
        Self {
            filters,
            qos,
            filters_per_packet: filters_per_packet.max(1),
            sent: 0,
            acknowledged: 0,
            packet_id: PacketId::FIRST,
        }
    }

    /// From the beginning, after the connection was lost.
    pub fn restart(&mut self) {
        self.sent = 0;
        self.acknowledged = 0;
    }

    pub fn filters(&self) -> usize {
        self.filters.len()
    }

    pub fn granted(&self) -> usize {
        self.acknowledged
    }

    pub fn is_done(&self) -> bool {
        self.acknowledged >= self.filters.len()
    }

    /// Appends the next SUBSCRIBE; false if there is nothing left to ask for.
    pub fn write_next(&mut self, version: Version, out: &mut Vec<u8>) -> bool {
        let rest = &self.filters[self.sent..];
        let chunk = &rest[..rest.len().min(self.filters_per_packet)];
        if chunk.is_empty() {
            return false;
        }
        self.sent += chunk.len();
        let options = SubscriptionOptions::of_qos(self.qos);
        let requests = chunk.iter().map(|filter| FilterRequest { filter, options });
        write_subscribe(version, self.packet_id, requests, out);
        self.packet_id = self.packet_id.next();
        true
    }

    pub fn on_suback(&mut self, suback: &SubAck<'_>) -> Result<(), CloseCause> {
        for reason in suback.reasons.iter() {
            if reason.is_error() {
                return Err(CloseCause::SubscriptionRefused(reason));
            }
            self.acknowledged += 1;
        }
        Ok(())
    }
}

/// The codec encodes a SUBSCRIBE only from one that it has decoded, so its frame is
/// made here.
fn write_subscribe<'a>(
    version: Version,
    packet_id: PacketId,
    requests: impl Iterator<Item = FilterRequest<'a>>,
    out: &mut Vec<u8>,
) {
    let mut body = packet_id.get().to_be_bytes().to_vec();
    if version.is_5() {
        let no_properties = 0;
        body.push(no_properties);
    }
    SubscribeRequests::write(requests, version, &mut body);
    out.push(SUBSCRIBE);
    let mut length = body.len();
    while length > 0x7f {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(&body);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use quorate_mqtt::codec::decode;
    use quorate_mqtt::codec::frame::{Split, split};
    use quorate_mqtt::packet::{Diagnostics, Packet, ReasonCodes};
    use quorate_mqtt::reason::ReasonCode;

    use super::*;

    fn suback(bytes: &[u8]) -> SubAck<'_> {
        SubAck {
            packet_id: PacketId::FIRST,
            reasons: ReasonCodes::new(bytes).unwrap(),
            diagnostics: Diagnostics::default(),
        }
    }

    /// The filters of the packets that come out, each once it is asked for.
    fn packets(version: Version, subscribing: &mut Subscribing) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        let mut out = Vec::new();
        while subscribing.write_next(version, &mut out) {
            let Ok(Split::Whole { frame, bytes }) = split(&out, usize::MAX) else {
                panic!("no whole frame");
            };
            assert_eq!(bytes, out.len());
            let Ok(Packet::Subscribe(packet)) = decode(version, frame) else {
                panic!("no SUBSCRIBE");
            };
            let requests = packet.requests.iter();
            found.push(requests.map(|one| one.filter.to_owned()).collect());
            out.clear();
        }
        found
    }

    #[test]
    fn all_filters_go_out_in_packets_of_their_size() {
        let filters: Vec<_> = (0..50)
            .map(|number| format!("some/filter/{number}"))
            .collect();
        for version in [Version::V3_1_1, Version::V5] {
            let mut subscribing = Subscribing::new(filters.clone(), QoS::AtLeastOnce, 20);
            let found = packets(version, &mut subscribing);
            let sizes: Vec<_> = found.iter().map(Vec::len).collect();
            assert_eq!(sizes, [20, 20, 10]);
            assert_eq!(found.concat(), filters);
        }
    }

    #[test]
    fn is_done_when_all_are_granted() {
        let filters = vec!["a".to_owned(), "b".to_owned()];
        let mut subscribing = Subscribing::new(filters, QoS::AtMostOnce, 1);
        subscribing.on_suback(&suback(&[0])).unwrap();
        assert!(!subscribing.is_done());
        subscribing.on_suback(&suback(&[1])).unwrap();
        assert!(subscribing.is_done());
    }

    #[test]
    fn a_refusal_says_why() {
        let mut subscribing = Subscribing::new(vec!["a".to_owned()], QoS::AtMostOnce, 1);
        let refused = subscribing.on_suback(&suback(&[0x87])).unwrap_err();
        let reason = ReasonCode::NotAuthorized;
        assert!(matches!(refused, CloseCause::SubscriptionRefused(code) if code == reason));
        assert!(!subscribing.is_done());
    }
}
