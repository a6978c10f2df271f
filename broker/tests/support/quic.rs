//! A client's end of a QUIC connection.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig, VarInt};
use quorate_mqtt::packet::Connect;
use quorate_mqtt::version::Version;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::Client;

/// Far longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct QuicClient {
    pub(crate) connection: Connection,
    endpoint: Endpoint,
    runtime: Handle,
    /// The thread that drives the connection goes when it is dropped.
    driver: Option<oneshot::Sender<()>>,
}

#[derive(Clone)]
pub(crate) struct QuicStream {
    send: Arc<Mutex<SendStream>>,
    recv: Arc<Mutex<RecvStream>>,
    runtime: Handle,
}

impl QuicClient {
    /// The error is why the connection did not come about.
    pub(crate) fn open(
        address: SocketAddr,
        tls: &Arc<rustls::ClientConfig>,
        transport: TransportConfig,
    ) -> Result<Self, String> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let (driver, end) = oneshot::channel::<()>();
        std::thread::spawn(move || runtime.block_on(end));
        let crypto = QuicClientConfig::try_from(Arc::clone(tls)).unwrap();
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(transport));
        let endpoint = {
            let _inside = handle.enter();
            Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap()
        };
        let connecting = async {
            let connecting = endpoint.connect_with(config, address, "127.0.0.1");
            connecting.unwrap().await
        };
        let connection = within(&handle, connecting).map_err(|error| error.to_string())?;
        Ok(Self {
            connection,
            endpoint,
            runtime: handle,
            driver: Some(driver),
        })
    }

    pub(crate) fn stream(&self) -> QuicStream {
        self.try_stream().expect("a stream")
    }

    /// None if the broker allows no more.
    pub(crate) fn try_stream(&self) -> Option<QuicStream> {
        let brief = async { tokio::time::timeout(PATIENCE / 40, self.connection.open_bi()).await };
        let (send, recv) = self.runtime.block_on(brief).ok()?.unwrap();
        Some(QuicStream {
            send: Arc::new(Mutex::new(send)),
            recv: Arc::new(Mutex::new(recv)),
            runtime: self.runtime.clone(),
        })
    }

    /// The control stream, over which the client has been let in.
    pub(crate) fn connect(&self, connect: &Connect<'_>) -> Client {
        let mut client = self.on_new_stream(connect.version);
        client.connect(connect);
        client
    }

    pub(crate) fn on_new_stream(&self, version: Version) -> Client {
        Client::over(Box::new(self.stream()), version)
    }

    pub(crate) fn wait_closed(&self) -> String {
        within(&self.runtime, async {
            self.connection.closed().await.to_string()
        })
    }

    /// Stops existing, without a word to the broker.
    pub(crate) fn vanish(mut self) {
        // Nothing leaves without its driver.
        drop(self.driver.take());
    }
}

impl Drop for QuicClient {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            self.connection.close(VarInt::from_u32(0), b"");
            let endpoint = self.endpoint.clone();
            let idle =
                async move { tokio::time::timeout(PATIENCE / 20, endpoint.wait_idle()).await };
            let _ = self.runtime.block_on(idle);
            drop(driver);
        }
    }
}

impl QuicStream {
    pub(crate) fn finish(&self) {
        self.send.lock().unwrap().finish().unwrap();
    }

    pub(crate) fn reset(&self) {
        self.send
            .lock()
            .unwrap()
            .reset(VarInt::from_u32(7))
            .unwrap();
    }

    /// Reads nothing more.
    pub(crate) fn stop(&self) {
        self.recv.lock().unwrap().stop(VarInt::from_u32(7)).unwrap();
    }
}

impl Read for QuicStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut recv = self.recv.lock().unwrap();
        match within(&self.runtime, recv.read(buffer)) {
            Ok(read) => Ok(read.unwrap_or(0)),
            Err(error) => Err(io::Error::new(io::ErrorKind::ConnectionReset, error)),
        }
    }
}

impl Write for QuicStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut send = self.send.lock().unwrap();
        Ok(within(&self.runtime, send.write(bytes))?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn within<T>(runtime: &Handle, what: impl Future<Output = T>) -> T {
    let patient = async { tokio::time::timeout(PATIENCE, what).await };
    runtime.block_on(patient).expect("nothing came")
}
