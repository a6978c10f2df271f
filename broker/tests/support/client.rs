//! One connection, a packet at a time.

use std::io::ErrorKind;
use std::net::SocketAddr;

use quorate_model::retained::QoS;
use quorate_mqtt::codec::frame::{Frame, Split, split};
use quorate_mqtt::codec::{decode, encode};
use quorate_mqtt::packet::{
    Acknowledgement, Connect, FilterRequest, Packet, Publish, PublishProperties, Subscribe,
    SubscribeRequests, SubscriptionOptions,
};
use quorate_mqtt::packet_id::PacketId;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use super::way::{Stream, connect};

pub(crate) struct Client {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) version: Version,
    input: Vec<u8>,
}

/// A packet as it came, to be looked at for as long as it is held.
#[derive(Debug)]
pub(crate) struct Received {
    version: Version,
    pub(crate) first: u8,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn packet(&self) -> Packet<'_> {
        let frame = Frame {
            first: self.first,
            body: &self.body,
        };
        decode(self.version, frame).unwrap()
    }

    pub(crate) fn publish(&self) -> Publish<'_> {
        match self.packet() {
            Packet::Publish(publish) => publish,
            other => panic!("{other:?} instead of a PUBLISH"),
        }
    }
}

pub(crate) fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

/// A message with nothing special about it; QoS 1 and 2 with the packet id 1.
pub(crate) fn message<'a>(topic: &'a str, qos: QoS, payload: &'a [u8]) -> Publish<'a> {
    Publish {
        duplicate: false,
        qos,
        retain: false,
        topic,
        packet_id: (qos != QoS::AtMostOnce).then(|| id(1)),
        topic_alias: None,
        subscription_ids: Default::default(),
        properties: PublishProperties::default(),
        payload,
    }
}

impl Client {
    pub(crate) fn open(address: SocketAddr, version: Version) -> Self {
        Self::over(Box::new(connect(address)), version)
    }

    pub(crate) fn over(stream: Box<dyn Stream>, version: Version) -> Self {
        Self {
            stream,
            version,
            input: Vec::new(),
        }
    }

    /// Connects and expects to be let in; returns the CONNACK.
    pub(crate) fn connect(&mut self, connect: &Connect<'_>) -> Received {
        self.send(&Packet::Connect(connect.clone()));
        let received = self.receive();
        match received.packet() {
            Packet::ConnAck(connack) => assert_eq!(connack.reason, ReasonCode::Success),
            other => panic!("{other:?} instead of a CONNACK"),
        }
        received
    }

    pub(crate) fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        encode(self.version, packet, &mut bytes);
        self.send_bytes(&bytes);
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    /// Subscribes, and returns the codes of the SUBACK.
    pub(crate) fn subscribe(&mut self, filters: &[(&str, SubscriptionOptions)]) -> Vec<ReasonCode> {
        let mut bytes = Vec::new();
        let requests = filters.iter().map(|(filter, options)| FilterRequest {
            filter,
            options: *options,
        });
        SubscribeRequests::write(requests, self.version, &mut bytes);
        self.send(&Packet::Subscribe(Subscribe {
            packet_id: id(1),
            subscription_id: None,
            user_properties: Default::default(),
            requests: SubscribeRequests::of(&bytes),
        }));
        let received = self.receive();
        match received.packet() {
            Packet::SubAck(suback) => suback.reasons.iter().collect(),
            other => panic!("{other:?} instead of a SUBACK"),
        }
    }

    pub(crate) fn subscribe_to(&mut self, filter: &str, qos: QoS) {
        let granted = self.subscribe(&[(filter, SubscriptionOptions::of_qos(qos))]);
        assert_eq!(granted[0].byte(), qos as u8);
    }

    /// Publishes and goes through all the acknowledgements.
    pub(crate) fn publish(&mut self, publish: &Publish<'_>) {
        self.send(&Packet::Publish(publish.clone()));
        let Some(packet_id) = publish.packet_id else {
            return;
        };
        let received = self.receive();
        match received.packet() {
            Packet::PubAck(ack) => assert_eq!(ack.packet_id, packet_id),
            Packet::PubRec(ack) => {
                assert_eq!(ack.packet_id, packet_id);
                let release = Acknowledgement::new(packet_id, ReasonCode::Success);
                self.send(&Packet::PubRel(release.clone()));
                assert_eq!(self.receive().packet(), Packet::PubComp(release));
            }
            other => panic!("{other:?} instead of an acknowledgement"),
        }
    }

    /// Goes through all the acknowledgements of a message that has come.
    pub(crate) fn acknowledge(&mut self, publish: &Publish<'_>) {
        let Some(packet_id) = publish.packet_id else {
            return;
        };
        let acknowledgement = Acknowledgement::new(packet_id, ReasonCode::Success);
        if publish.qos == QoS::AtLeastOnce {
            return self.send(&Packet::PubAck(acknowledgement));
        }
        self.send(&Packet::PubRec(acknowledgement.clone()));
        assert_eq!(
            self.receive().packet(),
            Packet::PubRel(acknowledgement.clone())
        );
        self.send(&Packet::PubComp(acknowledgement));
    }

    pub(crate) fn receive(&mut self) -> Received {
        self.try_receive()
            .unwrap_or_else(|| panic!("the broker closed the connection"))
    }

    /// None when the broker has closed the connection.
    pub(crate) fn try_receive(&mut self) -> Option<Received> {
        loop {
            if let Split::Whole { frame, bytes } = split(&self.input, usize::MAX).unwrap() {
                let received = Received {
                    version: self.version,
                    first: frame.first,
                    body: frame.body.to_vec(),
                };
                self.input.drain(..bytes);
                return Some(received);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(read) => self.input.extend_from_slice(&bytes[..read]),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
                    ) =>
                {
                    return None;
                }
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    /// Expects not to be let in; version 3 has fewer words for it.
    pub(crate) fn expect_refusal(&mut self, reason: ReasonCode) {
        let received = self.receive();
        match received.packet() {
            Packet::ConnAck(connack) if self.version.is_5() => assert_eq!(connack.reason, reason),
            Packet::ConnAck(_) => assert_eq!(received.body[1], reason.to_v3_return_code()),
            other => panic!("{other:?} instead of a CONNACK"),
        }
        self.expect_closed();
    }

    /// Expects the broker to end the connection, after a DISCONNECT with that reason in
    /// version 5 and without a word in version 3.
    pub(crate) fn expect_end(&mut self, reason: ReasonCode) {
        if self.version.is_5() {
            let received = self.receive();
            match received.packet() {
                Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason, reason),
                other => panic!("{other:?} instead of a DISCONNECT"),
            }
        }
        self.expect_closed();
    }

    pub(crate) fn expect_closed(&mut self) {
        if let Some(received) = self.try_receive() {
            panic!("{:?} instead of an end", received.packet());
        }
    }

    /// Shows that nothing was on its way: what is asked now is answered first.
    pub(crate) fn expect_silence(&mut self) {
        self.send(&Packet::PingReq);
        assert_eq!(self.receive().packet(), Packet::PingResp);
    }
}
