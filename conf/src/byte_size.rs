//! `64KiB`, `1MB`: amounts of memory and disk as people write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A number of bytes, never zero.
///
/// `KB`, `MB`, `GB` count in steps of 1024, as other brokers do, and mean the
/// same as `KiB`, `MiB`, `GiB`. Case does not matter; no unit means bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ByteSizeError {
    #[error("a size is a whole number and a unit of B, KB, MB or GB, like `64KB` or `1MB`")]
    Malformed,
    #[error("a size is at least one byte")]
    Zero,
    #[error("a size fits 64 bits")]
    TooLarge,
}

/// Largest first; the first spelling is the one that is shown.
const UNITS: [(u64, [&str; 2]); 4] = [
    (1 << 30, ["GB", "GiB"]),
    (1 << 20, ["MB", "MiB"]),
    (1 << 10, ["KB", "KiB"]),
    (1, ["", "B"]),
];

impl ByteSize {
    pub(crate) const fn of(bytes: u64) -> Self {
        assert!(bytes > 0, "a size of nothing");
        Self(bytes)
    }

    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(ByteSizeError::Malformed);
        }
        let unit = unit.strip_prefix(' ').unwrap_or(unit);
        let (factor, _) = UNITS
            .iter()
            .find(|(_, spellings)| spellings.iter().any(|one| one.eq_ignore_ascii_case(unit)))
            .ok_or(ByteSizeError::Malformed)?;
        // All digits, so only the range can be wrong.
        let number: u64 = number.parse().map_err(|_| ByteSizeError::TooLarge)?;
        match number.checked_mul(*factor) {
            None => Err(ByteSizeError::TooLarge),
            Some(0) => Err(ByteSizeError::Zero),
            Some(bytes) => Ok(Self(bytes)),
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS
            .iter()
            .find(|(factor, _)| self.0.is_multiple_of(*factor));
        let (factor, unit) = exact.map_or((1, ""), |(factor, spellings)| (*factor, spellings[0]));
        write!(formatter, "{}{unit}", self.0 / factor)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = ByteSize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a size like \"1MB\" or a number of bytes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
        if bytes == 0 {
            return Err(E::custom(ByteSizeError::Zero));
        }
        Ok(ByteSize(bytes))
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
        let bytes = u64::try_from(bytes).map_err(|_| E::custom(ByteSizeError::Malformed))?;
        self.visit_u64(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings() {
        for (text, bytes, shown) in [
            ("1", 1, "1"),
            ("17B", 17, "17"),
            ("1000", 1000, "1000"),
            ("1KB", 1 << 10, "1KB"),
            ("64KiB", 64 << 10, "64KB"),
            ("1024 kb", 1 << 20, "1MB"),
            ("1MB", 1 << 20, "1MB"),
            ("4GB", 4 << 30, "4GB"),
            ("1536MiB", 1536 << 20, "1536MB"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown));
        }
    }

    #[test]
    fn what_is_no_size() {
        for text in ["", "MB", "1.5MB", "-1", "+1", "1 MB ", "1XB", "1MBB", "é"] {
            assert_eq!(
                text.parse::<ByteSize>(),
                Err(ByteSizeError::Malformed),
                "{text}"
            );
        }
        assert_eq!("0KB".parse::<ByteSize>(), Err(ByteSizeError::Zero));
        for text in ["18446744073709551616", "17179869184GB"] {
            assert_eq!(text.parse::<ByteSize>(), Err(ByteSizeError::TooLarge));
        }
    }

    #[derive(Deserialize, Serialize)]
    struct Table {
        size: ByteSize,
    }

    #[test]
    fn from_toml() {
        for (text, bytes) in [("size = \"2KB\"", 2048), ("size = 2048", 2048)] {
            let table: Table = toml::from_str(text).unwrap();
            assert_eq!(table.size.bytes(), bytes);
            assert_eq!(toml::to_string(&table).unwrap(), "size = \"2KB\"\n");
        }
        for text in ["size = 0", "size = -1", "size = \"x\"", "size = 1.5"] {
            assert!(toml::from_str::<Table>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_as_the_same(bytes in 1..=u64::MAX, shift in 0..64_u32) {
            let size = ByteSize((bytes >> shift).max(1) << shift.min(30).min(bytes.leading_zeros()));
            let shown = size.to_string();
            prop_assert_eq!(shown.parse::<ByteSize>(), Ok(size));
            prop_assert!(shown.len() <= size.0.to_string().len());
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,24}") {
            if let Ok(size) = text.parse::<ByteSize>() {
                prop_assert!(size.bytes() > 0);
            }
        }
    }
}
