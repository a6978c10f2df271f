//! Times as people read them.

use crate::ids::Timestamp;

const DAY_MS: u64 = 86_400_000;
/// The last millisecond of the year 9999: the notation has four digits for years.
const LATEST_MS: u64 = 253_402_300_799_999;

impl Timestamp {
    /// The time in UTC as RFC 3339 writes it, like `2026-02-28T23:59:59.250Z`.
    /// What lies after the year 9999 is shown as its last moment.
    pub fn rfc3339(self) -> String {
        let millis = self.get().min(LATEST_MS);
        let (year, month, day) = civil_date(millis / DAY_MS);
        let in_day = millis % DAY_MS;
        let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
        let (second, milli) = (in_day / 1_000 % 60, in_day % 1_000);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

/// Year, month and day, counted from 1, of a day since 1970 in the Gregorian
/// calendar. Its years begin in March, so that a leap day is the last of one.
fn civil_date(days_since_1970: u64) -> (u64, u64, u64) {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let since_march_0000 = days_since_1970 + 719_468;
    let era = since_march_0000 / DAYS_OF_400_YEARS;
    let day_of_era = since_march_0000 % DAYS_OF_400_YEARS;
    // Every 4th year has a leap day, every 100th has none, the 400th has one.
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // From March on, months of 31 and 30 days alternate in runs of five: 153 days.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) = match month_from_march {
        0..=9 => (month_from_march + 3, 0),
        _ => (month_from_march - 9, 1),
    };
    (era * 400 + year_of_era + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_210_096_007, "2024-02-29T12:34:56.007Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
            (1_772_323_200_000, "2026-03-01T00:00:00.000Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (LATEST_MS, "9999-12-31T23:59:59.999Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::new(millis).rfc3339(), text, "{millis}");
        }
    }

    /// Counted forward day by day, with the rule for leap years as it is taught.
    #[test]
    fn every_day_of_eight_centuries() {
        let mut day = 0;
        for year in 1970..2770_u64 {
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let february = if is_leap { 29 } else { 28 };
            let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            for (month, length) in (1..).zip(lengths) {
                for of_month in 1..=length {
                    assert_eq!(civil_date(day), (year, month, of_month), "day {day}");
                    day += 1;
                }
            }
        }
    }
}
