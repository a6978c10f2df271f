//! What the two kinds of listener have in common.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::sleep;
use tracing::warn;

/// Out of file descriptors, accepting fails at once, again and again.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) trait Listener: Sync {
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    fn next(&self) -> impl Future<Output = Self::Stream> + Send {
        async {
            loop {
                match self.accept().await {
                    Ok(stream) => return stream,
                    Err(error) => {
                        warn!(%error, "can't accept an admin connection");
                        sleep(PAUSE).await;
                    }
                }
            }
        }
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.accept().await?;
        // Small answers, each awaited: there is nothing to gather.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
