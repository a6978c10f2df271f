//! What a connection's bytes go over.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use tokio::sync::oneshot;

#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    /// The near end of a bridge to the streams of a QUIC connection.
    Bridge {
        stream: UnixStream,
        /// The bridge learns that nobody is here any more when it is dropped.
        _presence: oneshot::Sender<()>,
    },
}

impl Socket {
    pub(crate) const fn is_bridge(&self) -> bool {
        matches!(self, Self::Bridge { .. })
    }

    /// What is written goes out at once: acknowledgements are small and must not wait
    /// for each other.
    pub(crate) fn hurry(&self) {
        if let Self::Tcp(stream) = self {
            let _ = stream.set_nodelay(true);
        }
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Bridge { stream, .. } => stream.shutdown(how),
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Bridge { stream, .. } => stream,
        }
    }
}

impl Read for Socket {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Bridge { stream, .. } => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Bridge { stream, .. } => stream.write(bytes),
        }
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write_vectored(slices),
            Self::Bridge { stream, .. } => stream.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for Socket {
    fn register(&mut self, registry: &Registry, token: Token, wants: Interest) -> io::Result<()> {
        self.source().register(registry, token, wants)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, wants: Interest) -> io::Result<()> {
        self.source().reregister(registry, token, wants)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.source().deregister(registry)
    }
}
