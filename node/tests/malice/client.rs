//! A client that says exactly what it is told to, in bytes or in packets.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use quorate_model::retained::QoS;
use quorate_mqtt::codec::frame::{self, Frame, Split};
use quorate_mqtt::codec::{decode, encode};
use quorate_mqtt::packet::{
    Connect, FilterRequest, Packet, Publish, PublishProperties, Subscribe, SubscribeRequests,
    SubscriptionOptions,
};
use quorate_mqtt::packet_id::PacketId;
use quorate_mqtt::version::Version;

use crate::support::wait::PATIENCE;

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) version: Version,
    input: Vec<u8>,
    /// How much of the input has been taken.
    taken: usize,
}

/// A packet that has come.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) first: u8,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn packet(&self, version: Version) -> Packet<'_> {
        let frame = Frame {
            first: self.first,
            body: &self.body,
        };
        decode(version, frame).unwrap()
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub(crate) fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

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

pub(crate) fn encoded(version: Version, packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(version, packet, &mut bytes);
    bytes
}

impl Client {
    pub(crate) fn over(stream: TcpStream, version: Version) -> Self {
        Self {
            stream,
            version,
            input: Vec::new(),
            taken: 0,
        }
    }

    pub(crate) fn open(address: SocketAddr, version: Version) -> Self {
        Self::over(connect(address), version)
    }

    /// Connects, and is let in.
    #[track_caller]
    pub(crate) fn let_in(address: SocketAddr, version: Version, id: &str) -> Self {
        let mut client = Self::open(address, version);
        client.send(&Packet::Connect(Connect::new(version, id)));
        client.expect_let_in();
        client
    }

    #[track_caller]
    pub(crate) fn expect_let_in(&mut self) {
        let connack = self.expect();
        assert_eq!((connack.first, connack.body[1]), (0x20, 0), "{connack:?}");
    }

    #[track_caller]
    pub(crate) fn subscribe_to(&mut self, filter: &str, qos: QoS) {
        let mut bytes = Vec::new();
        let options = SubscriptionOptions::of_qos(qos);
        let request = FilterRequest { filter, options };
        SubscribeRequests::write([request], self.version, &mut bytes);
        self.send(&Packet::Subscribe(Subscribe {
            packet_id: id(1),
            subscription_id: None,
            user_properties: Default::default(),
            requests: SubscribeRequests::of(&bytes),
        }));
        let suback = self.expect();
        assert_eq!(
            (suback.first, suback.body.last()),
            (0x90, Some(&(qos as u8)))
        );
    }

    #[track_caller]
    pub(crate) fn send(&mut self, packet: &Packet<'_>) {
        let bytes = encoded(self.version, packet);
        self.stream.write_all(&bytes).unwrap();
    }

    /// The other side may have had enough before the end.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// None when the connection has ended.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Option<Received> {
        loop {
            if let Some(received) = self.take_received() {
                return Some(received);
            }
            self.input.drain(..self.taken);
            self.taken = 0;
            let before = self.input.len();
            self.input.resize(before + 64 * 1024, 0);
            let read = self.stream.read(&mut self.input[before..]);
            let read = match read {
                Ok(read) => read,
                // It was cut off while something of ours was on the way.
                Err(error) if is_end(&error) => 0,
                Err(error) => panic!("nothing comes: {error}"),
            };
            self.input.truncate(before + read);
            if read == 0 {
                return None;
            }
        }
    }

    fn take_received(&mut self) -> Option<Received> {
        match frame::split(&self.input[self.taken..], usize::MAX).unwrap() {
            Split::Partial { .. } => None,
            Split::Whole { frame, bytes } => {
                let received = Received {
                    first: frame.first,
                    body: frame.body.to_vec(),
                };
                self.taken += bytes;
                Some(received)
            }
        }
    }

    #[track_caller]
    pub(crate) fn expect(&mut self) -> Received {
        self.receive().expect("the connection has ended")
    }

    /// What the last packet before the end says, if there is one: the reason of a CONNACK
    /// or a DISCONNECT.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) -> Option<u8> {
        let mut reason = None;
        while let Some(received) = self.receive() {
            reason = match received.first {
                0x20 => Some(received.body[1]),
                0xe0 => Some(received.body.first().copied().unwrap_or(0)),
                _ => reason,
            };
        }
        reason
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}
