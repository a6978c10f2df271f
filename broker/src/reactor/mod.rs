//! One thread, its connections and their sessions.
//!
//! ```text
//! poll --> read, decode, session, route --> outputs --> write
//!   ^      all input of a turn first            then all output, gathered
//!   |                                             |
//!   `----- mail, deadlines, decisions <-----------'  proposals of the turn, as one
//! ```
//!
//! A session never leaves its reactor, so nothing here is shared but the router, the
//! mailboxes and what is wanted of the cluster.

mod accepting;
mod authenticating;
mod banning;
mod clock;
mod connecting;
mod deciding;
mod ending;
mod handing_over;
mod holding;
mod layered;
mod moving;
mod packets;
mod pending;
mod publishing;
mod reading;
mod reauthenticating;
mod replaying;
mod retaining;
mod subscribing;
mod waiting;
mod writing;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) use accepting::ListenerSocket;
pub(crate) use clock::Clock;
use handing_over::Outgoing;
use mio::{Events, Poll, Token};
use pending::{PendingSubscribe, RepeatedRequests};
use quorate_model::command::Command;
use quorate_mqtt::message::SessionNumber;
use quorate_mqtt::moment::Moment;
use quorate_mqtt::session::{Context, Input, Outbox, Output as SessionOutput};
use replaying::TOPICS_A_TURN;

use crate::connection::{Connection, ConnectionKey, ConnectionOutbox, OutputPool, Phase};
use crate::deadlines::Deadlines;
use crate::mailbox::Mail;
use crate::metrics::Tally;
use crate::places::Places;
use crate::proposals::Purpose;
use crate::routing::{Routed, Router, RouterCache};
use crate::seat::{ReactorNumber, Seat};
use crate::session_table::{SessionKey, SessionTable};
use crate::shared::Shared;
use crate::unfinished::{GUESTS_LIMIT_BYTES, Unfinished};

pub(crate) const WAKER: Token = Token(usize::MAX);
/// Listeners have the tokens below it, connections those from it on.
const FIRST_CONNECTION: usize = 1 << 16;
const EVENTS: usize = 1024;
/// How often it is looked, before anything is written, whether more has come meanwhile:
/// what comes together goes out together.
const GATHER_ROUNDS: usize = 2;
/// What one connection may be read of in one turn.
const READ_BYTES: usize = 64 * 1024;
/// An output that has grown to this is written before the turn ends.
const HEAVY_OUTPUT_BYTES: usize = 64 * 1024;

pub(crate) struct Reactor {
    number: ReactorNumber,
    poll: Poll,
    shared: Arc<Shared>,
    listeners: Vec<ListenerSocket>,
    connections: Places<Connection>,
    /// How many connections there ever were.
    tenants: u32,
    /// How many CONNECT packets it has taken.
    entrants: u64,
    /// Which reactor got the last of those that are spread.
    last_sent_to: usize,
    /// What is held of packets that have not come to their end, for those who are not
    /// in yet, and for the others.
    unfinished_guests: Unfinished,
    unfinished_clients: Unfinished,
    sessions: SessionTable,
    router_cache: RouterCache,
    deadlines: Deadlines,
    subscribes: Places<PendingSubscribe>,
    repeated_requests: RepeatedRequests,
    outgoing: Outgoing,
    tally: Tally,
    now: Moment,
    /// Those that have something to be written.
    dirty: Vec<ConnectionKey>,
    has_heavy_output: bool,
    /// Those whose socket may hold more.
    ready: Vec<ConnectionKey>,
    /// Those that are not read because too much is undecided, or on its way to others.
    held: Vec<ConnectionKey>,
    /// Those whose place is on another reactor.
    departing: Vec<(ConnectionKey, ReactorNumber)>,
    /// Those who wait for retained messages, and for time to look for them.
    replaying: VecDeque<(SessionKey, SessionNumber)>,
    /// How many retained messages may still be looked at in this turn.
    topics_left: usize,
    /// Those that have lost a message because they were too slow.
    overflowed: Vec<(SessionKey, SessionNumber)>,
    scratch: Scratch,
    is_draining: bool,
}

/// Memory that is used again and again.
#[derive(Default)]
struct Scratch {
    input: Vec<u8>,
    /// What TLS has opened of the input.
    plain: Vec<u8>,
    routed: Routed,
    properties: Vec<u8>,
    outputs: OutputPool,
}

impl Reactor {
    pub(crate) fn new(
        number: ReactorNumber,
        poll: Poll,
        shared: Arc<Shared>,
        listeners: Vec<ListenerSocket>,
    ) -> io::Result<Self> {
        let mut reactor = Self {
            number,
            poll,
            router_cache: Router::new_cache(),
            outgoing: Outgoing::new(shared.mailboxes.len()),
            now: shared.clock.now(),
            sessions: SessionTable::new(shared.config.hash_seed),
            unfinished_guests: Unfinished::new(GUESTS_LIMIT_BYTES, Arc::clone(&shared.guest_bytes)),
            unfinished_clients: Unfinished::new(
                shared.config.max_unfinished_bytes,
                Arc::clone(&shared.client_bytes),
            ),
            shared,
            listeners,
            connections: Places::new(),
            tenants: 0,
            entrants: 0,
            last_sent_to: 0,
            deadlines: Deadlines::default(),
            subscribes: Places::new(),
            repeated_requests: RepeatedRequests::default(),
            tally: Tally::default(),
            dirty: Vec::new(),
            has_heavy_output: false,
            ready: Vec::new(),
            held: Vec::new(),
            departing: Vec::new(),
            replaying: VecDeque::new(),
            topics_left: 0,
            overflowed: Vec::new(),
            scratch: Scratch {
                input: vec![0; READ_BYTES],
                ..Scratch::default()
            },
            is_draining: false,
        };
        reactor.register_listeners()?;
        Ok(reactor)
    }

