//! The cluster's own certificate authority: made when the cluster forms, kept
//! by all of its cores, so that any of them can admit a node.

use std::fmt;

use quorate_model::ids::{ClusterId, Timestamp};
use quorate_model::member::NODE_KEY_BYTES;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SanType, SerialNumber,
    SignatureAlgorithm, SigningKey,
};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, UnparsedPublicKey};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

use crate::identity::PeerIdentity;
use crate::token::SessionBinding;

/// Long enough that nobody has to plan for it; `rotate-ca` makes another.
const AUTHORITY_LIFETIME: Duration = Duration::days(3650);
/// A node renews its certificate when a third of this is left.
pub const NODE_LIFETIME: Duration = Duration::days(90);
/// Clocks of nodes may differ by so much.
const CLOCK_SKEW: Duration = Duration::hours(24);

/// What is signed begins with this, so that a signature for one purpose is good
/// for no other.
const PROOF_CONTEXT: &[u8] = b"quorate admission by key v1";

/// A certificate authority with its private key.
pub struct Authority {
    cluster: ClusterId,
    serial: u32,
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

/// A node's key pair. The private half never leaves the node.
pub struct NodeKey(KeyPair);

/// The public half, which an authority signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePublicKey([u8; NODE_KEY_BYTES]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    #[error("the key cannot be used: {0}")]
    Key(String),
    #[error("the certificate was not made: {0}")]
    Certificate(String),
    #[error("the system gives no random bytes")]
    Random,
}

impl Authority {
    pub fn make(cluster: ClusterId, serial: u32, now: Timestamp) -> Result<Self, AuthorityError> {
        let key = new_key()?;
        let certificate = authority_params(cluster, serial, now)?
            .self_signed(&key)
            .map_err(certificate_error)?;
        Ok(Self {
            cluster,
            serial,
            certificate: certificate.der().clone(),
            key,
        })
    }

    /// What [`Authority::certificate`] and [`Authority::key_bytes`] gave before.
    pub fn restore(
        cluster: ClusterId,
        serial: u32,
        certificate: Vec<u8>,
        key: &[u8],
    ) -> Result<Self, AuthorityError> {
        Ok(Self {
            cluster,
            serial,
            certificate: certificate.into(),
            key: key_from(key)?,
        })
    }

    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The private key in PKCS #8 form.
    pub fn key_bytes(&self) -> &[u8] {
        self.key.serialized_der()
    }

    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// Makes a node's certificate.
    pub fn issue(
        &self,
        identity: &PeerIdentity,
        key: &NodePublicKey,
        now: Timestamp,
    ) -> Result<CertificateDer<'static>, AuthorityError> {
        // Name and key identifier of the issuer follow from these; the times
        // do not enter the certificates that it signs.
        let params = authority_params(self.cluster, self.serial, now)?;
        let issuer = Issuer::new(params, &self.key);
        let certificate = node_params(identity, now)?
            .signed_by(key, &issuer)
            .map_err(certificate_error)?;
        Ok(certificate.der().clone())
    }
}

impl NodeKey {
    pub fn generate() -> Result<Self, AuthorityError> {
        new_key().map(Self)
    }

    pub fn restore(pkcs8: &[u8]) -> Result<Self, AuthorityError> {
        key_from(pkcs8).map(Self)
    }

    pub fn public(&self) -> NodePublicKey {
        let mut key = [0; NODE_KEY_BYTES];
        key.copy_from_slice(self.0.public_key_raw());
        NodePublicKey(key)
    }

    /// Shows in this session that this node has the private key.
    pub fn prove(&self, session: &SessionBinding) -> Result<Vec<u8>, AuthorityError> {
        let signed = self.0.sign(&signed_text(session));
        signed.map_err(|error| AuthorityError::Key(error.to_string()))
    }

    /// The private key in PKCS #8 form.
    pub fn bytes(&self) -> &[u8] {
        self.0.serialized_der()
    }
}

impl NodePublicKey {
    pub const fn new(key: [u8; NODE_KEY_BYTES]) -> Self {
        Self(key)
    }

    pub const fn bytes(&self) -> &[u8; NODE_KEY_BYTES] {
        &self.0
    }

    /// Whether the proof was made with the private half, for this session.
    pub fn is_proof(&self, session: &SessionBinding, proof: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(&signed_text(session), proof)
            .is_ok()
    }
}

fn signed_text(session: &SessionBinding) -> Vec<u8> {
    [PROOF_CONTEXT, &session.0].concat()
}

impl PublicKeyData for NodePublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

/// Ed25519 throughout: signatures have one length, so packets do, and a
/// simulated run sends the same sizes each time.
fn new_key() -> Result<KeyPair, AuthorityError> {
    KeyPair::generate_for(&PKCS_ED25519).map_err(|error| AuthorityError::Key(error.to_string()))
}

fn key_from(pkcs8: &[u8]) -> Result<KeyPair, AuthorityError> {
    KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8), &PKCS_ED25519)
        .map_err(|error| AuthorityError::Key(error.to_string()))
}

fn authority_params(
    cluster: ClusterId,
    serial: u32,
    now: Timestamp,
) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(
        DnType::CommonName,
        format!("Quorate {cluster} CA {serial:08x}"),
    );
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.serial_number = Some(serial_number()?);
    set_validity(&mut params, now, AUTHORITY_LIFETIME)?;
    Ok(params)
}

fn node_params(
    identity: &PeerIdentity,
    now: Timestamp,
) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let uri = Ia5String::try_from(identity.to_string()).map_err(certificate_error)?;
    params.subject_alt_names = vec![SanType::URI(uri)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(serial_number()?);
    set_validity(&mut params, now, NODE_LIFETIME)?;
    Ok(params)
}

fn set_validity(
    params: &mut CertificateParams,
    now: Timestamp,
    lifetime: Duration,
) -> Result<(), AuthorityError> {
    let seconds = i64::try_from(now.get() / 1000).unwrap_or(i64::MAX);
    let now = OffsetDateTime::from_unix_timestamp(seconds).map_err(certificate_error)?;
    params.not_before = now.checked_sub(CLOCK_SKEW).unwrap_or(now);
    params.not_after = now
        .checked_add(lifetime)
        .ok_or_else(|| certificate_error("the clock is set beyond the year 9999"))?;
    Ok(())
}

/// Random, positive and of one length.
fn serial_number() -> Result<SerialNumber, AuthorityError> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| AuthorityError::Random)?;
    bytes[0] = (bytes[0] & 0x3f) | 0x40;
    Ok(SerialNumber::from(bytes.to_vec()))
}

fn certificate_error(error: impl fmt::Display) -> AuthorityError {
    AuthorityError::Certificate(error.to_string())
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("cluster", &self.cluster)
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeKey(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_proof_holds_for_its_key_and_its_session() {
        let (key, other) = (NodeKey::generate().unwrap(), NodeKey::generate().unwrap());
        let session = SessionBinding([1; 32]);
        let proof = key.prove(&session).unwrap();
        assert!(key.public().is_proof(&session, &proof));
        assert!(!key.public().is_proof(&SessionBinding([2; 32]), &proof));
        assert!(!other.public().is_proof(&session, &proof));
        assert!(!key.public().is_proof(&session, &proof[1..]));
    }
}
