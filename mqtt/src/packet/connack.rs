use std::num::{NonZeroU16, NonZeroU32};

use quorate_model::retained::QoS;

use super::Diagnostics;
use crate::reason::ReasonCode;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnAck<'a> {
    pub session_present: bool,
    pub reason: ReasonCode,
    pub offer: Offer<'a>,
    pub diagnostics: Diagnostics<'a>,
}

/// What a server grants and takes; without a word about it, the default holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    pub session_expiry_s: Option<u32>,
    pub receive_maximum: Option<NonZeroU16>,
    pub maximum_qos: QoS,
    pub retain_available: bool,
    pub maximum_packet_size: Option<NonZeroU32>,
    pub assigned_client_id: Option<&'a str>,
    pub topic_alias_maximum: u16,
    pub wildcard_subscriptions: bool,
    pub subscription_ids: bool,
    pub shared_subscriptions: bool,
    pub server_keep_alive_s: Option<u16>,
    pub response_information: Option<&'a str>,
    pub server_reference: Option<&'a str>,
    pub auth_method: Option<&'a str>,
    pub auth_data: Option<&'a [u8]>,
}

impl Default for Offer<'_> {
    fn default() -> Self {
        Self {
            session_expiry_s: None,
            receive_maximum: None,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            maximum_packet_size: None,
            assigned_client_id: None,
            topic_alias_maximum: 0,
            wildcard_subscriptions: true,
            subscription_ids: true,
            shared_subscriptions: true,
            server_keep_alive_s: None,
            response_information: None,
            server_reference: None,
            auth_method: None,
            auth_data: None,
        }
    }
}

impl ConnAck<'_> {
    /// A refusal, which says nothing but why.
    pub fn refusal(reason: ReasonCode) -> Self {
        Self {
            session_present: false,
            reason,
            offer: Offer::default(),
            diagnostics: Diagnostics::default(),
        }
    }
}
