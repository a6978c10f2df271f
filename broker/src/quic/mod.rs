//! MQTT over QUIC.
//!
//! ```text
//!                  QuicListener: a thread, a runtime, an endpoint
//! client                 |                                      reactor
//! control stream <-> Bridge <== a pair of sockets, MQTT as on TCP ==> Connection
//! data streams   <->   | uplink:   whole packets of all streams, one after another
//!                      | downlink: each packet to the stream that it belongs to
//! ```
//!
//! A client with one stream has its bytes passed on as they come. With the first data
//! stream packets are cut, and [`Demux`](demux::Demux) knows which stream has asked for
//! what; `docs/adr/0021-quic-by-a-bridge.md` says what may be said where.

mod boundary;
mod bridge;
mod config;
mod cut;
mod data_stream;
mod demux;
mod door;
mod downlink;
mod lanes;
mod listener;
mod packet_head;
mod subscriptions;
mod uplink;

pub(crate) use listener::QuicListener;
