//! One connection, a packet at a time.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{Shutdown, SocketAddr, TcpStream};

use quorate_model::retained::QoS;
use quorate_mqtt::codec::frame::{Frame, Split, split};
use quorate_mqtt::codec::{decode, encode};
use quorate_mqtt::packet::{
    Acknowledgement, Connect, Disconnect, FilterRequest, FilterTexts, Packet, Publish,
    PublishProperties, Subscribe, SubscribeRequests, SubscriptionOptions,
};
use quorate_mqtt::packet_id::PacketId;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use super::way::{Stream, connect};

pub(crate) struct Client {
    pub(crate) stream: Box<dyn Stream>,
    /// What it goes over, if that is nothing but TCP.
    pub(crate) socket: Option<TcpStream>,
    pub(crate) version: Version,
    input: Vec<u8>,
    /// Packets that came while another one was waited for.
    earlier: VecDeque<Received>,
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
        let socket = connect(address);
        let stream = socket.try_clone().unwrap();
        Self {
            socket: Some(socket),
            ..Self::over(Box::new(stream), version)
        }
    }

    pub(crate) fn over(stream: Box<dyn Stream>, version: Version) -> Self {
        Self {
            stream,
            socket: None,
            version,
            input: Vec::new(),
            earlier: VecDeque::new(),
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

    /// Subscribes, and does not wait for the answer.
    pub(crate) fn ask_for(&mut self, packet_id: u16, filters: &[(&str, SubscriptionOptions)]) {
        let mut bytes = Vec::new();
        let requests = filters.iter().map(|(filter, options)| FilterRequest {
            filter,
            options: *options,
        });
        SubscribeRequests::write(requests, self.version, &mut bytes);
        self.send(&Packet::Subscribe(Subscribe {
            packet_id: id(packet_id),
            subscription_id: None,
            user_properties: Default::default(),
            requests: SubscribeRequests::of(&bytes),
        }));
    }

    /// Subscribes, and returns the codes of the SUBACK.
    pub(crate) fn subscribe(&mut self, filters: &[(&str, SubscriptionOptions)]) -> Vec<ReasonCode> {
        self.ask_for(1, filters);
        let received = self.receive();
        match received.packet() {
            Packet::SubAck(suback) => suback.reasons.iter().collect(),
            other => panic!("{other:?} instead of a SUBACK"),
        }
    }

    /// Unsubscribes, and returns the codes of the UNSUBACK, of which version 3 has none.
    pub(crate) fn unsubscribe(&mut self, filters: &[&str]) -> Vec<ReasonCode> {
        let mut body = vec![0, 2];
        if self.version.is_5() {
            body.push(0);
        }
        FilterTexts::write(filters.iter().copied(), &mut body);
        let mut bytes = vec![0xa2, u8::try_from(body.len()).unwrap()];
        bytes.extend(body);
        self.send_bytes(&bytes);
        let received = self.receive();
        match received.packet() {
            Packet::UnsubAck(unsuback) => {
                assert_eq!(unsuback.packet_id, id(2));
                unsuback.reasons.iter().collect()
            }
            other => panic!("{other:?} instead of an UNSUBACK"),
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
        loop {
            let received = self.read_packet().unwrap();
            match received.packet() {
                Packet::PubRel(release) => {
                    assert_eq!(release, acknowledgement);
                    break;
                }
                // Messages may be on their way.
                Packet::Publish(_) => self.earlier.push_back(received),
                other => panic!("{other:?} instead of a PUBREL"),
            }
        }
        self.send(&Packet::PubComp(acknowledgement));
    }

    pub(crate) fn receive(&mut self) -> Received {
        self.try_receive()
            .unwrap_or_else(|| panic!("the broker closed the connection"))
    }

    /// None when the broker has closed the connection.
    pub(crate) fn try_receive(&mut self) -> Option<Received> {
        let earlier = self.earlier.pop_front();
        earlier.or_else(|| self.read_packet())
    }

    fn read_packet(&mut self) -> Option<Received> {
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

    /// Expects that message next, whatever else is said about it.
    pub(crate) fn expect_message(&mut self, topic: &str, payload: &[u8]) -> Received {
        let received = self.receive();
        let publish = received.publish();
        assert_eq!(publish.topic, topic);
        assert!(
            publish.payload == payload,
            "{:?} instead of {payload:?}",
            publish.payload
        );
        received
    }

    /// Expects that message next, and goes through its acknowledgements.
    pub(crate) fn take_message(&mut self, topic: &str, payload: &[u8]) -> Received {
        let received = self.expect_message(topic, payload);
        self.acknowledge(&received.publish());
        received
    }

    /// Says goodbye, and waits until the broker has heard it.
    pub(crate) fn leave(mut self) {
        self.send(&Packet::Disconnect(Disconnect::new(ReasonCode::Success)));
        while let Some(received) = self.try_receive() {
            let is_delivery = matches!(received.packet(), Packet::Publish(_) | Packet::PubRel(_));
            assert!(is_delivery, "{received:?} instead of an end");
        }
    }

    /// Goes without a word, and waits until the broker has seen it: whoever sends
    /// nothing any more is sent nothing either.
    pub(crate) fn vanish(mut self) {
        let socket = self.socket.as_ref().expect("nothing but TCP");
        socket.shutdown(Shutdown::Write).unwrap();
        while self.try_receive().is_some() {}
    }

    /// Publishes with QoS 0, and waits until the broker has it.
    pub(crate) fn publish_and_settle(&mut self, publish: &Publish<'_>) {
        self.send(&Packet::Publish(publish.clone()));
        self.expect_silence();
    }

    /// Connects, and returns the code of the answer.
    pub(crate) fn ask_to_be_let_in(&mut self, connect: &Connect<'_>) -> u8 {
        self.send(&Packet::Connect(connect.clone()));
        let received = self.receive();
        assert_eq!(received.first, 0x20, "{received:?} instead of a CONNACK");
        received.body[1]
    }

    /// Expects not to be let in: the connection ends, with a CONNACK that says so or
    /// without a word. Returns the code of that CONNACK.
    pub(crate) fn expect_refused(&mut self) -> Option<u8> {
        let received = self.try_receive()?;
        assert_eq!(received.first, 0x20, "{received:?} instead of a CONNACK");
        let code = received.body[1];
        assert_ne!(code, 0, "let in");
        assert!(!self.version.is_5() || code >= 0x80, "{code} is no error");
        assert_eq!(received.body[0], 0, "a refusal has no session");
        self.expect_closed();
        Some(code)
    }

    /// Expects not to be let in because the CONNECT is malformed: version 3 has no code
    /// for that, so there is no CONNACK either.
    pub(crate) fn expect_refused_as_malformed(&mut self) {
        match self.version.is_5() {
            true => drop(self.expect_refused()),
            false => self.expect_closed(),
        }
    }

    /// Bytes as they come, to be looked at before they are a packet.
    pub(crate) fn read_exact(&mut self, bytes: &mut [u8]) {
        let is_idle = self.input.is_empty() && self.earlier.is_empty();
        assert!(is_idle, "a packet has been begun");
        self.stream.read_exact(bytes).unwrap();
    }

    /// Shows that nothing was on its way: what is asked now is answered first.
    pub(crate) fn expect_silence(&mut self) {
        self.send(&Packet::PingReq);
        assert_eq!(self.receive().packet(), Packet::PingResp);
    }
}
