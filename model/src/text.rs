//! The rules every MQTT string obeys, and how shared strings are archived.

use std::sync::Arc;

use rkyv::rancor::{Fallible, Source};
use rkyv::string::{ArchivedString, StringResolver};
use rkyv::with::{ArchiveWith, DeserializeWith, SerializeWith};
use rkyv::{Place, SerializeUnsized};
use thiserror::Error;

/// The longest string that MQTT can carry: its length is a 16-bit number.
pub const MAX_TEXT_BYTES: usize = 65_535;

/// Why a string cannot appear in an MQTT packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TextError {
    #[error("the string has {bytes} bytes, MQTT allows at most {MAX_TEXT_BYTES}")]
    TooLong { bytes: usize },
    #[error("the string has the character U+0000 at byte {at}, which MQTT forbids")]
    Nul { at: usize },
}

/// Checks what `str` itself does not guarantee. Surrogates need no check: they
/// cannot occur in a `str`.
pub fn check(text: &str) -> Result<(), TextError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(TextError::TooLong { bytes: text.len() });
    }
    match text.find('\0') {
        Some(at) => Err(TextError::Nul { at }),
        None => Ok(()),
    }
}

/// Archives an `Arc<str>` as a plain string: `#[rkyv(with = Text)]`.
///
/// rkyv's own way for `Arc` archives a pointer into a pool of shared values.
/// That makes the bytes depend on which strings happened to share an
/// allocation, and equal values must have equal bytes here.
///
/// It says nothing about [`check`]: a type that wraps a string verifies its own
/// rules when it is read back.
#[derive(Debug, Clone, Copy)]
pub struct Text;

impl ArchiveWith<Arc<str>> for Text {
    type Archived = ArchivedString;
    type Resolver = StringResolver;

    fn resolve_with(field: &Arc<str>, resolver: Self::Resolver, out: Place<Self::Archived>) {
        ArchivedString::resolve_from_str(field, resolver, out);
    }
}

impl<S> SerializeWith<Arc<str>, S> for Text
where
    S: Fallible + ?Sized,
    S::Error: Source,
    str: SerializeUnsized<S>,
{
    fn serialize_with(field: &Arc<str>, serializer: &mut S) -> Result<Self::Resolver, S::Error> {
        ArchivedString::serialize_from_str(field, serializer)
    }
}

impl<D: Fallible + ?Sized> DeserializeWith<ArchivedString, Arc<str>, D> for Text {
    fn deserialize_with(field: &ArchivedString, _: &mut D) -> Result<Arc<str>, D::Error> {
        Ok(Arc::from(field.as_str()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use rkyv::rancor::Error;
    use rkyv::{Archive, Deserialize, Serialize};

    use super::*;

    #[derive(Archive, Serialize, Deserialize, Debug, PartialEq)]
    struct Pair {
        #[rkyv(with = Text)]
        left: Arc<str>,
        #[rkyv(with = Text)]
        right: Arc<str>,
    }

    #[test]
    fn the_rules() {
        assert_eq!(check(""), Ok(()));
        assert_eq!(check("a/b ✓ \u{feff}\u{1}"), Ok(()));
        assert_eq!(check("ü\0"), Err(TextError::Nul { at: 2 }));
        assert_eq!(check(&"x".repeat(65_535)), Ok(()));
        assert_eq!(
            check(&"x".repeat(65_536)),
            Err(TextError::TooLong { bytes: 65_536 })
        );
        // The limit counts bytes, not characters.
        assert!(check(&"ü".repeat(32_768)).is_err());
    }

    #[test]
    fn archives_and_returns() {
        for text in ["", "short", "longer than what is stored inline ✓"] {
            let pair = Pair {
                left: Arc::from(text),
                right: Arc::from("other"),
            };
            let bytes = rkyv::to_bytes::<Error>(&pair).unwrap();
            assert_eq!(rkyv::from_bytes::<Pair, Error>(&bytes).unwrap(), pair);
        }
    }

    #[test]
    fn sharing_does_not_show_in_the_bytes() {
        let shared: Arc<str> = Arc::from("a string that does not fit inline");
        let one = Pair {
            left: Arc::clone(&shared),
            right: Arc::clone(&shared),
        };
        let two = Pair {
            left: Arc::from(&*shared),
            right: Arc::from(&*shared),
        };
        assert_eq!(
            rkyv::to_bytes::<Error>(&one).unwrap().as_slice(),
            rkyv::to_bytes::<Error>(&two).unwrap().as_slice()
        );
    }
}
