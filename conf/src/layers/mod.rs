//! The layers of a configuration, first to last: each turns its text into
//! settings and says what it does not know.

mod defaults;
mod environment;
mod file;
mod flags;

pub(crate) use defaults::{defaults, defaults_of};
pub(crate) use environment::environment;
pub(crate) use file::file;
pub(crate) use flags::flags;
