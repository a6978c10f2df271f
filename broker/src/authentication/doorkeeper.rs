//! What a client has to show before it is let in.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use quorate_mqtt::moment::Moment;
use quorate_mqtt::packet::Connect;
use quorate_mqtt::reason::ReasonCode;

use super::error::UserFileError;
use super::method::Step;
use super::methods::Methods;
use super::password::{check_name, check_password};
use super::password_helper;
use super::password_queue::{Full, PasswordJob, PasswordQueue};
use super::scram::Scram;
use super::users::Users;
use crate::config::AuthenticationConfig;

pub(crate) struct Doorkeeper {
    allow_anonymous: bool,
    users: Option<Arc<Users>>,
    methods: Methods,
    passwords: Arc<PasswordQueue>,
}

/// How a client has to be judged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Approach<'a> {
    ComesIn,
    MayNot(ReasonCode),
    /// Both can be of a user.
    Password {
        name: &'a str,
        password: &'a [u8],
    },
    Method {
        name: &'a str,
        first: &'a [u8],
    },
}

impl Doorkeeper {
    pub(crate) fn new(config: &AuthenticationConfig) -> Result<Self, UserFileError> {
        let path = config.scram_users.clone();
        let users = path.map(Users::load).transpose()?.map(Arc::new);
        let mut methods = Methods::default();
        if let Some(users) = &users {
            methods.add(Scram::new(Arc::clone(users)));
        }
        Ok(Self {
            allow_anonymous: config.allow_anonymous,
            users,
            methods,
            passwords: Arc::default(),
        })
    }

    /// A method comes before a password, which is then the method's to look at; those
    /// that there are do not.
    pub(crate) fn judge<'a>(&self, connect: &Connect<'a>) -> Approach<'a> {
        if let Some(name) = connect.auth_method {
            let first = connect.auth_data.unwrap_or_default();
            return Approach::Method { name, first };
        }
        let is_silent = connect.user_name.is_none() && connect.password.is_none();
        // Without users nobody can be told from anybody else.
        if self.allow_anonymous && (is_silent || self.users.is_none()) {
            return Approach::ComesIn;
        }
        if is_silent {
            return Approach::MayNot(ReasonCode::NotAuthorized);
        }
        match (connect.user_name, connect.password) {
            (Some(name), Some(password)) if self.may_be_right(name, password) => {
                Approach::Password { name, password }
            }
            _ => Approach::MayNot(ReasonCode::BadUserNameOrPassword),
        }
    }

    fn may_be_right(&self, name: &str, password: &[u8]) -> bool {
        self.users.is_some() && check_name(name).is_ok() && check_password(password).is_ok()
    }

    pub(crate) fn begin(&self, method: &str, first: &[u8], nonce: &str) -> Step {
        self.methods.begin(method, first, nonce)
    }

    pub(crate) fn check_password(&self, job: PasswordJob) -> Result<(), Full> {
        self.passwords.put(job)
    }

    /// None if there are no passwords to be checked.
    pub(crate) fn spawn_helper(
        &self,
        now: impl Fn() -> Moment + Send + 'static,
    ) -> io::Result<Option<JoinHandle<()>>> {
        let Some(users) = self.users.clone() else {
            return Ok(None);
        };
        password_helper::spawn(Arc::clone(&self.passwords), users, now).map(Some)
    }

    /// The helper thread ends.
    pub(crate) fn close(&self) {
        self.passwords.close();
    }

    /// Returns how many users there are.
    pub(crate) fn reload_users(&self) -> Result<usize, UserFileError> {
        self.users.as_ref().map_or(Ok(0), |users| users.reload())
    }
}

#[cfg(test)]
#[path = "doorkeeper_tests.rs"]
mod tests;
