use std::num::{NonZeroU16, NonZeroU32};

use quorate_model::retained::QoS;

use super::Hidden;
use super::publish::PublishProperties;
use crate::codec::UserProperties;
use crate::version::Version;

#[derive(Clone, PartialEq, Eq)]
pub struct Connect<'a> {
    pub version: Version,
    /// Clean session in version 3, clean start in 5.
    pub clean_start: bool,
    pub keep_alive_s: u16,
    pub client_id: &'a str,
    pub will: Option<LastWill<'a>>,
    pub user_name: Option<&'a str>,
    pub password: Option<&'a [u8]>,
    pub session_expiry_s: Option<u32>,
    pub receive_maximum: Option<NonZeroU16>,
    pub maximum_packet_size: Option<NonZeroU32>,
    pub topic_alias_maximum: u16,
    pub request_response_information: bool,
    pub request_problem_information: bool,
    pub user_properties: UserProperties<'a>,
    pub auth_method: Option<&'a str>,
    pub auth_data: Option<&'a [u8]>,
}

/// What the server publishes for a client that went without a goodbye.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWill<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub qos: QoS,
    pub retain: bool,
    pub delay_s: u32,
    /// Without a topic alias or subscription identifiers.
    pub properties: PublishProperties<'a>,
}

impl<'a> Connect<'a> {
    /// With everything else as a client that wants nothing special has it.
    pub fn new(version: Version, client_id: &'a str) -> Self {
        Self {
            version,
            clean_start: true,
            keep_alive_s: 0,
            client_id,
            will: None,
            user_name: None,
            password: None,
            session_expiry_s: None,
            receive_maximum: None,
            maximum_packet_size: None,
            topic_alias_maximum: 0,
            request_response_information: false,
            request_problem_information: true,
            user_properties: UserProperties::default(),
            auth_method: None,
            auth_data: None,
        }
    }
}

/// Without the secrets in it: a packet can end up in a log.
impl std::fmt::Debug for Connect<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("clean_start", &self.clean_start)
            .field("keep_alive_s", &self.keep_alive_s)
            .field("client_id", &self.client_id)
            .field("will", &self.will)
            .field("user_name", &self.user_name)
            .field("password", &self.password.map(|_| Hidden))
            .field("session_expiry_s", &self.session_expiry_s)
            .field("receive_maximum", &self.receive_maximum)
            .field("maximum_packet_size", &self.maximum_packet_size)
            .field("topic_alias_maximum", &self.topic_alias_maximum)
            .field(
                "request_response_information",
                &self.request_response_information,
            )
            .field(
                "request_problem_information",
                &self.request_problem_information,
            )
            .field("user_properties", &self.user_properties)
            .field("auth_method", &self.auth_method)
            .field("auth_data", &self.auth_data.map(|_| Hidden))
            .finish()
    }
}
