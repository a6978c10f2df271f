//! What a CONNECT asks for, against what there is.

use std::num::NonZeroU16;

use quorate_model::client_id::ClientId;
use quorate_model::topic_name::TopicName;
use thiserror::Error;

use super::terms::{LARGEST_PACKET, Terms};
use super::will::Will;
use crate::limits::Limits;
use crate::packet::{ConnAck, Connect, LastWill, Offer};
use crate::reason::ReasonCode;
use crate::version::Version;

/// A client that may come in, once it is known and nobody else has its id.
#[derive(Debug)]
pub struct Opening {
    pub client_id: ClientId,
    pub terms: Terms,
    pub clean_start: bool,
    pub session_expiry_s: u32,
    pub will: Option<Box<Will>>,
    pub auth_method: Option<Box<str>>,
    /// The client is told what it did not know.
    told: Told,
}

#[derive(Debug, Default)]
struct Told {
    assigned_client_id: bool,
    session_expiry: bool,
    server_keep_alive_s: Option<u16>,
    response_information: Option<String>,
}

/// Why a client is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("the client id is empty, and the session is to be kept")]
    NoClientId,
    #[error("the client id is longer than {limit} bytes")]
    LongClientId { limit: usize },
    #[error("the will's QoS is above the highest that there is")]
    WillQoS,
    #[error("the will is to be retained, and retained messages are not available")]
    WillRetain,
    #[error("the will's topic is not valid")]
    WillTopic,
    #[error("the will's payload is said to be text and is no UTF-8")]
    WillPayload,
}

impl Refusal {
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::NoClientId | Self::LongClientId { .. } => ReasonCode::ClientIdentifierNotValid,
            Self::WillQoS => ReasonCode::QoSNotSupported,
            Self::WillRetain => ReasonCode::RetainNotSupported,
            Self::WillTopic => ReasonCode::TopicNameInvalid,
            Self::WillPayload => ReasonCode::PayloadFormatInvalid,
        }
    }
}

impl Opening {
    /// `fresh_id` makes an id that nobody has, for a client that brought none.
    pub fn negotiate(
        connect: &Connect<'_>,
        limits: &Limits,
        fresh_id: impl FnOnce() -> ClientId,
    ) -> Result<Self, Refusal> {
        let mut told = Told::default();
        let client_id = match ClientId::new(connect.client_id) {
            Ok(client_id) => client_id,
            Err(_) if may_be_assigned(connect) => {
                told.assigned_client_id = true;
                fresh_id()
            }
            Err(_) => return Err(Refusal::NoClientId),
        };
        if client_id.as_str().len() > limits.max_client_id_bytes {
            let limit = limits.max_client_id_bytes;
            return Err(Refusal::LongClientId { limit });
        }
        let will = connect.will.as_ref();
        let will = will.map(|will| check_will(will, limits)).transpose()?;
        let session_expiry_s = session_expiry_s(connect, limits);
        told.session_expiry = connect.session_expiry_s.unwrap_or(0) != session_expiry_s;
        let keep_alive_s = keep_alive_s(connect, limits);
        told.server_keep_alive_s = (keep_alive_s != connect.keep_alive_s).then_some(keep_alive_s);
        if connect.request_response_information {
            told.response_information = response_information(&client_id, limits);
        }
        Ok(Self {
            terms: terms(connect, keep_alive_s, limits),
            client_id,
            clean_start: connect.clean_start,
            session_expiry_s,
            will,
            auth_method: connect.auth_method.map(Into::into),
            told,
        })
    }

