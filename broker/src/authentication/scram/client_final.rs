use data_encoding::BASE64;

use super::attributes::{check_extensions, check_nonce, text_of};
use crate::authentication::digest::Digest;
use crate::authentication::method::Refusal;

/// `c=biws,r=nonce,p=proof`
pub(super) struct ClientFinal<'a> {
    /// The client's first header once more, now signed.
    pub(super) channel_binding: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) proof: Digest,
    /// What is signed of this message.
    pub(super) without_proof: &'a str,
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let text = text_of(bytes)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(MISSING)?;
        let mut attributes = without_proof.split(',');
        let channel_binding = attributes.next().ok_or(MISSING)?;
        let channel_binding = channel_binding.strip_prefix("c=").ok_or(MISSING)?;
        let nonce = attributes.next().ok_or(MISSING)?;
        let nonce = nonce.strip_prefix("r=").ok_or(MISSING)?;
        check_nonce(nonce)?;
        check_extensions(attributes)?;
        let proof = decode(proof)?.try_into();
        let proof = proof.map_err(|_| Refusal::Malformed("the proof has not 32 bytes"))?;
        Ok(Self {
            channel_binding: decode(channel_binding)?,
            nonce,
            proof,
            without_proof,
        })
    }
}

const MISSING: Refusal = Refusal::Malformed("it is not `c=biws,r=nonce,p=proof`");

fn decode(text: &str) -> Result<Vec<u8>, Refusal> {
    let bytes = BASE64.decode(text.as_bytes());
    bytes.map_err(|_| Refusal::Malformed("it is no base64"))
}
