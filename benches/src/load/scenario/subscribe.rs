use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;
use quorate_model::retained::QoS;

use super::super::descriptors::make_room_for;
use super::super::fleet::Fleet;
use super::super::options::Target;
use super::super::process::Process;
use super::super::report::Report;
use super::super::subscribing::Subscribing;
use super::swarm::{Manners, Swarm};

/// Many different filters on a few connections, as fast as the broker grants them
#[derive(Args, Clone, Debug)]
pub struct Subscribe {
    /// Different filters in all
    #[arg(long, default_value_t = 100_000, value_name = "COUNT")]
    pub filters: usize,
    /// Clients that connect
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    pub connections: usize,
    /// Filters in one SUBSCRIBE
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    pub per_packet: usize,
    /// SUBSCRIBE packets of one connection that may wait for their SUBACK
    #[arg(long, default_value_t = 4, value_name = "COUNT")]
    pub pipeline: usize,
}

impl Subscribe {
    pub fn run(&self, target: &Target) -> Result<Report> {
        ensure!(self.filters > 0, "--filters is at least 1");
        ensure!(self.connections > 0, "--connections is at least 1");
        ensure!(self.per_packet > 0, "--per-packet is at least 1");
        make_room_for(self.connections)?;
        let mut fleet = Fleet::new(target.address()?, target.version())?;
        let manners = Manners {
            pipeline: self.pipeline,
            ..Manners::PLAIN
        };
        let mut swarm = Swarm::new(target, "subscribe", self.connections, manners);
        for client in 0..self.connections {
            let numbers = (client..self.filters).step_by(self.connections);
            let filters = numbers.map(filter).collect();
            let subscribing = Subscribing::new(filters, QoS::AtMostOnce, self.per_packet);
            swarm.give_filters(client, subscribing);
        }
        let memory = || target.broker().map(Process::resident_bytes).transpose();
        let cpu_s = || target.broker().map(Process::cpu_s).transpose();

        swarm.connect_all(&mut fleet, target.concurrent)?;
        let before = (memory()?, cpu_s()?, Process::this().cpu_s()?);
        let start = Instant::now();
        swarm.subscribe_all(&mut fleet)?;
        let seconds = start.elapsed().as_secs_f64();
        let after = (memory()?, cpu_s()?, Process::this().cpu_s()?);

        let granted = swarm.granted as f64;
        let mut report = Report::new("subscribe");
        report.text("mqtt", "MQTT", target.version().to_string());
        report.count("subscribes", "filters subscribed", swarm.granted as u64);
        report.number("seconds", "measured, s", seconds, 2);
        let rate = granted / seconds;
        report.number("subscribes_per_s", "filters per second", rate, 0);
        swarm.describe_failures(&mut report);
        if let Some((before, after)) = before.0.zip(after.0) {
            let bytes = after.saturating_sub(before) as f64 / granted;
            let key = "broker_bytes_per_filter";
            report.number(key, "broker's memory per filter, bytes", bytes, 1);
        }
        if let Some((before, after)) = before.1.zip(after.1) {
            let used = after - before;
            report.number("broker_cpu_s", "broker's processor time, s", used, 2);
            let key = "broker_cpu_us_per_subscribe";
            report.number(key, "of it per filter, µs", used / granted * 1e6, 2);
        }
        let own = after.2 - before.2;
        report.number("own_cpu_s", "own processor time, s", own, 2);
        swarm.drop_all(&mut fleet, true)?;
        Ok(report)
    }
}

fn filter(number: usize) -> String {
    let site = number % 1_000;
    format!("quorate-bench/site-{site:03}/device-{number:06}/state")
}
