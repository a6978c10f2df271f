//! Who may come in.
//!
//! ```text
//! CONNECT --judge--> comes in, or may not
//!            |-----> password --> PasswordQueue --> the helper thread --> user
//!            `-----> method ----> Step --> Challenge, AUTH, advance --> Step ...
//! ```
//!
//! Methods are pure: bytes and letters that nobody can guess come in, steps go out. The
//! [`Doorkeeper`] only says how a client has to be judged; reactors carry it out.

mod bounded;
mod credentials;
mod digest;
mod doorkeeper;
mod error;
mod method;
mod methods;
mod password;
mod password_helper;
mod password_queue;
mod scram;
mod user_file;
mod user_line;
mod users;

pub(crate) use doorkeeper::{Approach, Doorkeeper};
pub use error::{LineFault, TextFault, UserFileError, UserLineError};
pub(crate) use method::{Exchange, Step};
pub(crate) use password::Password;
pub(crate) use password_queue::PasswordJob;
pub use user_line::user_line;
