//! The users of a file.
//!
//! ```text
//! # a comment
//! user:salt-base64:iterations:stored-key-base64:server-key-base64
//! ```

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use data_encoding::BASE64;

use super::credentials::Credentials;
use super::digest::{DIGEST_BYTES, Digest, hmac, sha256};
use super::error::{LineFault, UserFileError};
use super::password::{Password, check_name};
use super::user_line::{SALT_BYTES, iterations_of};

pub(super) struct UserFile {
    users: BTreeMap<Arc<str>, Credentials>,
    iterations: NonZeroU32,
    salt_bytes: usize,
    /// What the salts of users that there are not are made of. It is the same after a
    /// restart and on every node with this file, or asking twice would tell.
    decoy_secret: Digest,
}

/// Who a client says it is, and what it has to know to be believed.
pub(super) struct Claimant {
    /// None if there is no such user: then nothing that it knows is enough.
    pub(super) user: Option<Arc<str>>,
    pub(super) credentials: Credentials,
}

impl UserFile {
    pub(super) fn load(path: &Path) -> Result<Self, UserFileError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| UserFileError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text)
    }

    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, UserFileError> {
        let mut users = BTreeMap::new();
        let mut common = None;
        for (at, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let added = add_line(line, &mut users, &mut common);
            added.map_err(|fault| UserFileError::Line {
                path: path.to_owned(),
                line: at + 1,
                fault,
            })?;
        }
        let path = path.to_owned();
        let common = common.ok_or(UserFileError::Empty { path })?;
        Ok(Self {
            decoy_secret: decoy_secret(&users),
            iterations: common.iterations,
            salt_bytes: common.salt_bytes,
            users,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    pub(super) const fn iterations(&self) -> NonZeroU32 {
        self.iterations
    }

    /// Takes as long for users that there are not.
    pub(super) fn find(&self, name: &str) -> Claimant {
        let decoy = self.decoy(name);
        match self.users.get_key_value(name) {
            Some((user, credentials)) => Claimant {
                user: Some(Arc::clone(user)),
                credentials: credentials.clone(),
            },
            None => Claimant {
                user: None,
                credentials: decoy,
            },
        }
    }

    /// Slow on purpose; as slow for users that there are not.
    pub(super) fn check(&self, name: &str, password: &Password) -> Option<Arc<str>> {
        let Claimant { user, credentials } = self.find(name);
        let is_right = credentials.are_of(password.reveal(), self.iterations);
        user.filter(|_| is_right)
    }

    fn decoy(&self, name: &str) -> Credentials {
        let salt = hmac(&self.decoy_secret, name.as_bytes());
        Credentials {
            salt: salt[..self.salt_bytes].into(),
            stored_key: hmac(&self.decoy_secret, &salt),
            server_key: hmac(&salt, &self.decoy_secret),
        }
    }
}

/// What all lines have in common.
#[derive(Clone, Copy)]
struct Common {
    iterations: NonZeroU32,
    salt_bytes: usize,
}

fn add_line(
    line: &str,
    users: &mut BTreeMap<Arc<str>, Credentials>,
    common: &mut Option<Common>,
) -> Result<(), LineFault> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, salt, iterations, stored_key, server_key] = fields[..] else {
        let found = fields.len();
        return Err(LineFault::Fields { found });
    };
    check_name(name).map_err(LineFault::Name)?;
    let salt = decode("salt", salt)?;
    if !SALT_BYTES.contains(&salt.len()) {
        return Err(LineFault::Salt { found: salt.len() });
    }
    let iterations = iterations.parse().ok().and_then(iterations_of);
    let iterations = iterations.ok_or(LineFault::Iterations)?;
    let credentials = Credentials {
        stored_key: key("stored key", stored_key)?,
        server_key: key("server key", server_key)?,
        salt: salt.into(),
    };
    let salt_bytes = credentials.salt.len();
    let wanted = *common.get_or_insert(Common {
        iterations,
        salt_bytes,
    });
    if wanted.iterations != iterations {
        return Err(LineFault::OtherIterations {
            found: iterations.get(),
            wanted: wanted.iterations.get(),
        });
    }
    if wanted.salt_bytes != salt_bytes {
        return Err(LineFault::OtherSalt {
            found: salt_bytes,
            wanted: wanted.salt_bytes,
        });
    }
    match users.insert(name.into(), credentials) {
        None => Ok(()),
        Some(_) => Err(LineFault::Twice),
    }
}

fn key(field: &'static str, text: &str) -> Result<Digest, LineFault> {
    let bytes = decode(field, text)?;
    let found = bytes.len();
    let key: Result<[u8; DIGEST_BYTES], _> = bytes.try_into();
    key.map_err(|_| LineFault::Key { field, found })
}

fn decode(field: &'static str, text: &str) -> Result<Vec<u8>, LineFault> {
    let bytes = BASE64.decode(text.as_bytes());
    bytes.map_err(|_| LineFault::Base64(field))
}

/// No user knows the keys of all the others.
fn decoy_secret(users: &BTreeMap<Arc<str>, Credentials>) -> Digest {
    let keys: Vec<u8> = users
        .values()
        .flat_map(|credentials| [credentials.stored_key, credentials.server_key])
        .flatten()
        .collect();
    hmac(&sha256(&keys), b"quorate: users that there are not")
}

#[cfg(test)]
#[path = "user_file_tests.rs"]
mod tests;
