//! The text of one value into its type.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use crate::byte_size::ByteSize;
use crate::human_duration::HumanDuration;
use crate::nearest::nearest;
use crate::problem::Problem;

const OFF: &str = "off";

pub(super) fn said(error: impl Display) -> Problem {
    Problem::new(error.to_string())
}

pub(super) fn socket_address(text: &str) -> Result<SocketAddr, Problem> {
    text.parse().map_err(|_| {
        Problem::new(format!("`{text}` is not an IP address and a port"))
            .with_hint("write address and port, like 0.0.0.0:1883 or [::]:1883")
    })
}

pub(super) fn file_path(text: &str) -> Result<PathBuf, Problem> {
    if text.is_empty() {
        return Err(Problem::new("a path is not empty"));
    }
    Ok(PathBuf::from(text))
}

pub(super) fn switch(text: &str) -> Result<bool, Problem> {
    text.parse()
        .map_err(|_| unknown_value(text, &["true", "false"]))
}

/// One of a few words.
pub(super) fn word<T: Copy, const N: usize>(
    known: [T; N],
    as_str: impl Fn(T) -> &'static str,
) -> impl Fn(&str) -> Result<T, Problem> {
    move |text| {
        let found = known.into_iter().find(|one| as_str(*one) == text);
        found.ok_or_else(|| unknown_value(text, &known.map(&as_str)))
    }
}

/// A whole number.
pub(super) fn count<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, Problem>
where
    T: FromStr + PartialOrd + Display,
{
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            Problem::new(format!(
                "`{text}` is no whole number from {least} to {most}"
            ))
        })
    }
}

pub(super) fn factor(range: RangeInclusive<f64>) -> impl Fn(&str) -> Result<f64, Problem> {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            Problem::new(format!("`{text}` is no number from {least} to {most}"))
        })
    }
}

pub(super) fn size(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<ByteSize, Problem> {
    move |text| {
        let size = ByteSize::from_str(text).map_err(said)?;
        if range.contains(&size.bytes()) {
            return Ok(size);
        }
        let [least, most] = [range.start(), range.end()].map(|bytes| ByteSize::of(*bytes));
        Err(Problem::new(format!(
            "{size} is not between {least} and {most}"
        )))
    }
}

pub(super) fn duration(text: &str) -> Result<HumanDuration, Problem> {
    HumanDuration::from_str(text).map_err(said)
}

/// The protocol counts in seconds.
pub(super) fn whole_seconds(text: &str) -> Result<HumanDuration, Problem> {
    let duration = duration(text)?;
    if duration.get().subsec_millis() == 0 {
        return Ok(duration);
    }
    Err(Problem::new(format!(
        "{duration} is no number of whole seconds"
    )))
}

pub(super) fn seconds_of_u16(text: &str) -> Result<u16, Problem> {
    let duration = whole_seconds(text)?;
    u16::try_from(duration.get().as_secs()).map_err(|_| {
        let most = u16::MAX;
        Problem::new(format!(
            "{duration} is more than {most}s, the most that a client can be told"
        ))
    })
}

/// `None` if there is to be none.
pub(super) fn unless_off<T>(
    parse: impl Fn(&str) -> Result<T, Problem>,
) -> impl Fn(&str) -> Result<Option<T>, Problem> {
    move |text| {
        if text == OFF {
            return Ok(None);
        }
        parse(text)
            .map(Some)
            .map_err(|problem| match problem.hint() {
                Some(_) => problem,
                None => problem.with_hint("`off` is allowed as well"),
            })
    }
}

pub(super) fn unknown_value(text: &str, known: &[&str]) -> Problem {
    let problem = Problem::new(format!("unknown value `{text}`"));
    problem.with_hint(match nearest(text, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the known values are {}", known.join(", ")),
    })
}
