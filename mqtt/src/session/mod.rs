//! A client's session, from its CONNECT until it expires.
//!
//! It knows no socket and no clock: [`Session::handle`] takes one [`Input`], puts what
//! the client is to get into the [`Outbox`], and returns what its caller has to do.
//! Subscriptions are not among what it holds: the caller's index has them, once.
//!
//! ```text
//!          open              Closed, expiry > 0
//! Opening ------> attached ---------------------> detached
//!                  |   ^                             |
//!      Closed,     |   `------------ attach ---------+
//!      expiry 0    v                                 | Tick: expired
//!                Ended  <----------------------------'
//! ```

mod aliases;
mod closing;
mod delivery;
mod from_client;
mod inbound;
mod inflight;
mod opening;
mod outbound;
mod outbox;
mod output;
mod queue;
mod sending;
mod subscription_ids;
mod terms;
#[cfg(test)]
mod tests;
mod timers;
mod will;

use std::sync::Arc;

use aliases::AliasesToClient;
pub use delivery::{Delivered, Delivery, DropReason, GroupNumber, Orphan};
use inbound::Inbound;
pub use opening::{Opening, Refusal};
use outbound::Outbound;
pub use outbox::Outbox;
pub use output::{Accepted, Arrival, Farewell, Input, Output, Ticket};
use quorate_model::client_id::ClientId;
use quorate_model::retained::QoS;
use sending::Sending;
pub use terms::Terms;
use timers::{Timer, Timers};
pub use will::Will;

use crate::limits::Limits;
use crate::message::{Message, SessionNumber};
use crate::moment::Moment;
use crate::reason::ReasonCode;

/// What is rare is behind a pointer: most sessions are idle most of the time.
#[derive(Debug)]
pub struct Session {
    client_id: ClientId,
    number: SessionNumber,
    /// Of the connection, or of the last one.
    terms: Terms,
    phase: Phase,
    /// Counts the connections of the session.
    connection: u32,
    session_expiry_s: u32,
    timers: Timers,
    /// Messages of QoS 1 and 2 that the client waits for an answer to.
    undecided: u16,
    inbound: Option<Box<Inbound>>,
    outbound: Option<Box<Outbound>>,
    will: Option<Box<Will>>,
    auth_method: Option<Box<str>>,
}

/// There is one for every client that is known, connected or not.
const _: () = assert!(size_of::<Session>() <= 128);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Attached,
    /// The caller has been told to end the connection.
    Closing,
    Detached,
}

/// What handlers need to know of the world.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub now: Moment,
    pub limits: &'a Limits,
}

impl Session {
    /// A session whose client has just been let in.
    pub fn open(opening: Opening, number: SessionNumber, now: Moment) -> Self {
        let mut session = Self {
            client_id: opening.client_id,
            number,
            terms: opening.terms,
            phase: Phase::Attached,
            connection: 0,
            session_expiry_s: opening.session_expiry_s,
            timers: Timers::new(),
            undecided: 0,
            inbound: None,
            outbound: None,
            will: opening.will,
            auth_method: opening.auth_method,
        };
        session.heard(now);
        session
    }

    /// The client is back, over a new connection. Call [`handle`](Self::handle) with
    /// [`Input::Room`] once it has its CONNACK.
    ///
    /// Returns the will of the last connection if it was due and no
    /// [`Input::Tick`] has said so yet, as when the client took over its own session:
    /// publish it. One whose delay has not passed is given up.
    ///
    /// # Panics
    /// If it is another client or one that wants a new session, or the session still
    /// has a connection.
    #[must_use = "the will has to be published"]
    pub fn attach(&mut self, opening: Opening, now: Moment) -> Option<Arc<Message>> {
        assert_eq!(self.client_id, opening.client_id, "another client");
        assert_eq!(self.phase, Phase::Detached, "still connected");
        assert!(!opening.clean_start, "the client wants a new session");
        let due_will = match self.timers.is_due(Timer::WillDelay, now) {
            true => self.take_will(now),
            false => None,
        };
        self.phase = Phase::Attached;
        self.connection = self.connection.wrapping_add(1);
        self.terms = opening.terms;
        self.session_expiry_s = opening.session_expiry_s;
        self.will = opening.will;
        self.auth_method = opening.auth_method;
        self.timers = Timers::new();
        self.heard(now);
        due_will
    }

    pub const fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    pub const fn number(&self) -> SessionNumber {
        self.number
    }

    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    pub fn is_attached(&self) -> bool {
        self.phase != Phase::Detached
    }

    pub const fn session_expiry_s(&self) -> u32 {
        self.session_expiry_s
    }

    /// How the client authenticated, if it took more than a password.
    pub fn auth_method(&self) -> Option<&str> {
        self.auth_method.as_deref()
    }

    pub fn queued_messages(&self) -> usize {
        self.outbound
            .as_ref()
            .map_or(0, |outbound| outbound.queued())
    }

    /// Whether something is kept back that may be sent when there is room: messages that
    /// wait, or what an earlier connection left.
    pub fn wants_room(&self) -> bool {
        let outbound = self.outbound.as_ref();
        outbound.is_some_and(|outbound| outbound.wants_room())
    }

    pub fn queued_bytes(&self) -> usize {
        let outbound = self.outbound.as_ref();
        outbound.map_or(0, |outbound| outbound.queued_bytes())
    }

