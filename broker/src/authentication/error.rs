//! What can be wrong with users. None of it repeats a salt, a key or a password.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::password::{MAX_NAME_BYTES, MAX_PASSWORD_BYTES};
use super::user_line::{ITERATIONS, SALT_BYTES};

/// Why the users are not known. Those that were known before still are.
#[derive(Debug, Error)]
pub enum UserFileError {
    #[error(
        "the users in {path:?} cannot be read: {source}; see to it that the file is there, is \
         text, and may be read by the broker's user"
    )]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{path:?}, line {line}: {fault}")]
    Line {
        path: PathBuf,
        line: usize,
        fault: LineFault,
    },
    #[error(
        "there are no users in {path:?}: add a line for each; to let everybody in, leave the \
         file out of the configuration"
    )]
    Empty { path: PathBuf },
}

/// What is wrong with a line of the user file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LineFault {
    #[error(
        "it has {found} fields and not 5, as in `user:salt:iterations:stored-key:server-key`; \
         make the line anew"
    )]
    Fields { found: usize },
    #[error("the user name {0}; make the line anew with another one")]
    Name(TextFault),
    #[error("there is a line for this user already; leave one of them")]
    Twice,
    #[error("the {0} is no base64; make the line anew")]
    Base64(&'static str),
    #[error(
        "the salt has {found} bytes and not {} to {}; make the line anew",
        SALT_BYTES.start(),
        SALT_BYTES.end()
    )]
    Salt { found: usize },
    #[error("the {field} has {found} bytes and not 32, as with SHA-256; make the line anew")]
    Key { field: &'static str, found: usize },
    #[error(
        "the iterations are not a number from {} to {}; make the line anew",
        ITERATIONS.start(),
        ITERATIONS.end()
    )]
    Iterations,
    #[error(
        "it has {found} iterations, and the lines before it have {wanted}: they must be the \
         same in the whole file, or they tell strangers which users there are; make the line \
         anew with {wanted}"
    )]
    OtherIterations { found: u32, wanted: u32 },
    #[error(
        "its salt has {found} bytes, and those of the lines before it have {wanted}: they must \
         be as long in the whole file, or they tell strangers which users there are; make the \
         line anew"
    )]
    OtherSalt { found: usize, wanted: usize },
}

/// Why no line is made for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UserLineError {
    #[error("the user name {0}; choose another one")]
    Name(TextFault),
    #[error("the password {0}; choose another one")]
    Password(TextFault),
    #[error(
        "{found} iterations are not from {} to {}; 4096 is what most clients expect",
        ITERATIONS.start(),
        ITERATIONS.end()
    )]
    Iterations { found: u32 },
    #[error("the system has no random numbers")]
    NoRandom,
}

/// What is wrong with a user name or a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TextFault {
    #[error("is empty")]
    Empty,
    #[error("is longer than {MAX_NAME_BYTES} bytes")]
    LongName,
    #[error("is longer than {MAX_PASSWORD_BYTES} bytes")]
    LongPassword,
    #[error("has other characters than the letters, digits, signs and spaces of ASCII")]
    NotPlain,
    #[error("begins with `#`, as comments do")]
    Comment,
    #[error("has a `:`, which separates the fields of the file")]
    Colon,
}
