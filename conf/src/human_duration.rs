//! `250ms`, `30s`, `1h30m`: spans of time as people write them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A span of time above zero, in whole milliseconds, of at most
/// [`MAX_DAYS`] days: it can be added to any clock without overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(Duration);

const MAX_DAYS: u64 = 36_500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HumanDurationError {
    #[error(
        "a duration is whole numbers with units of d, h, m, s or ms, largest first, \
         like `250ms`, `30s` or `1h30m`"
    )]
    Malformed,
    #[error("a duration is longer than zero")]
    Zero,
    #[error("a duration is at most {MAX_DAYS}d")]
    TooLong,
}

/// Milliseconds a unit, largest first.
const UNITS: [(u64, &str); 5] = [
    (86_400_000, "d"),
    (3_600_000, "h"),
    (60_000, "m"),
    (1_000, "s"),
    (1, "ms"),
];

const MAX_MS: u64 = MAX_DAYS * UNITS[0].0;

impl HumanDuration {
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<HumanDuration> for Duration {
    fn from(duration: HumanDuration) -> Self {
        duration.0
    }
}

impl FromStr for HumanDuration {
    type Err = HumanDurationError;

    fn from_str(text: &str) -> Result<Self, HumanDurationError> {
        let mut rest = text;
        let mut units = &UNITS[..];
        let mut total_ms = 0_u64;
        while !rest.is_empty() || units.len() == UNITS.len() {
            let (number, after) = split(rest, |byte| byte.is_ascii_digit());
            let (unit, after) = split(after, |byte| byte.is_ascii_alphabetic());
            let at = units.iter().position(|(_, known)| *known == unit);
            let (false, Some(at)) = (number.is_empty(), at) else {
                return Err(HumanDurationError::Malformed);
            };
            // All digits, so only the range can be wrong.
            let number: u64 = number.parse().map_err(|_| HumanDurationError::TooLong)?;
            total_ms = number
                .checked_mul(units[at].0)
                .and_then(|part| part.checked_add(total_ms))
                .ok_or(HumanDurationError::TooLong)?;
            units = &units[at + 1..];
            rest = after;
        }
        match total_ms {
            0 => Err(HumanDurationError::Zero),
            1..=MAX_MS => Ok(Self(Duration::from_millis(total_ms))),
            _ => Err(HumanDurationError::TooLong),
        }
    }
}

fn split(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    text.split_at(text.bytes().take_while(|byte| belongs(*byte)).count())
}

impl fmt::Display for HumanDuration {
    /// The shortest exact form: `90m` rather than `1h30m`, and `1d1h` rather
    /// than `1500m`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(MAX_MS);
        let forms = (0..UNITS.len()).map(|first| spelled(ms, &UNITS[first..]));
        let shortest = forms.min_by_key(String::len).unwrap_or_default();
        formatter.write_str(&shortest)
    }
}

fn spelled(mut ms: u64, units: &[(u64, &str)]) -> String {
    let mut text = String::new();
    for (factor, unit) in units {
        let number = ms / factor;
        ms %= factor;
        if number > 0 {
            text += &format!("{number}{unit}");
        }
    }
    text
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings() {
        for (text, ms, shown) in [
            ("250ms", 250, "250ms"),
            ("1000ms", 1_000, "1s"),
            ("30s", 30_000, "30s"),
            ("5m", 300_000, "5m"),
            ("24h", 86_400_000, "1d"),
            ("7d", 604_800_000, "7d"),
            ("1h30m", 5_400_000, "90m"),
            ("1d1h", 90_000_000, "25h"),
            ("1d1ms", 86_400_001, "1d1ms"),
            ("2m0s1ms", 120_001, "2m1ms"),
        ] {
            let duration: HumanDuration = text.parse().unwrap();
            assert_eq!(duration.get(), Duration::from_millis(ms), "{text}");
            assert_eq!(duration.to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_duration() {
        for text in [
            "", "5", "m", "5x", "1.5h", "-1s", "5 m", " 5m", "5m ", "5M", "30m1h", "1m1m", "1h30",
            "é",
        ] {
            let error = text.parse::<HumanDuration>();
            assert_eq!(error, Err(HumanDurationError::Malformed), "{text}");
        }
        for text in ["0s", "0h0m"] {
            assert_eq!(text.parse::<HumanDuration>(), Err(HumanDurationError::Zero));
        }
        for text in [
            "36501d",
            "36500d1ms",
            "213503982335d",
            "99999999999999999999s",
        ] {
            let error = text.parse::<HumanDuration>();
            assert_eq!(error, Err(HumanDurationError::TooLong), "{text}");
        }
        assert!("36500d".parse::<HumanDuration>().is_ok());
    }

    #[derive(Deserialize, Serialize)]
    struct Table {
        ttl: HumanDuration,
    }

    #[test]
    fn from_toml() {
        let table: Table = toml::from_str("ttl = \"1h30m\"").unwrap();
        assert_eq!(Duration::from(table.ttl), Duration::from_secs(5400));
        assert_eq!(toml::to_string(&table).unwrap(), "ttl = \"90m\"\n");
        for text in ["ttl = \"5\"", "ttl = 5"] {
            assert!(toml::from_str::<Table>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_as_the_same(
            count in 1..=MAX_MS,
            unit in 0..UNITS.len(),
        ) {
            let ms = (count % (MAX_MS / UNITS[unit].0)).max(1) * UNITS[unit].0;
            let duration = HumanDuration(Duration::from_millis(ms));
            let shown = duration.to_string();
            prop_assert_eq!(shown.parse::<HumanDuration>(), Ok(duration));
            let in_ms = format!("{ms}ms");
            prop_assert!(shown.len() <= in_ms.len());
        }

        #[test]
        fn any_text_is_read_or_refused(text in "([0-9]{1,20}(d|h|m|s|ms|.)){0,4}") {
            if let Ok(duration) = text.parse::<HumanDuration>() {
                prop_assert!(!duration.get().is_zero());
            }
        }
    }
}
