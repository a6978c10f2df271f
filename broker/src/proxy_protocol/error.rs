//! Why a connection is not from a load balancer, or not from one that is understood.

use thiserror::Error;

use super::binary::MAX_BODY_BYTES;
use super::text::MAX_LINE_BYTES;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProxyError {
    #[error(
        "the connection does not begin with a PROXY protocol header, which this listener \
         requires: a client came around the load balancer, or the balancer sends none"
    )]
    Missing,
    #[error("the PROXY line does not end within {MAX_LINE_BYTES} bytes")]
    LineTooLong,
    #[error("the PROXY line is not `PROXY protocol source destination port port`")]
    Line,
    #[error("the PROXY line has a protocol other than TCP4, TCP6 and UNKNOWN")]
    LineProtocol,
    #[error("the PROXY line has an address that is none of its protocol")]
    LineAddress,
    #[error("the PROXY line has a port that is no number up to 65535")]
    LinePort,
    #[error("the PROXY header has version {0}, and only 1 and 2 are known")]
    Version(u8),
    #[error("the PROXY header has the command {0}, and only LOCAL (0) and PROXY (1) are known")]
    Command(u8),
    #[error("the PROXY header has the unknown address family {0}")]
    Family(u8),
    #[error("the PROXY header has the unknown transport {0}")]
    Transport(u8),
    #[error("the PROXY header announces {0} bytes, and the limit is {MAX_BODY_BYTES}")]
    TooLong(usize),
    #[error("the addresses in the PROXY header are cut off")]
    AddressesCut,
    #[error("an extra field of the PROXY header goes past its end")]
    ExtraCut,
    #[error("the extra field {0:#04x} comes twice in the PROXY header")]
    ExtraTwice(u8),
    #[error("the checksum field of the PROXY header does not have four bytes")]
    ChecksumLength,
    #[error(
        "the checksum of the PROXY header is {found:#010x}, but its bytes give {computed:#010x}"
    )]
    Checksum { found: u32, computed: u32 },
    #[error("the TLS field of the PROXY header is too short")]
    TlsCut,
    #[error("the common name in the PROXY header is not UTF-8, or has control characters")]
    CommonName,
}
