//! SUBSCRIBE packets whose routes are not decided yet.

use std::collections::HashMap;
use std::num::NonZeroU32;

use foldhash::fast::RandomState;
use quorate_model::topic_filter::TopicFilter;
use quorate_mqtt::message::SessionNumber;
use quorate_mqtt::packet::{RetainHandling, SubscriptionOptions};
use quorate_mqtt::packet_id::PacketId;
use quorate_mqtt::reason::ReasonCode;

use crate::connection::ConnectionKey;
use crate::session_table::SessionKey;

/// Whose subscription depends on a route that is not decided.
pub(super) type RouteRequest = (SessionKey, SessionNumber, TopicFilter);

/// Those that were made while another one for the same filter was under way, perhaps of
/// the same session: what becomes of the earlier one must not undo them.
#[derive(Debug, Default)]
pub(super) struct RepeatedRequests(HashMap<RouteRequest, usize, RandomState>);

impl RepeatedRequests {
    pub(super) fn add(&mut self, request: RouteRequest) {
        *self.0.entry(request).or_default() += 1;
    }

    pub(super) fn remove(&mut self, request: &RouteRequest) {
        if let Some(count) = self.0.get_mut(request) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(request);
            }
        }
        if self.0.is_empty() {
            // What a storm needed is not kept.
            self.0.shrink_to_fit();
        }
    }

    pub(super) fn contains(&self, request: &RouteRequest) -> bool {
        self.0.contains_key(request)
    }
}

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
    /// It is one of the repeated requests.
    pub(super) is_repeated: bool,
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
