//! All connections of the generator and the one loop that serves them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use mio::event::Event;
use mio::{Events, Interest, Poll, Registry, Token};
use quorate_mqtt::version::Version;

use super::clock::Clock;
use super::connection::{Connection, Context, Progress};
use super::script::{CloseCause, Script};
use super::sources::Sources;

const BUFFER_BYTES: usize = 256 * 1024;
const EVENTS: usize = 1024;

#[derive(Debug)]
pub struct Fleet {
    poll: Poll,
    events: Events,
    connections: Connections,
    target: SocketAddr,
    sources: Sources,
}

/// What the handling of an event may touch.
#[derive(Debug)]
struct Connections {
    by_client: Vec<Option<Connection>>,
    buffer: Vec<u8>,
    context: Context,
    /// Have something to write.
    dirty: Vec<usize>,
    /// Have something to read that the kernel will not announce again.
    unread: Vec<usize>,
}

impl Fleet {
    pub fn new(target: SocketAddr, version: Version) -> Result<Self> {
        Ok(Self {
            poll: Poll::new().context("cannot wait for sockets")?,
            events: Events::with_capacity(EVENTS),
            connections: Connections {
                by_client: Vec::new(),
                buffer: vec![0; BUFFER_BYTES],
                context: Context {
                    version,
                    clock: Clock::start(),
                },
                dirty: Vec::new(),
                unread: Vec::new(),
            },
            target,
            sources: Sources::towards(target),
        })
    }

    pub fn version(&self) -> Version {
        self.connections.context.version
    }

    pub fn now_ns(&self) -> u64 {
        self.connections.context.clock.now_ns()
    }

    /// Begins to connect; the script hears when the connection stands, or why not.
    pub fn open(&mut self, client: usize) -> Result<()> {
        let place = &mut self.connections.by_client;
        if place.len() <= client {
            place.resize_with(client + 1, || None);
        }
        assert!(place[client].is_none(), "client {client} is connected");
        let mut connection = Connection::open(self.target, &mut self.sources)
            .with_context(|| format!("cannot connect to {}", self.target))?;
        register(self.poll.registry(), &mut connection, client)?;
        place[client] = Some(connection);
        Ok(())
    }

    /// Closes without a word; what was not yet written is lost.
    pub fn close(&mut self, client: usize) {
        if let Some(place) = self.connections.by_client.get_mut(client) {
            *place = None;
        }
    }

    pub fn is_open(&self, client: usize) -> bool {
        let connection = self.connections.by_client.get(client);
        connection.is_some_and(|it| it.as_ref().is_some_and(|it| it.is_open))
    }

    /// Where to append what the client sends next; None while an earlier write waits
    /// for the kernel, and without a connection.
    #[inline]
    pub fn outbox(&mut self, client: usize) -> Option<&mut Vec<u8>> {
        let connections = &mut self.connections;
        let connection = connections.by_client.get_mut(client)?.as_mut()?;
        if !connection.is_open || (!connection.is_dirty && !connection.is_flushed()) {
            return None;
        }
        if !connection.is_dirty {
            connection.is_dirty = true;
            connections.dirty.push(client);
        }
        Some(&mut connection.out)
    }

    /// From now on the client reads only with [`read_little`](Self::read_little).
    pub fn make_slow(&mut self, client: usize) {
        if let Some(Some(connection)) = self.connections.by_client.get_mut(client) {
            connection.is_slow = true;
        }
    }

    pub fn read_little(&mut self, client: usize, most: usize, script: &mut impl Script) {
        self.connections.read_little(client, most, script);
    }

    /// Writes what is to be written, waits for sockets, reads what has come.
    pub fn turn(&mut self, script: &mut impl Script, timeout: Option<Duration>) -> Result<()> {
        self.connections.flush(script);
        let unread = std::mem::take(&mut self.connections.unread);
        let timeout = match unread.is_empty() {
            true => timeout,
            false => Some(Duration::ZERO),
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(error).context("cannot wait for sockets");
            }
            _ => {}
        }
        for client in unread {
            self.connections.read(client, script);
        }
        for event in &self.events {
            self.connections.on_event(event, script);
        }
        Ok(())
    }
}

fn register(registry: &Registry, connection: &mut Connection, client: usize) -> Result<()> {
    let interest = Interest::READABLE | Interest::WRITABLE;
    registry
        .register(&mut connection.socket, Token(client), interest)
        .context("cannot watch a socket")
}

impl Connections {
    fn on_event(&mut self, event: &Event, script: &mut impl Script) {
        let Token(client) = event.token();
        let Some(Some(connection)) = self.by_client.get_mut(client) else {
            return;
        };
        connection.ends |= event.is_read_closed();
        if !connection.is_open {
            if let Err(cause) = establish(connection) {
                return self.drop_client(client, cause, script);
            }
            if !connection.is_open {
                return;
            }
            script.on_open(client, &mut connection.out);
            self.note_output(client);
        } else if event.is_writable() && !connection.is_flushed() {
            self.note_output(client);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.read(client, script);
        }
    }

    fn read(&mut self, client: usize, script: &mut impl Script) {
        let Some(Some(connection)) = self.by_client.get_mut(client) else {
            return;
        };
        if connection.is_slow {
            return;
        }
        match connection.read(client, &mut self.buffer, self.context, script) {
            Ok(progress) => {
                if progress == Progress::More {
                    self.unread.push(client);
                }
                self.note_output(client);
            }
            Err(cause) => self.drop_client(client, cause, script),
        }
    }

    fn read_little(&mut self, client: usize, most: usize, script: &mut impl Script) {
        let Some(Some(connection)) = self.by_client.get_mut(client) else {
            return;
        };
        match connection.read_little(client, &mut self.buffer, self.context, most, script) {
            Ok(()) => self.note_output(client),
            Err(cause) => self.drop_client(client, cause, script),
        }
    }

    /// Puts the client on the list of those to be flushed, if it has anything to send.
    fn note_output(&mut self, client: usize) {
        if let Some(Some(connection)) = self.by_client.get_mut(client)
            && !connection.is_flushed()
            && !connection.is_dirty
        {
            connection.is_dirty = true;
            self.dirty.push(client);
        }
    }

    fn flush(&mut self, script: &mut impl Script) {
        for at in 0..self.dirty.len() {
            let client = self.dirty[at];
            let Some(Some(connection)) = self.by_client.get_mut(client) else {
                continue;
            };
            connection.is_dirty = false;
            if let Err(error) = connection.flush() {
                self.drop_client(client, error.into(), script);
            }
        }
        self.dirty.clear();
    }

    fn drop_client(&mut self, client: usize, cause: CloseCause, script: &mut impl Script) {
        self.by_client[client] = None;
        script.on_close(client, cause);
    }
}

/// Looks whether the connection stands by now, which an event alone does not tell.
fn establish(connection: &mut Connection) -> Result<(), CloseCause> {
    if let Some(error) = connection.socket.take_error()? {
        return Err(error.into());
    }
    match connection.socket.peer_addr() {
        Ok(_) => connection.is_open = true,
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
