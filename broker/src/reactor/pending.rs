//! SUBSCRIBE packets whose routes are not decided yet.

use std::num::NonZeroU32;

use quorate_model::topic_filter::TopicFilter;
use quorate_mqtt::message::SessionNumber;
use quorate_mqtt::packet::{RetainHandling, SubscriptionOptions};
use quorate_mqtt::packet_id::PacketId;
use quorate_mqtt::reason::ReasonCode;

use crate::connection::ConnectionKey;
use crate::session_table::SessionKey;

/// Whose subscription depends on a route that is not decided.
pub(super) type RouteRequest = (SessionKey, SessionNumber, TopicFilter);

/// A SUBSCRIBE that is not answered yet.
#[derive(Debug)]
pub(super) struct PendingSubscribe {
    pub(super) session: SessionKey,
    pub(super) number: SessionNumber,
    pub(super) connection: ConnectionKey,
    pub(super) packet_id: PacketId,
    pub(super) subscription_id: Option<NonZeroU32>,
    pub(super) filters: Vec<PendingFilter>,
    /// How many of its filters are not decided.
    pub(super) undecided: usize,
}

#[derive(Debug)]
pub(super) struct PendingFilter {
    pub(super) filter: TopicFilter,
    pub(super) options: SubscriptionOptions,
    pub(super) existed: bool,
    /// Nobody knows yet whether the cluster has the route.
    pub(super) is_undecided: bool,
    /// The session had it before, and keeps it whatever the cluster decides.
    pub(super) is_kept: bool,
    /// As the SUBACK is to say.
    pub(super) code: u8,
}

impl PendingFilter {
    /// Those who share messages get none that were there before.
    pub(super) fn wants_retained(&self) -> bool {
        let wants = match self.options.retain_handling {
            RetainHandling::Always => true,
            RetainHandling::IfNew => !self.existed,
            RetainHandling::Never => false,
        };
        let is_granted = self.code < ReasonCode::UnspecifiedError.byte();
        wants && is_granted && self.filter.share_group().is_none()
    }
}
