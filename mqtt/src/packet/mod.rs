//! Packets as both versions mean them. All borrow from the bytes that they were
//! decoded from; what version 3 lacks has its neutral value there.

mod acknowledgement;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod publish;
mod suback;
mod subscribe;
mod unsubscribe;

pub use acknowledgement::Acknowledgement;
pub use auth::Auth;
pub use connack::{ConnAck, Offer};
pub use connect::{Connect, LastWill};
pub use disconnect::Disconnect;
pub use publish::{Publish, PublishProperties};
pub use suback::{ReasonCodes, SubAck, UnsubAck};
pub use subscribe::{
    FilterRequest, RetainHandling, Subscribe, SubscribeRequests, SubscriptionOptions,
};
pub use unsubscribe::{FilterTexts, Unsubscribe};

use crate::codec::UserProperties;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    Connect(Connect<'a>),
    ConnAck(ConnAck<'a>),
    Publish(Publish<'a>),
    PubAck(Acknowledgement<'a>),
    PubRec(Acknowledgement<'a>),
    PubRel(Acknowledgement<'a>),
    PubComp(Acknowledgement<'a>),
    Subscribe(Subscribe<'a>),
    SubAck(SubAck<'a>),
    Unsubscribe(Unsubscribe<'a>),
    UnsubAck(UnsubAck<'a>),
    PingReq,
    PingResp,
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

/// Stands for a secret in debug output.
#[derive(Clone, Copy, Debug)]
struct Hidden;

/// What a packet may say beside its reason code. The first to be left out of a
/// packet that would be too large for its receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics<'a> {
    pub reason_string: Option<&'a str>,
    pub user_properties: UserProperties<'a>,
}

impl Packet<'_> {
    /// As the standard calls it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connect(_) => "CONNECT",
            Self::ConnAck(_) => "CONNACK",
            Self::Publish(_) => "PUBLISH",
            Self::PubAck(_) => "PUBACK",
            Self::PubRec(_) => "PUBREC",
            Self::PubRel(_) => "PUBREL",
            Self::PubComp(_) => "PUBCOMP",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::SubAck(_) => "SUBACK",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::UnsubAck(_) => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect(_) => "DISCONNECT",
            Self::Auth(_) => "AUTH",
        }
    }
}
