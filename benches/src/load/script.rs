use std::io;

use quorate_mqtt::codec::DecodeError;
use quorate_mqtt::packet::Packet;
use quorate_mqtt::reason::ReasonCode;
use thiserror::Error;

use super::packet_ids::Unexpected;

/// What the clients of a fleet do. Called by the fleet; what is appended to `out` goes
/// out at the end of its turn.
pub trait Script {
    /// The connection stands; the first packet is due.
    fn on_open(&mut self, client: usize, out: &mut Vec<u8>);

    /// An error closes the connection, and comes back as the cause.
    fn on_packet(
        &mut self,
        client: usize,
        packet: &Packet<'_>,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), CloseCause>;

    /// The connection is gone, and not because the scenario closed it.
    fn on_close(&mut self, client: usize, cause: CloseCause);
}

/// Why a connection ended.
#[derive(Debug, Error)]
pub enum CloseCause {
    #[error("the broker closed the connection")]
    EndOfStream,
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("the broker sent what is no packet: {0}")]
    Decode(#[from] DecodeError),
    #[error("the broker refused the connection: {0}")]
    Refused(ReasonCode),
    #[error("the broker disconnected: {0}")]
    Disconnected(ReasonCode),
    #[error("the broker refused a subscription: {0}")]
    SubscriptionRefused(ReasonCode),
    #[error("the broker refused a message: {0}")]
    MessageRefused(ReasonCode),
    #[error("the broker sent {0}")]
    Acknowledgement(#[from] Unexpected),
    #[error("the broker sent a {0}, which has no place there")]
    Packet(&'static str),
    #[error("the broker sent a message that nobody here published")]
    ForeignMessage,
}
