//! The log of this process: to stderr, as the configuration wants it.

use std::error::Error;
use std::io::{self, IsTerminal};

use quorate_conf::{LogConfig, LogFilter, LogFormat};
use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

#[derive(Debug, Error)]
pub(crate) enum LoggingError {
    #[error("log.level: {0}")]
    Filter(#[from] ParseError),
    #[error("this process has a log already")]
    AlreadySet(#[source] Box<dyn Error + Send + Sync>),
}

/// Libraries whose log is for those who develop them, and how much of it is not.
/// openraft calls a peer that is away an error, many times a second; what a
/// user has to know of it is said by the core.
const CHATTY: [(&str, &str); 5] = [
    ("openraft", "off"),
    ("quinn", "warn"),
    ("quinn_proto", "warn"),
    ("rustls", "warn"),
    ("sled", "warn"),
];

/// Once a process.
pub(crate) fn init(config: &LogConfig) -> Result<(), LoggingError> {
    let filter = EnvFilter::try_new(directives(&config.level))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let set = match config.format {
        LogFormat::Text => builder.with_ansi(is_coloured()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    set.map_err(LoggingError::AlreadySet)
}

/// A level below `info`, or a directive for a library, is somebody who wants
/// to see it all.
fn directives(level: &LogFilter) -> String {
    let given = level.as_str();
    let is_info = |directive: &str| directive.eq_ignore_ascii_case("info");
    if !given.split(',').any(is_info) {
        return given.to_owned();
    }
    let quiet = CHATTY
        .iter()
        .map(|(library, level)| format!("{library}={level},"));
    // Of two directives for one target the later wins.
    quiet.chain([given.to_owned()]).collect()
}

fn is_coloured() -> bool {
    let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    is_wanted && io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directives_of(level: &str) -> String {
        directives(&LogFilter::new(level).unwrap())
    }

    #[test]
    fn libraries_are_quiet_only_where_nobody_asked() {
        let quiet = "openraft=off,quinn=warn,quinn_proto=warn,rustls=warn,sled=warn,";
        for level in ["info", "INFO", "info,openraft=debug"] {
            assert_eq!(directives_of(level), format!("{quiet}{level}"));
        }
        for level in ["off", "error", "debug", "quorate_core=info"] {
            assert_eq!(directives_of(level), level);
        }
    }

    #[test]
    fn what_conf_lets_through_tracing_understands() {
        for level in [
            "info",
            "OFF",
            "warn,quorate_core::group=trace",
            "quorate-x=debug",
        ] {
            assert!(EnvFilter::try_new(directives_of(level)).is_ok(), "{level}");
        }
    }

    #[test]
    fn once_a_process() {
        let config = LogConfig {
            level: LogFilter::new("off").unwrap(),
            format: LogFormat::Json,
        };
        init(&config).unwrap();
        let again = init(&config).unwrap_err();
        assert!(matches!(again, LoggingError::AlreadySet(_)), "{again}");
    }
}
