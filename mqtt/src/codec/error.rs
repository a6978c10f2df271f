//! Why bytes are no packet.

use thiserror::Error;

use crate::reason::ReasonCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("malformed packet: {0}")]
    Malformed(#[from] Malformed),
    #[error("protocol error: the property 0x{id:02x} occurs twice")]
    DuplicateProperty { id: u8 },
    #[error("malformed packet: the property 0x{id:02x} has no place in it")]
    MisplacedProperty { id: u8 },
    #[error(
        "protocol error: the property 0x{id:02x} has the value {value}, which it must not have"
    )]
    PropertyValue { id: u8, value: u32 },
    #[error("protocol error: the packet names no filter")]
    NoFilter,
    #[error("protocol error: the QoS asked for is 3")]
    RequestedQoS,
    #[error("protocol error: the retain handling is 3")]
    RetainHandling,
    #[error("protocol error: the reason code 0x{code:02x} has no place in this packet")]
    ReasonCode { code: u8 },
    #[error("protocol error: authentication data or an AUTH without a method")]
    NoAuthMethod,
    #[error("protocol error: version {level} of the protocol has no AUTH")]
    AuthInVersion3 { level: u8 },
    #[error("the protocol is MQTT of a version that is not known, {level}")]
    UnknownVersion { level: u8 },
    #[error("protocol error: a PUBLISH has neither a topic nor a topic alias")]
    NoTopic,
    #[error("protocol error: the first packet is no CONNECT")]
    NotConnect,
    #[error("the topic alias is 0")]
    TopicAliasZero,
    #[error("the topic name is not valid: {0}")]
    TopicName(&'static str),
    #[error("a packet of {bytes} bytes exceeds the limit of {limit}")]
    TooLarge { bytes: usize, limit: usize },
}

/// What no packet can look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    #[error("it ends too early")]
    Short,
    #[error("bytes follow its end")]
    TrailingBytes,
    #[error("a variable byte integer is longer than it may be")]
    VariableInteger,
    #[error("a string is no UTF-8")]
    Utf8,
    #[error("a string holds the character U+0000")]
    Nul,
    #[error("the packet type 0 or 15 is reserved")]
    ReservedType,
    #[error("the flags of the fixed header are wrong")]
    Flags,
    #[error("the QoS is 3")]
    QoS,
    #[error("it is a duplicate of QoS 0")]
    DuplicateQoS0,
    #[error("the packet identifier is 0")]
    PacketIdZero,
    #[error("the connect flags contradict each other")]
    ConnectFlags,
    #[error("the protocol name is not MQTT")]
    ProtocolName,
    #[error("a property is not known")]
    UnknownProperty,
    #[error("reserved bits are set")]
    ReservedBits,
    #[error("the return code is not known")]
    ReturnCode,
}

impl DecodeError {
    /// What the peer is told.
    pub const fn reason(&self) -> ReasonCode {
        match self {
            // Section 2.2.2.2 counts a foreign property as malformed, unlike a second one.
            Self::Malformed(_) | Self::MisplacedProperty { .. } => ReasonCode::MalformedPacket,
            Self::UnknownVersion { .. } => ReasonCode::UnsupportedProtocolVersion,
            Self::TopicName(_) => ReasonCode::TopicNameInvalid,
            Self::TopicAliasZero => ReasonCode::TopicAliasInvalid,
            Self::TooLarge { .. } => ReasonCode::PacketTooLarge,
            Self::DuplicateProperty { .. }
            | Self::PropertyValue { .. }
            | Self::NoFilter
            | Self::NoTopic
            | Self::NotConnect
            | Self::RequestedQoS
            | Self::RetainHandling
            | Self::ReasonCode { .. }
            | Self::NoAuthMethod
            | Self::AuthInVersion3 { .. } => ReasonCode::ProtocolError,
        }
    }
}
