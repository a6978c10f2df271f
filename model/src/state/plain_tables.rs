//! Bans and cluster-wide settings: plain rows with bounds.

use crate::ban::{Ban, BanSubject};
use crate::change::Change;
use crate::limits;
#[cfg(feature = "mutants")]
use crate::mutant::Mutant;
use crate::reply::{Bound, Reply};
use crate::state::execute::{Decision, Execution, too_large};

impl Execution<'_> {
    pub(super) fn ban(&mut self, subject: &BanSubject, ban: &Ban) -> Decision {
        if !subject.is_within_limits() || ban.reason.len() > limits::MAX_BAN_TEXT_BYTES {
            return Err(too_large(Bound::BanText, limits::MAX_BAN_TEXT_BYTES));
        }
        let is_new = self.view.ban(subject).is_none();
        if is_new && self.view.ban_count() >= limits::MAX_BANS {
            return Err(too_large(Bound::Bans, limits::MAX_BANS));
        }
        let (subject, ban) = (subject.clone(), ban.clone());
        self.emit(Change::BanSet { subject, ban });
        Ok(Reply::Done)
    }

    pub(super) fn unban(&mut self, subject: &BanSubject) -> Decision {
        if self.view.ban(subject).is_some() {
            let subject = subject.clone();
            self.emit(Change::BanRemoved { subject });
        }
        Ok(Reply::Done)
    }

    pub(super) fn set_setting(&mut self, key: &str, value: &str) -> Decision {
        if key.len() > limits::MAX_SETTING_KEY_BYTES {
            return Err(too_large(Bound::SettingKey, limits::MAX_SETTING_KEY_BYTES));
        }
        if value.len() > limits::MAX_SETTING_VALUE_BYTES {
            let limit = limits::MAX_SETTING_VALUE_BYTES;
            return Err(too_large(Bound::SettingValue, limit));
        }
        let is_new = self.view.setting(key).is_none();
        if is_new && self.view.setting_count() >= limits::MAX_SETTINGS {
            return Err(too_large(Bound::Settings, limits::MAX_SETTINGS));
        }
        #[cfg(feature = "mutants")]
        if self.mutant == Some(Mutant::NondeterministicApply)
            && self.revision.get() % 7 == self.hash_seed % 7
        {
            return Ok(Reply::Done);
        }
        let (key, value) = (key.to_owned(), value.to_owned());
        self.emit(Change::SettingSet { key, value });
        Ok(Reply::Done)
    }

    pub(super) fn remove_setting(&mut self, key: &str) -> Decision {
        if self.view.setting(key).is_some() {
            let key = key.to_owned();
            self.emit(Change::SettingRemoved { key });
        }
        Ok(Reply::Done)
    }
}
