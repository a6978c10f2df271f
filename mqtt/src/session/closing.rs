//! How connections and sessions end.

use std::sync::Arc;

use super::outbox::Outbox;
use super::output::{Farewell, Output};
use super::timers::{Timer, Timers};
use super::{Phase, Session};
use crate::message::Message;
use crate::moment::Moment;
use crate::packet::{Diagnostics, Disconnect, Packet};
use crate::reason::ReasonCode;

/// As an expiry it means never.
const FOR_EVER: u32 = u32::MAX;

impl Session {
    /// Ends the connection for something that its client did, and says what.
    pub(super) fn refuse(
        &mut self,
        reason: ReasonCode,
        why: &str,
        outbox: &mut impl Outbox,
    ) -> Output<'static> {
        self.say_goodbye(reason, Some(why), None, outbox)
    }

    pub(super) fn on_disconnect(
        &mut self,
        now: Moment,
        farewell: &Farewell<'_>,
        outbox: &mut impl Outbox,
    ) -> Output<'static> {
        if self.phase == Phase::Detached {
            return match farewell.ends_session {
                true => self.end(now),
                false => Output::Nothing,
            };
        }
        if farewell.ends_session {
            self.session_expiry_s = 0;
        }
        if self.phase == Phase::Closing {
            return Output::Nothing;
        }
        self.say_goodbye(farewell.reason, None, farewell.server_reference, outbox)
    }

    fn say_goodbye(
        &mut self,
        reason: ReasonCode,
        why: Option<&str>,
        server_reference: Option<&str>,
        outbox: &mut impl Outbox,
    ) -> Output<'static> {
        if self.terms.version.is_5() {
            outbox.send(&Packet::Disconnect(Disconnect {
                server_reference,
                diagnostics: Diagnostics {
                    reason_string: why,
                    ..Diagnostics::default()
                },
                ..Disconnect::new(reason)
            }));
        }
        self.become_closing(reason)
    }

    /// What comes from the client from now on is not looked at.
    pub(super) fn become_closing(&mut self, reason: ReasonCode) -> Output<'static> {
        assert_eq!(self.phase, Phase::Attached, "closed twice");
        self.phase = Phase::Closing;
        self.timers.stop(Timer::KeepAlive);
        Output::Close(reason)
    }

    pub(super) fn on_closed(&mut self, now: Moment) -> Output<'static> {
        assert!(self.is_attached(), "there is no connection to be closed");
        self.undecided = 0;
        if let Some(inbound) = &mut self.inbound {
            inbound.disconnect();
        }
        self.inbound.take_if(|inbound| inbound.is_empty());
        if let Some(outbound) = &mut self.outbound {
            outbound.disconnect();
        }
        if !self.is_lasting() {
            return self.end(now);
        }
        self.become_detached(now)
    }

    fn become_detached(&mut self, now: Moment) -> Output<'static> {
        self.phase = Phase::Detached;
        self.timers = Timers::new();
        if self.session_expiry_s != FOR_EVER {
            let at = now.plus_seconds(self.session_expiry_s);
            self.timers.set(Timer::SessionExpiry, at);
        }
        if let Some(will) = &self.will {
            self.timers
                .set(Timer::WillDelay, now.plus_seconds(will.delay_s));
        }
        let outbound = self.outbound.as_mut();
        let orphans = outbound.map(|outbound| outbound.take_orphans(false));
        self.outbound.take_if(|outbound| outbound.is_empty());
        Output::Detached {
            orphans: orphans.unwrap_or_default(),
        }
    }

    /// The session is over, and its will is due whatever its delay.
    pub(super) fn end(&mut self, now: Moment) -> Output<'static> {
        let outbound = self.outbound.as_mut();
        let orphans = outbound.map(|outbound| outbound.take_orphans(true));
        Output::Ended {
            will: self.take_will(now),
            orphans: orphans.unwrap_or_default(),
        }
    }

    /// A detached session that nobody will come back for: its client has begun a new
    /// one, or an administrator ended it.
    ///
    /// # Panics
    /// If the session has a connection.
    pub fn discard(&mut self, now: Moment) -> Output<'static> {
        assert!(!self.is_attached(), "the session is in use");
        self.end(now)
    }

    pub(super) fn take_will(&mut self, now: Moment) -> Option<Arc<Message>> {
        self.timers.stop(Timer::WillDelay);
        let will = self.will.take()?;
        Some(Arc::new(will.publish(now, self.number)))
    }
}
