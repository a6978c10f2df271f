//! Text that must not end up in a log, a listing or an error.

use std::fmt;

use serde::{Serialize, Serializer};

/// Everything but [`Secret::reveal`] shows [`REDACTED`] in its place.
#[derive(Clone)]
pub struct Secret(String);

pub(crate) const REDACTED: &str = "<redacted>";

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reveal_reveals() {
        let secret = Secret::new("hunter2");
        assert_eq!(secret.reveal(), "hunter2");
        let shown = [
            secret.to_string(),
            format!("{secret:?}"),
            format!("{:#?}", Some(&secret)),
            toml::Value::try_from(&secret).unwrap().to_string(),
        ];
        for text in shown {
            assert!(text.contains(REDACTED), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
