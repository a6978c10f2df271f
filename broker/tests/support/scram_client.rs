//! The client's half of SCRAM-SHA-256, as RFC 5802 has it.

use std::num::NonZeroU32;

use data_encoding::BASE64;
use ring::{digest, hmac, pbkdf2};

pub(crate) const METHOD: &str = "SCRAM-SHA-256";

pub(crate) struct ScramClient<'a> {
    pub(crate) password: &'a str,
    /// `n,,` of a client that cannot bind the channel, `y,,` of one that could.
    pub(crate) gs2_header: &'a str,
    /// Without the header.
    first: String,
    nonce: &'a str,
    /// What the server has to sign, and with what.
    expected: Option<(Vec<u8>, String)>,
}

impl<'a> ScramClient<'a> {
    pub(crate) fn new(user: &str, password: &'a str, nonce: &'a str) -> Self {
        let escaped = user.replace('=', "=3D").replace(',', "=2C");
        Self {
            password,
            gs2_header: "n,,",
            first: format!("n={escaped},r={nonce}"),
            nonce,
            expected: None,
        }
    }

    pub(crate) fn first(&self) -> Vec<u8> {
        format!("{}{}", self.gs2_header, self.first).into_bytes()
    }

    pub(crate) fn last(&mut self, server_first: &[u8]) -> Vec<u8> {
        let server_first = str::from_utf8(server_first).unwrap();
        let mut attributes = server_first.split(',').map(|attribute| &attribute[2..]);
        let nonce = attributes.next().unwrap();
        let salt = BASE64
            .decode(attributes.next().unwrap().as_bytes())
            .unwrap();
        let iterations: NonZeroU32 = attributes.next().unwrap().parse().unwrap();
        assert!(nonce.starts_with(self.nonce) && nonce.len() > self.nonce.len());
        let mut salted = [0; 32];
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(
            algorithm,
            iterations,
            &salt,
            self.password.as_bytes(),
            &mut salted,
        );
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, &client_key);
        let header = BASE64.encode(self.gs2_header.as_bytes());
        let without_proof = format!("c={header},r={nonce}");
        let signed = format!("{},{server_first},{without_proof}", self.first);
        let signature = sign(stored_key.as_ref(), signed.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(&signature)
            .map(|(key, mask)| key ^ mask)
            .collect();
        self.expected = Some((sign(&salted, b"Server Key"), signed));
        format!("{without_proof},p={}", BASE64.encode(&proof)).into_bytes()
    }

    /// Whether the server knows the password too.
    pub(crate) fn believes(&self, server_final: &[u8]) -> bool {
        let (key, signed) = self.expected.as_ref().unwrap();
        let signature = BASE64.encode(&sign(key, signed.as_bytes()));
        server_final == format!("v={signature}").as_bytes()
    }
}

fn sign(key: &[u8], data: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, data).as_ref().to_vec()
}
