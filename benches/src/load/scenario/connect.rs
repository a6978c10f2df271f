use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use super::super::descriptors::make_room_for;
use super::super::fleet::Fleet;
use super::super::options::Target;
use super::super::process::Process;
use super::super::report::Report;
use super::swarm::{Manners, Swarm};

/// Clients that connect with a clean session and leave at once
#[derive(Args, Clone, Debug)]
pub struct Connect {
    /// Connections in all
    #[arg(long, default_value_t = 20_000, value_name = "COUNT")]
    pub count: usize,
    /// Connections at the same time, in place of --concurrent
    #[arg(long, default_value_t = 200, value_name = "COUNT")]
    pub at_once: usize,
}

impl Connect {
    pub fn run(&self, target: &Target) -> Result<Report> {
        ensure!(self.count > 0, "--count is at least 1");
        make_room_for(self.at_once.min(self.count))?;
        let mut fleet = Fleet::new(target.address()?, target.version())?;
        let manners = Manners {
            leaves_at_once: true,
            ..Manners::PLAIN
        };
        let mut swarm = Swarm::new(target, "connect", self.count, manners);
        let cpu_s = || target.broker().map(Process::cpu_s).transpose();
        let own_before = Process::this().cpu_s()?;
        let before = cpu_s()?;
        let start = Instant::now();
        swarm.connect_all(&mut fleet, self.at_once)?;
        let seconds = start.elapsed().as_secs_f64();
        let after = cpu_s()?;

        let mut report = Report::new("connect");
        report.text("mqtt", "MQTT", target.version().to_string());
        report.count("connects", "connects", swarm.connected as u64);
        report.number("seconds", "measured, s", seconds, 2);
        let rate = swarm.connected as f64 / seconds;
        report.number("connects_per_s", "connects per second", rate, 0);
        report.latency(&swarm.handshakes);
        let key = "hung_up_on";
        let label = "not closed by the broker after DISCONNECT";
        report.count(key, label, swarm.hung_up_on);
        swarm.describe_failures(&mut report);
        if let Some((after, before)) = after.zip(before) {
            let used = after - before;
            report.number("broker_cpu_s", "broker's processor time, s", used, 2);
            let per_connect = used / swarm.connected as f64 * 1e6;
            let key = "broker_cpu_us_per_connect";
            report.number(key, "of it per connect, µs", per_connect, 1);
        }
        let own = Process::this().cpu_s()? - own_before;
        report.number("own_cpu_s", "own processor time, s", own, 2);
        Ok(report)
    }
}
