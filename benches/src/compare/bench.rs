use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::broker::Broker;
use super::pinning::on_core;
use super::running::Running;
use super::scenario::Scenario;

/// What the generator said of one run.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    report: Value,
}

impl Sample {
    pub(super) const fn of(report: Value) -> Self {
        Self { report }
    }

    pub(super) fn figure(&self, key: &str) -> Option<f64> {
        self.report.get(key)?.as_f64()
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let problems = self.report.get("problems").and_then(Value::as_array);
        let texts = problems.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    pub(super) fn to_json(&self) -> Value {
        self.report.clone()
    }
}

/// Starts the broker anew and puts the load on it. A scenario that the broker does not
/// get through is a sample with a problem.
pub(super) fn run_once(
    generator: &Path,
    broker: &Broker,
    scenario: &Scenario,
    cores: (usize, usize),
) -> Result<Sample> {
    let running = Running::start(broker, cores.0)?;
    let port = broker.port(running.ports(), scenario.is_version_5());
    let mut command = Command::new(generator);
    command
        .args(&scenario.arguments)
        .args(["--json", "--host", "127.0.0.1", "--port", &port.to_string()])
        .args(["--broker-pid", &running.pid().to_string()])
        .stdin(Stdio::null());
    let output = on_core(cores.1, || command.output())?
        .with_context(|| format!("cannot start {}", generator.display()))?;
    let report = serde_json::from_slice(&output.stdout);
    Ok(Sample::of(
        report.unwrap_or_else(|_| failure(&output.stderr)),
    ))
}

/// In place of a report; what follows the first line is for debugging.
fn failure(said: &[u8]) -> Value {
    let said = String::from_utf8_lossy(said);
    let why = said.lines().find(|line| !line.trim().is_empty());
    json!({ "problems": [format!("the run failed: {}", why.unwrap_or("no word why"))] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_a_report_says_why_in_a_line() {
        let sample = Sample::of(failure(b"\nError: refused\n\nStack backtrace:\n"));
        assert_eq!(sample.problems(), ["the run failed: Error: refused"]);
        assert_eq!(sample.figure("seconds"), None);
    }

    #[test]
    fn reads_figures_and_problems() {
        let sample = Sample::of(json!({ "a": 1.5, "b": null, "problems": ["x"] }));
        assert_eq!(sample.figure("a"), Some(1.5));
        assert_eq!((sample.figure("b"), sample.figure("c")), (None, None));
        assert_eq!(sample.problems(), ["x"]);
    }
}
