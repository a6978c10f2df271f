use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use quorate_model::retained::QoS;
use quorate_mqtt::packet::Packet;

use super::super::descriptors::make_room_for;
use super::super::fleet::Fleet;
use super::super::options::{Messages, Target};
use super::super::process::Process;
use super::super::progress::{Goal, Progress};
use super::super::report::Report;
use super::super::schedule::Schedule;
use super::super::script::{CloseCause, Script};
use super::super::traffic::{Check, Delivery, Pace, Traffic};
use super::plan::{Plan, USUAL_INFLIGHT};
use super::rough::Rough;
use super::slope::slope_per_s;

const SAMPLE_PERIOD: Duration = Duration::from_secs(5);
const SLOW_READ_PERIOD: Duration = Duration::from_millis(100);
const SLOW_READ_BYTES: usize = 1_024;
const VANISH_PERIOD: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);
const LEVELS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// A moderate load of every QoS for a long time, beside subscribers that hardly read
/// and subscribers that vanish; watches how the broker's memory grows
#[derive(Args, Clone, Debug)]
pub struct Soak {
    /// How long to go on
    #[arg(long, default_value_t = 60.0)]
    pub seconds: f64,
    /// Messages a second of all publishers together
    #[arg(long, default_value_t = 1_000, value_name = "PER_SECOND")]
    pub rate: u32,
    /// A third of them for each QoS
    #[arg(long, default_value_t = 30, value_name = "COUNT")]
    pub publishers: usize,
    /// Each gets everything and checks it
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    pub subscribers: usize,
    /// Subscribers that read 10 KiB a second
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    pub slow: usize,
    /// Subscribers one of which, each second, closes without a DISCONNECT and comes back
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    pub vanishing: usize,
    /// Bytes of each payload, at least 16
    #[arg(long, default_value_t = 100, value_name = "BYTES")]
    pub payload: usize,
}

/// All clients: first those of the traffic, then the slow ones, then the vanishing.
struct Crowd {
    traffic: Traffic,
    rough: Rough,
}

impl Soak {
    pub fn run(&self, target: &Target) -> Result<Report> {
        ensure!(self.publishers > 0, "--publishers is at least 1");
        ensure!(self.subscribers > 0, "--subscribers is at least 1");
        ensure!(self.rate > 0, "--rate is at least 1");
        ensure!(
            (0.0..1e7).contains(&self.seconds),
            "--seconds is from 0 to ten million"
        );
        let messages = Messages::of_payload(self.payload);
        let mut plan = Plan::new("soak", target, &messages, USUAL_INFLIGHT)?;
        plan.add_flow(Delivery::Each, self.subscribers, self.publishers);
        let filter = format!("{}/#", plan.prefix);
        plan.qos = QoS::ExactlyOnce;
        for place in 0..self.subscribers {
            let check = Check::complete(0, self.publishers);
            plan.subscribe(0, place, vec![filter.clone()], check);
        }
        for number in 0..self.publishers {
            plan.qos = LEVELS[number % LEVELS.len()];
            plan.publish(0, &format!("device/{number}"));
        }
        let rough = Rough::new(target, &filter, self.slow, self.vanishing);
        let mut fleet = plan.fleet()?;
        let mut crowd = Crowd {
            traffic: plan.traffic(),
            rough,
        };
        let first = crowd.traffic.clients();
        make_room_for(first + self.slow + self.vanishing)?;
        crowd.traffic.set_up(&mut fleet)?;
        crowd.open_rough(&mut fleet)?;
        let schedule = Schedule::new(fleet.now_ns(), self.rate);
        let spins = false;
        crowd.traffic.set_pace(Pace::Scheduled { schedule, spins });
        let cpu_s = || target.broker().map(Process::cpu_s).transpose();
        let before = cpu_s()?;
        let samples = self.soak(&mut fleet, &mut crowd, target)?;
        let after = cpu_s()?;
        crowd.drain(&mut fleet)?;
        let mut report = self.report(target, &crowd, &samples);
        if let Some((before, after)) = before.zip(after) {
            report.number(
                "broker_cpu_s",
                "broker's processor time, s",
                after - before,
                2,
            );
        }
        crowd.traffic.tear_down(&mut fleet)?;
        Ok(report)
    }

