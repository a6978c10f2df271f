//! How long a token lives: `30m`, `24h`, `7d`.

use std::str::FromStr;

use quorate_model::limits::{MAX_TOKEN_LIFETIME_MS, MIN_TOKEN_LIFETIME_MS};
use thiserror::Error;

const DAY_S: u64 = 24 * 60 * 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ttl {
    pub(super) seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum TtlError {
    #[error("write a number and s, m, h or d, like 30m, 24h or 7d")]
    Form,
    #[error("a token is valid for 1s at least, and for {}d at most", MAX_TOKEN_LIFETIME_MS / 1000 / DAY_S)]
    Range,
}

impl FromStr for Ttl {
    type Err = TtlError;

    fn from_str(text: &str) -> Result<Self, TtlError> {
        let digits = text
            .find(|one: char| !one.is_ascii_digit())
            .filter(|digits| *digits > 0)
            .ok_or(TtlError::Form)?;
        let (number, unit) = text.split_at(digits);
        let unit_s: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => DAY_S,
            _ => return Err(TtlError::Form),
        };
        // Digits alone, so what fails is too long.
        let number: u64 = number.parse().map_err(|_| TtlError::Range)?;
        let seconds = number.saturating_mul(unit_s);
        let range = MIN_TOKEN_LIFETIME_MS..=MAX_TOKEN_LIFETIME_MS;
        if range.contains(&seconds.saturating_mul(1000)) {
            Ok(Self { seconds })
        } else {
            Err(TtlError::Range)
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
            ("366d", 31_622_400),
        ] {
            assert_eq!(text.parse(), Ok(Ttl { seconds }), "{text}");
        }
        for bad in ["", "24", "h", "-1h", "1.5h", "1 h", "1w", "é"] {
            assert_eq!(bad.parse::<Ttl>(), Err(TtlError::Form), "{bad:?}");
        }
        for bad in ["0h", "367d", "99999999999999999999s", "213503982334602d"] {
            assert_eq!(bad.parse::<Ttl>(), Err(TtlError::Range), "{bad:?}");
        }
        assert!(TtlError::Range.to_string().contains("for 366d at most"));
    }
}
