//! What lies between a connection's socket and MQTT, where it is not nothing.
//!
//! ```text
//! socket -> Pace -> PROXY header -> TLS -> WebSocket -> packets
//! socket <----------------------- TLS <- WebSocket <- Output
//! ```
//!
//! Bytes pass through memory that all connections share; a layer keeps what it cannot
//! do without: the beginning of a head, of a record, of a frame's header.

mod end;
mod frames_out;
mod head;
mod pace;
mod tls;
mod websocket;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

pub(crate) use end::LayerEnd;
use head::Head;
pub(crate) use pace::Pace;
use quorate_mqtt::moment::Moment;
use rustls::ServerConfig;
use tls::TlsLayer;
use websocket::WebSocketLayer;

use super::output::{Output, Written};
use crate::carrier::WebSocketConfig;
use crate::proxy_protocol;
use crate::tls::ClientNames;

#[derive(Debug)]
pub(crate) struct Layers {
    /// Some until the proxy's header has come.
    proxy: Option<Head>,
    tls: Option<Box<TlsLayer>>,
    websocket: Option<WebSocketLayer>,
    pace: Option<Pace>,
    /// Set when nothing more will come through.
    end: Option<LayerEnd>,
    /// The broker has ended the connection.
    is_closing: bool,
    /// How the client's certificate calls it.
    names: Option<Box<ClientNames>>,
}

/// Which layers a listener has.
#[derive(Debug, Default)]
pub(crate) struct LayersPlan {
    pub(crate) has_proxy_protocol: bool,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) websocket: Option<Arc<WebSocketConfig>>,
    pub(crate) pace: Option<Pace>,
}

impl LayersPlan {
    /// None where MQTT lies on the socket, as fast as it comes.
    pub(crate) fn build(self) -> Result<Option<Box<Layers>>, rustls::Error> {
        let Self {
            has_proxy_protocol,
            tls,
            websocket,
            pace,
        } = self;
        if !has_proxy_protocol && tls.is_none() && websocket.is_none() && pace.is_none() {
            return Ok(None);
        }
        Ok(Some(Box::new(Layers {
            proxy: has_proxy_protocol.then(Head::default),
            tls: tls.map(TlsLayer::new).transpose()?.map(Box::new),
            websocket: websocket.map(WebSocketLayer::new),
            pace,
            end: None,
            is_closing: false,
            names: None,
        })))
    }
}

