//! Making the line of a user.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use data_encoding::BASE64;
use ring::rand::{SecureRandom, SystemRandom};

use super::credentials::Credentials;
use super::error::UserLineError;
use super::password::{check_name, check_password};

/// At least what RFC 7677 wants; at most what takes about a second.
pub(super) const ITERATIONS: RangeInclusive<u32> = 4096..=2_000_000;
/// A salt of more than a digest could not be made up for users that there are not.
pub(super) const SALT_BYTES: RangeInclusive<usize> = 8..=32;
const FRESH_SALT_BYTES: usize = 16;

/// The line of the user file for a user with that password, without the end of the line.
/// All lines of a file must have the same iterations.
pub fn user_line(name: &str, password: &str, iterations: u32) -> Result<String, UserLineError> {
    let mut salt = [0; FRESH_SALT_BYTES];
    let random = SystemRandom::new();
    random
        .fill(&mut salt)
        .map_err(|_| UserLineError::NoRandom)?;
    line_with_salt(name, password, iterations, &salt)
}

pub(super) fn line_with_salt(
    name: &str,
    password: &str,
    iterations: u32,
    salt: &[u8],
) -> Result<String, UserLineError> {
    check_name(name).map_err(UserLineError::Name)?;
    check_password(password.as_bytes()).map_err(UserLineError::Password)?;
    let checked =
        iterations_of(iterations).ok_or(UserLineError::Iterations { found: iterations })?;
    let credentials = Credentials::derive(password.as_bytes(), salt, checked);
    Ok(format!(
        "{name}:{}:{iterations}:{}:{}",
        BASE64.encode(salt),
        BASE64.encode(&credentials.stored_key),
        BASE64.encode(&credentials.server_key),
    ))
}

pub(super) fn iterations_of(iterations: u32) -> Option<NonZeroU32> {
    let is_fine = ITERATIONS.contains(&iterations);
    NonZeroU32::new(iterations).filter(|_| is_fine)
}