    pub fn inflight_messages(&self) -> usize {
        let outbound = self.outbound.as_ref();
        outbound.map_or(0, |outbound| outbound.inflight())
    }

    /// When the session has something to do at the latest.
    pub fn next_timeout(&self) -> Moment {
        self.timers.next()
    }

    #[inline]
    pub fn handle<'a>(
        &mut self,
        context: Context<'_>,
        input: Input<'a>,
        outbox: &mut impl Outbox,
    ) -> Output<'a> {
        match input {
            Input::Packet(packet) => self.on_packet(context, packet, outbox),
            Input::Delivery(delivery) => self.on_delivery(context, &delivery, outbox),
            Input::Verdict(ticket, verdict) => self.on_verdict(ticket, verdict, outbox),
            Input::NotKept(ticket, reason) => self.on_not_kept(ticket, reason, outbox),
            Input::Room => {
                self.flush(context.now, outbox);
                Output::Nothing
            }
            Input::SignOfLife => {
                if self.phase == Phase::Attached {
                    self.heard(context.now);
                }
                Output::Nothing
            }
            Input::Tick => self.on_tick(context.now, outbox),
            Input::Disconnect(farewell) => self.on_disconnect(context.now, &farewell, outbox),
            Input::Closed => self.on_closed(context.now),
        }
    }

    fn on_delivery(
        &mut self,
        context: Context<'_>,
        delivery: &Delivery<'_>,
        outbox: &mut impl Outbox,
    ) -> Output<'static> {
        let (fate, dropped) = if self.phase == Phase::Attached {
            self.deliver(context, delivery, outbox)
        } else if delivery.qos == QoS::AtMostOnce || !self.is_lasting() {
            (Delivered::Dropped(DropReason::Offline), 0)
        } else {
            self.outbound()
                .enqueue(delivery, context.now, context.limits)
        };
        Output::Delivered { fate, dropped }
    }

    fn deliver(
        &mut self,
        context: Context<'_>,
        delivery: &Delivery<'_>,
        outbox: &mut impl Outbox,
    ) -> (Delivered, usize) {
        let is_lasting = self.is_lasting();
        let mut sending = Sending {
            now: context.now,
            terms: &self.terms,
            outbox,
        };
        let outbound = match &mut self.outbound {
            Some(outbound) => outbound,
            // Most who only listen never need one.
            None if sending.sends_plainly(delivery) => {
                let sent = sending.transmit(delivery, None, false, &mut AliasesToClient::default());
                return (
                    sent.map_or_else(Delivered::Dropped, |()| Delivered::Sent),
                    0,
                );
            }
            none @ None => none.insert(Box::new(Outbound::new())),
        };
        outbound.deliver(delivery, is_lasting, context.limits, &mut sending)
    }

    fn flush(&mut self, now: Moment, outbox: &mut impl Outbox) {
        if self.phase != Phase::Attached {
            return;
        }
        if let Some(outbound) = &mut self.outbound {
            outbound.flush(&mut Sending {
                now,
                terms: &self.terms,
                outbox,
            });
        }
    }

    fn on_tick(&mut self, now: Moment, outbox: &mut impl Outbox) -> Output<'static> {
        match self.timers.take_expired(now) {
            None => Output::Nothing,
            Some(Timer::KeepAlive) => {
                self.refuse(ReasonCode::KeepAliveTimeout, "nothing was heard", outbox)
            }
            Some(Timer::WillDelay) => match self.take_will(now) {
                Some(will) => Output::Will(will),
                None => Output::Nothing,
            },
            Some(Timer::SessionExpiry) => self.end(now),
        }
    }

    /// The client has said something.
    fn heard(&mut self, now: Moment) {
        let keep_alive_ms = self.terms.keep_alive_ms;
        if keep_alive_ms > 0 {
            let at = now.plus_millis(u64::from(keep_alive_ms));
            self.timers.set(Timer::KeepAlive, at);
        }
    }

    /// Whether it outlives its connection.
    const fn is_lasting(&self) -> bool {
        self.session_expiry_s > 0
    }

    fn inbound(&mut self) -> &mut Inbound {
        self.inbound.get_or_insert_with(Box::default)
    }

    fn outbound(&mut self) -> &mut Outbound {
        self.outbound
            .get_or_insert_with(|| Box::new(Outbound::new()))
    }

    /// Asserts every invariant.
    pub fn validate(&self) {
        if let Some(inbound) = &self.inbound {
            inbound.validate();
        }
        if let Some(outbound) = &self.outbound {
            outbound.validate(&self.terms, self.is_attached());
        }
        match self.phase {
            Phase::Attached | Phase::Closing => {
                assert!(!self.timers.is_set(Timer::SessionExpiry));
                assert!(!self.timers.is_set(Timer::WillDelay));
            }
            Phase::Detached => {
                assert!(
                    self.is_lasting(),
                    "a session without a connection or a future"
                );
                assert!(!self.timers.is_set(Timer::KeepAlive));
                assert_eq!(self.undecided, 0);
                assert_eq!(self.will.is_some(), self.timers.is_set(Timer::WillDelay));
            }
        }
        let keeps_time = self.phase == Phase::Attached && self.terms.keep_alive_ms > 0;
        assert!(!keeps_time || self.timers.is_set(Timer::KeepAlive));
    }
}
