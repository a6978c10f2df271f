//! What all checked strings share once their rule is written: how they are
//! read, shown, and verified when they come back from a disk or a peer.

/// Implements the common traits of a newtype around `Arc<str>` whose rule is
/// the function `$check: fn(&str) -> Result<(), impl Error>`.
macro_rules! validated_text {
    ($name:ident, $archived:ident, $check:path) => {
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl $archived {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        // SAFETY: `verify` is called after the string inside was checked to be
        // valid UTF-8 within bounds. It only reads that string, and the rule it
        // adds is no condition for memory safety: refusing more is always sound.
        unsafe impl<C> rkyv::bytecheck::Verify<C> for $archived
        where
            C: rkyv::rancor::Fallible + ?Sized,
            C::Error: rkyv::rancor::Source,
        {
            fn verify(&self, _: &mut C) -> Result<(), C::Error> {
                match $check(self.as_str()) {
                    Ok(()) => Ok(()),
                    Err(error) => rkyv::rancor::fail!(error),
                }
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&*self.0, formatter)
            }
        }
    };
}
pub(crate) use validated_text;
