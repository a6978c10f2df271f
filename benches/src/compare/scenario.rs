use anyhow::{Result, bail};

/// One line of the table: how to call the generator, and which of its figures counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scenario {
    /// The generator's arguments, which are also its name.
    pub(super) arguments: Vec<String>,
    pub(super) figure: Figure,
}

/// A figure of the generator's JSON; less is better in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) key: &'static str,
    pub(super) unit: &'static str,
}

const PER_MILLION: Figure = Figure {
    key: "broker_cpu_s_per_million",
    unit: "CPU s per million delivered",
};
const PER_CONNECT: Figure = Figure {
    key: "broker_cpu_us_per_connect",
    unit: "CPU µs per connect",
};
const PER_RECONNECT: Figure = Figure {
    key: "broker_cpu_us_per_reconnect",
    unit: "CPU µs per reconnect",
};
const PER_SUBSCRIBE: Figure = Figure {
    key: "broker_cpu_us_per_subscribe",
    unit: "CPU µs per filter",
};
const PER_PUBLISH: Figure = Figure {
    key: "broker_cpu_us_per_publish",
    unit: "CPU µs per publish",
};
const PER_CONNECTION: Figure = Figure {
    key: "broker_bytes_per_connection",
    unit: "bytes per connection",
};
const TAIL: Figure = Figure {
    key: "latency_p999_us",
    unit: "latency p99.9, µs",
};
const ALL_TIME: Figure = Figure {
    key: "broker_cpu_s",
    unit: "CPU s",
};

/// What is run when nothing else is asked for.
pub(super) const USUAL: &[&str] = &[
    "fan-in --qos 0",
    "fan-in --qos 1",
    "fan-in --qos 2",
    "fan-out --qos 0",
    "fan-out --qos 1",
    "pairs --qos 0",
    "pairs --qos 1",
    "pairs --qos 2",
    "shared --qos 0",
    "shared --qos 1",
    "latency",
    "connect",
    "subscribe",
    "idle",
    "idle --subscribe",
];

impl Scenario {
    /// From a line as one would type it behind `quorate-bench`.
    pub(super) fn parse(line: &str) -> Result<Self> {
        let arguments: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let figure = match arguments.first().map(String::as_str) {
            Some("fan-in" | "fan-out" | "pairs" | "shared") => PER_MILLION,
            Some("latency") => TAIL,
            Some("connect") => PER_CONNECT,
            Some("reconnect") => PER_RECONNECT,
            Some("subscribe") => PER_SUBSCRIBE,
            Some("million") => PER_PUBLISH,
            Some("idle") => PER_CONNECTION,
            Some("soak") => ALL_TIME,
            _ => bail!("`{line}` does not begin with a scenario of quorate-bench"),
        };
        Ok(Self { arguments, figure })
    }

    pub(super) fn name(&self) -> String {
        self.arguments.join(" ")
    }

    pub(super) fn is_version_5(&self) -> bool {
        let mut pairs = self.arguments.windows(2);
        pairs.any(|pair| pair == ["--mqtt", "5"]) || self.name().contains("--mqtt=5")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn all_usual_ones_are_scenarios() {
        for line in USUAL {
            assert_eq!(Scenario::parse(line).unwrap().name(), *line);
        }
        assert!(Scenario::parse("fan-ni --qos 0").is_err());
        assert!(Scenario::parse("").is_err());
    }

    #[test]
    fn knows_the_version() {
        let is_5 = |line| Scenario::parse(line).unwrap().is_version_5();
        assert!(is_5("pairs --mqtt 5 --qos 1") && is_5("pairs --mqtt=5"));
        assert!(!is_5("pairs --mqtt 3 --qos 1") && !is_5("pairs --qos 1 --pairs 5"));
    }
}
