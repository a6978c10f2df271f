//! One connection's TLS.
//!
//! ```text
//! socket -> records -> plain bytes, in memory that all connections share
//! socket <- records <- plain bytes, sealed only when those before them are sent
//! ```

use std::io::{self, BufRead, IoSlice, Write};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use super::end::LayerEnd;
use crate::connection::output::MAX_SLICES;
use crate::tls::ClientNames;

/// Sealed bytes that wait for the socket: four full records.
const SEALED_LIMIT: usize = 64 * 1024;
/// A record, or the handshake messages that rustls puts together.
const HELD_LIMIT: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct TlsLayer {
    session: ServerConnection,
    /// At most so many bytes are held until the rest of their record comes.
    held: usize,
    is_open: bool,
}

impl TlsLayer {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let mut session = ServerConnection::new(config)?;
        session.set_buffer_limit(Some(SEALED_LIMIT));
        Ok(Self {
            session,
            held: 0,
            is_open: false,
        })
    }

    /// Puts what the records hold behind the plain bytes.
    pub(super) fn take_in(&mut self, mut records: &[u8], plain: &mut Vec<u8>) -> Option<LayerEnd> {
        while !records.is_empty() {
            let before = records.len();
            match self.session.read_tls(&mut records) {
                Ok(0) => return Some(LayerEnd::Closed),
                Ok(_) => self.held = (self.held + before - records.len()).min(HELD_LIMIT),
                Err(_) => return Some(LayerEnd::TlsTooLong),
            }
            let processed = self.session.process_new_packets();
            let length = plain.len();
            self.take_plain(plain);
            match processed {
                Err(error) => return Some(error.into()),
                Ok(state) if state.peer_has_closed() => return Some(LayerEnd::Closed),
                Ok(state) if plain.len() > length || state.tls_bytes_to_write() > 0 => {
                    self.held = 0;
                }
                Ok(_) => {}
            }
        }
        None
    }

    fn take_plain(&mut self, plain: &mut Vec<u8>) {
        let mut reader = self.session.reader();
        while let Ok(chunk) = reader.fill_buf() {
            if chunk.is_empty() {
                return;
            }
            let length = chunk.len();
            plain.extend_from_slice(chunk);
            reader.consume(length);
        }
    }

    /// Once, when the handshake is over: how the client is called, if it has shown a
    /// certificate.
    pub(super) fn take_opened(&mut self) -> Option<Option<ClientNames>> {
        if self.is_open || self.session.is_handshaking() {
            return None;
        }
        self.is_open = true;
        self.held = 0;
        let chain = self.session.peer_certificates();
        Some(chain.and_then(<[_]>::first).map(ClientNames::of))
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held
    }

    pub(super) fn wants_write(&self) -> bool {
        self.session.wants_write()
    }

    /// Says so to the client, once.
    pub(super) fn close(&mut self) {
        self.session.send_close_notify();
    }

    pub(super) fn over<'a, S: Write>(&'a mut self, socket: &'a mut S) -> Sealing<'a, S> {
        Sealing { tls: self, socket }
    }
}

/// Seals what is written to it, for the socket. A write is short only when the socket is
/// full, as one to the socket itself would be.
pub(super) struct Sealing<'a, S> {
    tls: &'a mut TlsLayer,
    socket: &'a mut S,
}

impl<S: Write> Sealing<'_, S> {
    /// Sends all that is sealed.
    pub(super) fn send(&mut self) -> io::Result<()> {
        while self.tls.session.wants_write() {
            match self.tls.session.write_tls(self.socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<S: Write> Write for Sealing<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut left = [IoSlice::new(&[]); MAX_SLICES];
        let count = slices.len().min(MAX_SLICES);
        left[..count].copy_from_slice(&slices[..count]);
        let mut left = &mut left[..count];
        let mut taken = 0;
        // Nothing is sealed while sealed bytes wait.
        self.send()?;
        loop {
            let sealed = self.tls.session.writer().write_vectored(left)?;
            taken += sealed;
            IoSlice::advance_slices(&mut left, sealed);
            match self.send() {
                Ok(()) if sealed > 0 && !left.is_empty() => {}
                Ok(()) => return Ok(taken),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(taken),
                Err(error) => return Err(error),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}