    /// The packet that lets the client in.
    pub fn connack<'a>(
        &'a self,
        session_present: bool,
        auth_data: Option<&'a [u8]>,
        limits: &Limits,
    ) -> ConnAck<'a> {
        let told = &self.told;
        ConnAck {
            session_present,
            offer: Offer {
                session_expiry_s: told.session_expiry.then_some(self.session_expiry_s),
                receive_maximum: Some(limits.receive_maximum),
                maximum_qos: limits.max_qos,
                retain_available: limits.retain_available,
                maximum_packet_size: limits.max_packet_bytes.try_into().ok(),
                assigned_client_id: told.assigned_client_id.then(|| self.client_id.as_str()),
                topic_alias_maximum: limits.topic_alias_maximum,
                wildcard_subscriptions: limits.wildcard_subscriptions,
                shared_subscriptions: limits.shared_subscriptions,
                server_keep_alive_s: told.server_keep_alive_s,
                response_information: told.response_information.as_deref(),
                auth_method: self.auth_method.as_deref(),
                auth_data,
                ..Offer::default()
            },
            ..ConnAck::refusal(ReasonCode::Success)
        }
    }
}

/// Version 3.1 wants an id; 3.1.1 gives one to clients that leave nothing behind.
fn may_be_assigned(connect: &Connect<'_>) -> bool {
    match connect.version {
        Version::V3_1 => false,
        Version::V3_1_1 => connect.clean_start,
        Version::V5 => true,
    }
}

fn session_expiry_s(connect: &Connect<'_>, limits: &Limits) -> u32 {
    let asked = match connect.version {
        Version::V5 => connect.session_expiry_s.unwrap_or(0),
        Version::V3_1 | Version::V3_1_1 if connect.clean_start => 0,
        Version::V3_1 | Version::V3_1_1 => limits.session_expiry_v3_s,
    };
    asked.min(limits.session_expiry_max_s)
}

/// A client of version 3 cannot be told another one, and would be cut off while it
/// keeps to its own.
fn keep_alive_s(connect: &Connect<'_>, limits: &Limits) -> u16 {
    let of_server = limits.server_keep_alive_s;
    let of_server = of_server.filter(|_| connect.version.is_5());
    of_server.unwrap_or(connect.keep_alive_s)
}

/// None where the client's id cannot be a part of a topic.
fn response_information(client_id: &ClientId, limits: &Limits) -> Option<String> {
    let prefix = limits.response_prefix.as_deref()?;
    let topic = format!("{prefix}{}", client_id.as_str());
    TopicName::new(topic.as_str()).is_ok().then_some(topic)
}

fn terms(connect: &Connect<'_>, keep_alive_s: u16, limits: &Limits) -> Terms {
    let version = connect.version;
    let asked = connect.receive_maximum.unwrap_or(NonZeroU16::MAX);
    let percent = u64::from(limits.keep_alive_percent);
    let keep_alive_ms = u64::from(keep_alive_s) * 10 * percent;
    Terms {
        version,
        send_quota: asked.min(limits.max_inflight),
        receive_maximum: version.is_5().then_some(limits.receive_maximum),
        max_packet_bytes: connect
            .maximum_packet_size
            .map_or(LARGEST_PACKET, |maximum| maximum.get().min(LARGEST_PACKET)),
        aliases_to_client: connect
            .topic_alias_maximum
            .min(limits.topic_aliases_to_client),
        keep_alive_ms: u32::try_from(keep_alive_ms).unwrap_or(u32::MAX),
        problem_information: connect.request_problem_information,
    }
}

fn check_will(will: &LastWill<'_>, limits: &Limits) -> Result<Box<Will>, Refusal> {
    if will.qos > limits.max_qos {
        return Err(Refusal::WillQoS);
    }
    if will.retain && !limits.retain_available {
        return Err(Refusal::WillRetain);
    }
    if TopicName::new(will.topic).is_err() || limits.has_too_many_levels(will.topic) {
        return Err(Refusal::WillTopic);
    }
    let is_text = will.properties.payload_is_text == Some(true);
    if is_text && str::from_utf8(will.payload).is_err() {
        return Err(Refusal::WillPayload);
    }
    Ok(Box::new(Will::new(will)))
}