impl Layers {
    /// Takes bytes of the socket to what they carry: it lies in one of the two buffers.
    /// The peer's address becomes that which a proxy announces.
    pub(crate) fn take_in<'a>(
        &mut self,
        raw: &'a mut [u8],
        plain: &'a mut Vec<u8>,
        peer: &mut SocketAddr,
    ) -> &'a [u8] {
        plain.clear();
        let announced = match self.take_announcement(raw, peer) {
            Ok(length) => length,
            Err(error) => {
                self.end.get_or_insert(error);
                return &[];
            }
        };
        let mut bytes = &mut raw[announced..];
        if let Some(tls) = &mut self.tls {
            if let Some(end) = tls.take_in(bytes, plain) {
                self.end.get_or_insert(end);
            }
            if let Some(Some(names)) = tls.take_opened() {
                self.names = Some(Box::new(names));
            }
            bytes = plain.as_mut_slice();
        }
        if let Some(websocket) = &mut self.websocket {
            let payload = websocket.take_in(bytes, &mut self.end);
            bytes = &mut bytes[payload];
        }
        bytes
    }

    /// Says how many bytes belong to the proxy's header.
    fn take_announcement(&mut self, raw: &[u8], peer: &mut SocketAddr) -> Result<usize, LayerEnd> {
        let Some(head) = &mut self.proxy else {
            return Ok(0);
        };
        let found = head.take(raw, |all| {
            let header = proxy_protocol::read(all)?;
            Ok::<_, LayerEnd>(header.map(|header| {
                let consumed = header.consumed;
                (header, consumed)
            }))
        })?;
        let Some((header, length)) = found else {
            return Ok(raw.len());
        };
        self.proxy = None;
        if let Some(source) = header.source {
            *peer = source;
        }
        if let Some(common_name) = header.tls.and_then(|tls| tls.common_name) {
            self.names = Some(Box::new(ClientNames {
                common_name: Some(common_name),
                dns_names: Vec::new(),
            }));
        }
        Ok(length)
    }

    pub(crate) fn end(&self) -> Option<&LayerEnd> {
        self.end.as_ref()
    }

    /// How the client is called by a certificate that this node, or the proxy, has
    /// verified.
    pub(crate) fn names(&self) -> Option<&ClientNames> {
        self.names.as_deref()
    }

    /// What is kept of bytes that have come, about.
    pub(crate) fn held_bytes(&self) -> usize {
        let proxy = self.proxy.as_ref().map_or(0, Head::held_bytes);
        let tls = self.tls.as_ref().map_or(0, |tls| tls.held_bytes());
        let websocket = self.websocket.as_ref();
        proxy + tls + websocket.map_or(0, WebSocketLayer::held_bytes)
    }

    /// Whether the layers themselves have something to say.
    pub(crate) fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
            || self
                .websocket
                .as_ref()
                .is_some_and(|websocket| websocket.out.has_own())
    }

    /// Each layer says goodbye when all that waits has been sent.
    pub(crate) fn close(&mut self) {
        self.is_closing = true;
        if let Some(websocket) = &mut self.websocket {
            websocket.close();
        }
    }

    /// Sends what waits here and in the output.
    pub(crate) fn write(
        &mut self,
        output: Option<&mut Output>,
        socket: &mut impl Write,
    ) -> io::Result<Written> {
        let mut nothing = Output::default();
        let output = output.unwrap_or(&mut nothing);
        let websocket = self.websocket.as_mut();
        let Some(tls) = &mut self.tls else {
            return write_frames(websocket, output, socket);
        };
        let mut sealing = tls.over(socket);
        let sent = match write_frames(websocket, output, &mut sealing)? {
            Written::Some => return Ok(Written::Some),
            // The proxy's header is not a place for a farewell.
            Written::All if self.is_closing && self.proxy.is_none() => {
                tls.close();
                tls.over(socket).send()
            }
            Written::All => sealing.send(),
        };
        match sent {
            Ok(()) => Ok(Written::All),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Written::Some),
            Err(error) => Err(error),
        }
    }

    /// How many bytes may be read now.
    pub(crate) fn readable(&mut self, now: Moment) -> usize {
        if self.end.is_some() {
            return 0;
        }
        let pace = self.pace.as_mut();
        pace.map_or(usize::MAX, |pace| pace.readable(now))
    }

    pub(crate) fn spend_bytes(&mut self, read: usize) {
        if let Some(pace) = &mut self.pace {
            pace.spend_bytes(read);
        }
    }

    /// How many of the bytes may be handled now.
    pub(crate) fn allowed(&mut self, bytes: &[u8], now: Moment) -> usize {
        let pace = self.pace.as_mut();
        pace.map_or(bytes.len(), |pace| pace.allowed(bytes, now))
    }

    pub(crate) fn spend_messages(&mut self, handled: &[u8]) {
        if let Some(pace) = &mut self.pace {
            pace.spend_messages(handled);
        }
    }

    /// Until when nothing more is read, if somebody has to see to it that it goes on.
    pub(crate) fn begin_wait(&mut self, now: Moment) -> Option<Moment> {
        self.pace.as_mut()?.begin_wait(now)
    }

    pub(crate) fn end_wait(&mut self) {
        if let Some(pace) = &mut self.pace {
            pace.end_wait();
        }
    }

    /// Whether packets wait for their time.
    pub(crate) fn holds_packets(&self) -> bool {
        self.pace.as_ref().is_some_and(Pace::holds_packets)
    }
}

fn write_frames(
    websocket: Option<&mut WebSocketLayer>,
    output: &mut Output,
    to: &mut impl Write,
) -> io::Result<Written> {
    match websocket {
        Some(websocket) => websocket.out.write(output, to),
        None => output.write_to(to),
    }
}

#[cfg(test)]
mod tests;
