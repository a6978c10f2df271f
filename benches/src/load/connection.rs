use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use quorate_mqtt::codec::decode;
use quorate_mqtt::codec::frame::{MAX_VARIABLE_INTEGER, Split, split};
use quorate_mqtt::version::Version;
use socket2::{Domain, Protocol, Socket, Type};

use super::clock::Clock;
use super::script::{CloseCause, Script};
use super::sources::Sources;

/// After so many full buffers the other connections have their turn.
const READS_PER_TURN: usize = 4;

/// A socket, what waits to be written, and the beginning of a frame whose rest has not
/// come. Everything else that is read lies in the fleet's one buffer.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: TcpStream,
    pub(super) is_open: bool,
    pub(super) out: Vec<u8>,
    written: usize,
    partial: Vec<u8>,
    /// The broker closed its side; what it sent before is still to be read.
    pub(super) ends: bool,
    /// On the fleet's list of those that have something to write.
    pub(super) is_dirty: bool,
    /// Reads only when the scenario says so.
    pub(super) is_slow: bool,
}

/// How far reading came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The kernel tells when there is more.
    Drained,
    /// There is more now.
    More,
}

impl Connection {
    pub(super) fn open(target: SocketAddr, sources: &mut Sources) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(target),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = sources.take() {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        match socket.connect(&target.into()) {
            Err(error) if !is_in_progress(&error) => return Err(error),
            _ => {}
        }
        Ok(Self {
            socket: TcpStream::from_std(socket.into()),
            is_open: false,
            out: Vec::new(),
            written: 0,
            partial: Vec::new(),
            ends: false,
            is_dirty: false,
            is_slow: false,
        })
    }

    /// All that was asked for is with the kernel.
    pub(super) fn is_flushed(&self) -> bool {
        self.out.is_empty()
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        while self.written < self.out.len() {
            match self.socket.write(&self.out[self.written..]) {
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }

    /// Reads until the kernel has no more and hands every packet to the script.
    ///
    /// A read that does not fill the buffer has emptied the socket, so it is the last,
    /// unless the end of the stream was announced and is still to be seen.
    pub(super) fn read(
        &mut self,
        client: usize,
        buffer: &mut Vec<u8>,
        context: Context,
        script: &mut impl Script,
    ) -> Result<Progress, CloseCause> {
        for _ in 0..READS_PER_TURN {
            let kept = self.partial.len();
            buffer[..kept].copy_from_slice(&self.partial);
            let bytes = match self.socket.read(&mut buffer[kept..]) {
                Ok(0) => return Err(CloseCause::EndOfStream),
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Progress::Drained);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let is_full = kept + bytes == buffer.len();
            self.take_packets(client, buffer, kept + bytes, context, script)?;
            if !is_full && !self.ends {
                return Ok(Progress::Drained);
            }
        }
        Ok(Progress::More)
    }

    /// Reads once, and little.
    pub(super) fn read_little(
        &mut self,
        client: usize,
        buffer: &mut Vec<u8>,
        context: Context,
        most: usize,
        script: &mut impl Script,
    ) -> Result<(), CloseCause> {
        let kept = self.partial.len();
        buffer[..kept].copy_from_slice(&self.partial);
        let end = (kept + most).min(buffer.len());
        match self.socket.read(&mut buffer[kept..end]) {
            Ok(0) => Err(CloseCause::EndOfStream),
            Ok(bytes) => self.take_packets(client, buffer, kept + bytes, context, script),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn take_packets(
        &mut self,
        client: usize,
        buffer: &mut Vec<u8>,
        end: usize,
        context: Context,
        script: &mut impl Script,
    ) -> Result<(), CloseCause> {
        let now_ns = context.clock.now_ns();
        let mut rest = &buffer[..end];
        let room = loop {
            match split(rest, MAX_VARIABLE_INTEGER)? {
                Split::Whole { frame, bytes } => {
                    let packet = decode(context.version, frame)?;
                    script.on_packet(client, &packet, now_ns, &mut self.out)?;
                    rest = &rest[bytes..];
                }
                Split::Partial { total } => break total.unwrap_or_default(),
            }
        };
        self.partial.clear();
        self.partial.extend_from_slice(rest);
        // There must be room for the whole frame and a byte of the next.
        if room >= buffer.len() {
            buffer.resize(room * 2, 0);
        }
        Ok(())
    }
}

/// What all connections of a fleet have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) version: Version,
    pub(super) clock: Clock,
}

fn is_in_progress(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    let in_progress = rustix::io::Errno::INPROGRESS.raw_os_error();
    code == Some(in_progress) || error.kind() == io::ErrorKind::WouldBlock
}