    /// Returns the broker's memory: seconds since the beginning, and bytes.
    fn soak(
        &self,
        fleet: &mut Fleet,
        crowd: &mut Crowd,
        target: &Target,
    ) -> Result<Vec<(f64, f64)>> {
        let time = Duration::from_secs_f64(self.seconds);
        let mut progress = Progress::towards(Goal::Time(time));
        let mut samples = Vec::new();
        let start = Instant::now();
        let (mut sampled, mut read, mut vanished) = (start, start, start);
        while start.elapsed().as_secs_f64() < self.seconds && !crowd.has_failed() {
            crowd.traffic.pump(fleet, u64::MAX);
            fleet.turn(crowd, Some(Duration::from_millis(1)))?;
            if read.elapsed() >= SLOW_READ_PERIOD {
                read = Instant::now();
                crowd.read_slowly(fleet)?;
            }
            if vanished.elapsed() >= VANISH_PERIOD {
                vanished = Instant::now();
                crowd.vanish(fleet)?;
            }
            if sampled.elapsed() >= SAMPLE_PERIOD {
                sampled = Instant::now();
                if let Some(broker) = target.broker() {
                    let bytes = broker.resident_bytes()? as f64;
                    samples.push((start.elapsed().as_secs_f64(), bytes));
                }
            }
            progress.show(0, || {
                format!("{} delivered", crowd.traffic.tally().delivered)
            });
        }
        Ok(samples)
    }

    fn report(&self, target: &Target, crowd: &Crowd, samples: &[(f64, f64)]) -> Report {
        let tally = crowd.traffic.tally();
        let mut report = Report::new("soak");
        report.text("mqtt", "MQTT", target.version().to_string());
        report.number("seconds", "soaked, s", self.seconds, 0);
        report.count("published", "published", tally.published);
        report.count("delivered", "delivered to those who check", tally.delivered);
        report.latency(crowd.traffic.latency());
        report.fault("lost", "lost", crowd.traffic.lost());
        report.fault("duplicated", "duplicated", tally.duplicated);
        report.count("redelivered", "redelivered, marked so", tally.redelivered);
        report.fault("out_of_order", "out of order", tally.out_of_order);
        report.fault("closed", "closed by the broker", tally.closed);
        if let Some(failure) = tally.first_failure() {
            report.problem(failure);
        }
        let rough = &crowd.rough;
        report.count("vanished", "times a subscriber vanished", rough.vanished);
        let key = "slow_closed";
        report.count(key, "slow subscribers that the broker closed", rough.closed);
        if let (Some(first), Some(last)) = (samples.first(), samples.last()) {
            report.count(
                "broker_resident_first",
                "broker's memory at first, bytes",
                first.1 as u64,
            );
            report.count(
                "broker_resident_last",
                "broker's memory at last, bytes",
                last.1 as u64,
            );
        }
        // The first half is the broker's to fill its buffers.
        if let Some(slope) = slope_per_s(&samples[samples.len() / 2..]) {
            let label = "its growth in the second half, bytes/s";
            report.number("broker_resident_growth_per_s", label, slope, 0);
        }
        report
    }
}

impl Crowd {
    fn has_failed(&self) -> bool {
        self.traffic.tally().first_failure().is_some()
    }

    fn open_rough(&mut self, fleet: &mut Fleet) -> Result<()> {
        let first = self.traffic.clients();
        for number in 0..self.rough.len() {
            fleet.open(first + number)?;
            if self.rough.is_slow(number) {
                fleet.make_slow(first + number);
            }
        }
        Ok(())
    }

    fn read_slowly(&mut self, fleet: &mut Fleet) -> Result<()> {
        let first = self.traffic.clients();
        for number in 0..self.rough.len() {
            if !self.rough.is_slow(number) {
                continue;
            }
            if self.rough.take_closed(number) {
                fleet.open(first + number)?;
                fleet.make_slow(first + number);
            }
            fleet.read_little(first + number, SLOW_READ_BYTES, self);
        }
        Ok(())
    }

    fn vanish(&mut self, fleet: &mut Fleet) -> Result<()> {
        if let Some(number) = self.rough.next_to_vanish() {
            let client = self.traffic.clients() + number;
            fleet.close(client);
            fleet.open(client)?;
        }
        Ok(())
    }

    /// Waits for the last messages; slow subscribers still read slowly meanwhile.
    fn drain(&mut self, fleet: &mut Fleet) -> Result<()> {
        let start = Instant::now();
        while !self.traffic.is_complete() && !self.has_failed() && start.elapsed() < PATIENCE {
            self.traffic.pump(fleet, 0);
            fleet.turn(self, Some(Duration::from_millis(1)))?;
        }
        Ok(())
    }
}

impl Script for Crowd {
    fn on_open(&mut self, client: usize, out: &mut Vec<u8>) {
        match client.checked_sub(self.traffic.clients()) {
            None => self.traffic.on_open(client, out),
            Some(number) => self.rough.on_open(number, out),
        }
    }

    fn on_packet(
        &mut self,
        client: usize,
        packet: &Packet<'_>,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), CloseCause> {
        match client.checked_sub(self.traffic.clients()) {
            None => self.traffic.on_packet(client, packet, now_ns, out),
            Some(number) => self.rough.on_packet(number, packet, out),
        }
    }

    fn on_close(&mut self, client: usize, cause: CloseCause) {
        match client.checked_sub(self.traffic.clients()) {
            None => self.traffic.on_close(client, cause),
            Some(number) => self.rough.on_close(number),
        }
    }
}