    pub(crate) fn spawn(self) -> io::Result<JoinHandle<io::Result<()>>> {
        std::thread::Builder::new()
            .name(format!("reactor-{}", self.number.index()))
            .spawn(move || self.run())
    }

    /// Serves until it is drained.
    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        while !(self.is_draining && self.connections.is_empty()) {
            self.poll(&mut events, self.patience())?;
            self.topics_left = TOPICS_A_TURN;
            self.take_events(&events);
            for _ in 0..GATHER_ROUNDS {
                self.poll(&mut events, Some(Duration::ZERO))?;
                if events.is_empty() {
                    break;
                }
                self.take_events(&events);
            }
            self.on_deadlines();
            self.continue_scheduled_replays();
            self.end_overflowed();
            self.shared.propose();
            self.hand_over();
            self.write_dirty();
            // Connections that were lost meanwhile had something to ask for.
            self.shared.propose();
            self.hand_over();
            self.let_depart();
            self.tally.add_to(&self.shared.metrics);
        }
        self.shared.metrics.reactors.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }

    fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            result => result,
        }
    }

    fn take_events(&mut self, events: &Events) {
        self.now = self.shared.clock.now();
        for event in events {
            self.on_event(event);
        }
        for key in std::mem::take(&mut self.ready) {
            self.read(key);
        }
    }

    fn on_event(&mut self, event: &mio::event::Event) {
        match event.token() {
            WAKER => self.on_mail(),
            Token(listener) if listener < FIRST_CONNECTION => self.accept(listener),
            token => {
                let key = key_of(token);
                let Some(connection) = self.connection(key) else {
                    return;
                };
                connection.is_half_closed |= event.is_read_closed();
                if event.is_writable() {
                    self.mark_dirty(key);
                }
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    self.read(key);
                }
            }
        }
    }

    fn on_mail(&mut self) {
        let taken = self.shared.mailboxes[self.number.index()].take();
        if taken.was_crowded {
            self.shared.tell_of_room();
        }
        for mail in taken.mail {
            match mail {
                Mail::Decided(answers) => self.on_decided(answers),
                Mail::Mismatch { commands, replies } => {
                    panic!("{replies} replies to {commands} commands, not a reply for each command")
                }
                Mail::Parcels(parcels) => self.on_parcels(parcels),
                Mail::Arrived(connection) => self.settle(*connection),
                Mail::Room => self.on_room(),
                Mail::PasswordChecked { connection, user } => {
                    self.on_password_checked(connection, user);
                }
                Mail::Newcomer(newcomer) => self.on_newcomer(newcomer),
                Mail::Drain => self.drain(),
            }
        }
    }

    /// Goes on with those that were held, for as long as there is room. It may be less than
    /// they wait for: there is room in one mailbox, and none in another.
    fn on_room(&mut self) {
        let mut mailboxes = self.shared.mailboxes.iter();
        self.outgoing.is_crowded = mailboxes.any(|mailbox| mailbox.is_crowded());
        self.release_held();
    }

    /// Whether nothing more should be read, because too much waits already.
    fn has_enough(&self) -> bool {
        self.outgoing.is_crowded || self.shared.proposals.is_full()
    }

    fn ask(&self, command: Command, purpose: Purpose) {
        self.shared.proposals.add(command, self.number, purpose);
    }

    const fn seat(&self, session: SessionKey) -> Seat {
        Seat {
            reactor: self.number,
            session,
        }
    }

    fn connection(&mut self, key: ConnectionKey) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(key.place)?;
        (connection.key == key).then_some(connection)
    }

    /// Gives the session an input, with the way to its client if it has a connection.
    #[inline]
    fn handle<'a>(&mut self, key: SessionKey, input: Input<'a>) -> SessionOutput<'a> {
        let entry = &mut self.sessions[key];
        let context = Context {
            now: self.now,
            limits: &self.shared.config.limits,
        };
        let connection = entry.connection;
        let Some(connection) = connection.and_then(|key| self.connections.get_mut(key.place))
        else {
            return entry.session.handle(context, input, &mut Nowhere);
        };
        let mut outbox = ConnectionOutbox {
            version: entry.session.terms().version,
            max_packet_bytes: entry.session.terms().max_packet_bytes,
            output: &mut connection.output,
            pool: &mut self.scratch.outputs,
        };
        let output = entry.session.handle(context, input, &mut outbox);
        if let Some(pending) = &connection.output {
            self.has_heavy_output |= pending.pending() >= HEAVY_OUTPUT_BYTES;
            if !connection.is_dirty {
                connection.is_dirty = true;
                self.dirty.push(connection.key);
            }
        }
        output
    }

    fn mark_dirty(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connection(key) else {
            return;
        };
        if !connection.is_dirty {
            connection.is_dirty = true;
            self.dirty.push(key);
        }
    }
}

const fn token_of(key: ConnectionKey) -> Token {
    Token((key.tenant as usize) << 32 | (key.place as usize + FIRST_CONNECTION))
}

const fn key_of(token: Token) -> ConnectionKey {
    ConnectionKey {
        place: ((token.0 & 0xffff_ffff) - FIRST_CONNECTION) as u32,
        tenant: (token.0 >> 32) as u32,
    }
}

/// The way to a client that is not there.
struct Nowhere;

impl Outbox for Nowhere {
    fn has_room(&self) -> bool {
        false
    }

    fn send(&mut self, _: &quorate_mqtt::packet::Packet<'_>) {}

    fn send_message(
        &mut self,
        _: &quorate_mqtt::codec::PublishHead<'_>,
        _: &quorate_mqtt::message::Passing<'_>,
    ) {
    }
}
