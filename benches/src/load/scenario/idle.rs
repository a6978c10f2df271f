use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use quorate_model::retained::QoS;

use super::super::descriptors::make_room_for;
use super::super::fleet::Fleet;
use super::super::options::{LONG_KEEP_ALIVE_S, Target};
use super::super::process::Process;
use super::super::report::Report;
use super::super::subscribing::Subscribing;
use super::swarm::{Manners, Swarm};

/// Time for the broker to finish what connecting has left to do.
const SETTLING: Duration = Duration::from_secs(1);

/// Clients that connect and stay, and what they cost the broker
#[derive(Args, Clone, Debug)]
pub struct Idle {
    /// Clients that connect
    #[arg(long, default_value_t = 15_000, value_name = "COUNT")]
    pub connections: usize,
    /// One subscription each
    #[arg(long)]
    pub subscribe: bool,
    /// Seconds to hold all connections and measure the broker's processor time
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    pub hold: f64,
    /// Each client's keep alive, 0 for none; it sends a PINGREQ at every half
    #[arg(long, default_value_t = LONG_KEEP_ALIVE_S, value_name = "SECONDS")]
    pub keep_alive: u16,
}

impl Idle {
    pub fn run(&self, target: &Target) -> Result<Report> {
        ensure!(self.connections > 0, "--connections is at least 1");
        ensure!(
            (0.0..1e6).contains(&self.hold),
            "--hold is from 0 to a million"
        );
        make_room_for(self.connections)?;
        let mut fleet = Fleet::new(target.address()?, target.version())?;
        let manners = Manners {
            keep_alive_s: self.keep_alive,
            ..Manners::PLAIN
        };
        let mut swarm = Swarm::new(target, "idle", self.connections, manners);
        let memory = || target.broker().map(Process::resident_bytes).transpose();
        let cpu_s = || target.broker().map(Process::cpu_s).transpose();

        let memory_before = memory()?;
        swarm.connect_all(&mut fleet, target.concurrent)?;
        if self.subscribe {
            for client in 0..self.connections {
                let filter = format!("quorate-bench/idle/{client}");
                let one = Subscribing::new(vec![filter], QoS::AtMostOnce, 1);
                swarm.give_filters(client, one);
            }
            swarm.subscribe_all(&mut fleet)?;
        }
        swarm.hold(&mut fleet, SETTLING)?;
        let memory_after = memory()?;
        let cpu_before = cpu_s()?;
        swarm.hold(&mut fleet, Duration::from_secs_f64(self.hold))?;
        let cpu_after = cpu_s()?;

        let mut report = Report::new("idle");
        report.text("mqtt", "MQTT", target.version().to_string());
        report.count("connections", "connections", swarm.connected as u64);
        report.count("subscriptions", "subscriptions", swarm.granted as u64);
        report.latency(&swarm.handshakes);
        swarm.describe_failures(&mut report);
        if let Some((before, after)) = memory_before.zip(memory_after) {
            report.count(
                "broker_resident_before",
                "broker's memory before, bytes",
                before,
            );
            report.count(
                "broker_resident_after",
                "broker's memory after, bytes",
                after,
            );
            let per_connection = after.saturating_sub(before) / self.connections as u64;
            let key = "broker_bytes_per_connection";
            report.count(key, "of it per connection, bytes", per_connection);
        }
        report.number("hold_seconds", "held, s", self.hold, 1);
        if let Some((before, after)) = cpu_before.zip(cpu_after) {
            let key = "broker_cpu_s";
            report.number(
                key,
                "broker's processor time while idle, s",
                after - before,
                2,
            );
        }
        swarm.drop_all(&mut fleet, true)?;
        Ok(report)
    }
}
