use anyhow::{Result, ensure};
use clap::Args;
use quorate_model::retained::QoS;

use super::super::options::{Messages, Target};
use super::super::report::Report;
use super::super::schedule::Schedule;
use super::super::traffic::Pace;
use super::plan::{INFLIGHT_OF_PAIRS, Plan};

/// How long messages take at a fixed rate, from when each was meant to be sent
#[derive(Args, Clone, Debug)]
pub struct Latency {
    /// Pairs, of two clients each
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    pub pairs: usize,
    /// Messages a second of all publishers together; the generator never sleeps
    #[arg(long, default_value_t = 5_000, value_name = "PER_SECOND")]
    pub rate: u32,
    #[command(flatten)]
    pub messages: Messages,
}

impl Latency {
    pub fn run(&self, target: &Target) -> Result<Report> {
        ensure!(self.pairs > 0, "--pairs is at least 1");
        ensure!(self.rate > 0, "--rate is at least 1");
        let plan = Plan::new("latency", target, &self.messages, INFLIGHT_OF_PAIRS)?;
        let mut plan = plan.with_qos(self.messages.level(QoS::AtLeastOnce));
        plan.add_pairs(self.pairs);
        let mut report = plan.run_at("latency", |now_ns| Pace::Scheduled {
            schedule: Schedule::new(now_ns, self.rate),
            spins: true,
        })?;
        report.count(
            "rate_per_s",
            "messages asked for per second",
            self.rate.into(),
        );
        Ok(report)
    }
}
