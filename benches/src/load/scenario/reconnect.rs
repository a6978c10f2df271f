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

const SESSION_EXPIRY_S: u32 = 3_600;

/// Clients with persistent sessions that all drop at once and come back
#[derive(Args, Clone, Debug)]
pub struct Reconnect {
    /// Clients, each with one subscription
    #[arg(long, default_value_t = 5_000, value_name = "COUNT")]
    pub clients: usize,
    /// Connections being opened at the same time when they come back
    #[arg(long, default_value_t = 200, value_name = "COUNT")]
    pub at_once: usize,
}

impl Reconnect {
    pub fn run(&self, target: &Target) -> Result<Report> {
        ensure!(self.clients > 0, "--clients is at least 1");
        make_room_for(self.clients)?;
        let mut fleet = Fleet::new(target.address()?, target.version())?;
        let persistent = Manners {
            clean_start: false,
            session_expiry_s: target.version().is_5().then_some(SESSION_EXPIRY_S),
            ..Manners::PLAIN
        };
        let mut swarm = Swarm::new(target, "reconnect", self.clients, persistent);
        for client in 0..self.clients {
            let filter = format!("quorate-bench/reconnect/{client}");
            let one = Subscribing::new(vec![filter], QoS::AtLeastOnce, 1);
            swarm.give_filters(client, one);
        }
        let cpu_s = || target.broker().map(Process::cpu_s).transpose();
        swarm.connect_all(&mut fleet, target.concurrent)?;
        swarm.subscribe_all(&mut fleet)?;

        let before = cpu_s()?;
        let start = Instant::now();
        swarm.drop_all(&mut fleet, false)?;
        swarm.handshakes.clear();
        swarm.connect_all(&mut fleet, self.at_once)?;
        let seconds = start.elapsed().as_secs_f64();
        let after = cpu_s()?;

        let lost = self.clients - swarm.resumed;
        let mut report = Report::new("reconnect");
        report.text("mqtt", "MQTT", target.version().to_string());
        report.count("reconnects", "reconnects", swarm.connected as u64);
        report.number("seconds", "until all were back, s", seconds, 2);
        let rate = swarm.connected as f64 / seconds;
        report.number("reconnects_per_s", "reconnects per second", rate, 0);
        report.latency(&swarm.handshakes);
        report.fault(
            "sessions_lost",
            "sessions that the broker forgot",
            lost as u64,
        );
        swarm.describe_failures(&mut report);
        if let Some((before, after)) = before.zip(after) {
            let used = after - before;
            report.number("broker_cpu_s", "broker's processor time, s", used, 2);
            let per_client = used / swarm.connected as f64 * 1e6;
            let key = "broker_cpu_us_per_reconnect";
            report.number(key, "of it per reconnect, µs", per_client, 1);
        }
        self.forget_sessions(&mut fleet, &mut swarm)?;
        Ok(report)
    }

    /// Leaves nothing behind in the broker: a clean start ends the session before it.
    fn forget_sessions(&self, fleet: &mut Fleet, swarm: &mut Swarm) -> Result<()> {
        swarm.drop_all(fleet, true)?;
        swarm.set_manners(Manners::PLAIN);
        swarm.connect_all(fleet, self.at_once)?;
        swarm.drop_all(fleet, true)
    }
}
