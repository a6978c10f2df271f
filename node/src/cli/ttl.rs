//! How long a token lives: `30m`, `24h`, `7d`.

use std::str::FromStr;

use thiserror::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ttl {
    pub(super) seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("write a number and s, m, h or d, like 30m, 24h or 7d")]
pub(super) struct TtlError;

impl FromStr for Ttl {
    type Err = TtlError;

    fn from_str(text: &str) -> Result<Self, TtlError> {
        let digits = text
            .find(|one: char| !one.is_ascii_digit())
            .ok_or(TtlError)?;
        let (number, unit) = text.split_at(digits);
        let unit_s: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return Err(TtlError),
        };
        let number: u64 = number.parse().map_err(|_| TtlError)?;
        match number.checked_mul(unit_s) {
            Some(seconds) if seconds > 0 => Ok(Self { seconds }),
            _ => Err(TtlError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1_800),
            ("24h", 86_400),
            ("7d", 604_800),
        ] {
            assert_eq!(text.parse(), Ok(Ttl { seconds }), "{text}");
        }
        for bad in [
            "",
            "24",
            "h",
            "0h",
            "-1h",
            "1.5h",
            "1 h",
            "1w",
            "99999999999999999999d",
            "é",
        ] {
            assert_eq!(bad.parse::<Ttl>(), Err(TtlError), "{bad:?}");
        }
    }
}
