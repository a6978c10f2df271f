use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::fleet::Fleet;
use super::super::options::{Messages, Target};
use super::super::process::Process;
use super::super::progress::{Goal, Progress};
use super::{Pace, Tally, Traffic};

/// How long the last messages may be on their way without any arriving.
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_SLEEP: Duration = Duration::from_millis(50);

/// When a run is over.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub warm_up: Duration,
    pub duration: Duration,
    /// Counts instead of the duration.
    pub messages: Option<u64>,
}

/// What was seen at one moment.
#[derive(Clone, Debug)]
struct Moment {
    at: Instant,
    tally: Tally,
    broker_cpu_s: Option<f64>,
    own_cpu_s: f64,
}

/// What lies between the end of the warm-up and the end of the measured time.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub seconds: f64,
    pub published: u64,
    pub delivered: u64,
    pub broker_cpu_s: Option<f64>,
    pub own_cpu_s: f64,
}

impl Rules {
    pub fn of(messages: &Messages) -> Self {
        Self {
            warm_up: messages.warm_up_duration(),
            duration: messages.duration(),
            messages: messages.messages,
        }
    }
}

/// Publishes, measures, and waits for what is still on its way.
pub fn measure(
    fleet: &mut Fleet,
    traffic: &mut Traffic,
    target: &Target,
    rules: Rules,
) -> Result<Measured> {
    let goal = match rules.messages {
        Some(messages) => Goal::Count(messages),
        None => Goal::Time(rules.warm_up + rules.duration),
    };
    let mut run = Run::new(fleet, traffic, goal);
    let begin = Instant::now();
    run.publish(u64::MAX, |_| begin.elapsed() >= rules.warm_up)?;
    let start = Moment::now(run.traffic, target)?;
    run.traffic.latency.clear();
    let most = rules.messages.unwrap_or(u64::MAX);
    let published = start.tally.published;
    run.publish(most, |tally| match rules.messages {
        Some(messages) => tally.published - published >= messages,
        None => start.at.elapsed() >= rules.duration,
    })?;
    // A count of messages ends when they have come, a duration when it is over.
    if rules.messages.is_some() {
        run.drain()?;
    }
    let end = Moment::now(run.traffic, target)?;
    run.drain()?;
    Ok(end.since(&start))
}

/// The loop around a fleet that is set up.
struct Run<'a> {
    fleet: &'a mut Fleet,
    traffic: &'a mut Traffic,
    progress: Progress,
    timeout: Duration,
    /// When a message came last, and how many had come then.
    last_delivery: (Instant, u64),
}

impl<'a> Run<'a> {
    fn new(fleet: &'a mut Fleet, traffic: &'a mut Traffic, goal: Goal) -> Self {
        let timeout = match traffic.pace {
            Pace::Scheduled { spins: true, .. } => Duration::ZERO,
            Pace::Scheduled { spins: false, .. } => Duration::from_millis(1),
            Pace::Credit { .. } => LONGEST_SLEEP,
        };
        Self {
            fleet,
            traffic,
            progress: Progress::towards(goal),
            timeout,
            last_delivery: (Instant::now(), 0),
        }
    }

    /// Publishes at most so many messages, until it is over or nothing moves any more.
    fn publish(&mut self, most: u64, mut is_over: impl FnMut(&Tally) -> bool) -> Result<()> {
        let before = self.traffic.tally.published;
        while !is_over(&self.traffic.tally) && !self.is_stuck() {
            let left = most.saturating_sub(self.traffic.tally.published - before);
            self.traffic.pump(self.fleet, left);
            self.turn("publishing")?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<()> {
        while !self.traffic.is_complete() && !self.is_stuck() {
            self.traffic.send_waiting(self.fleet);
            self.turn("waiting for the last messages")?;
        }
        Ok(())
    }

    fn turn(&mut self, what: &str) -> Result<()> {
        self.fleet.turn(self.traffic, Some(self.timeout))?;
        let delivered = self.traffic.tally.delivered;
        if delivered != self.last_delivery.1 {
            self.last_delivery = (Instant::now(), delivered);
        }
        let published = self.traffic.tally.published;
        self.progress
            .show(published, || format!("{what}: {delivered} delivered"));
        Ok(())
    }

    /// A lost connection breaks the run too: what it should have had would be awaited.
    fn is_stuck(&self) -> bool {
        self.last_delivery.0.elapsed() > PATIENCE || self.traffic.tally.first_failure().is_some()
    }
}

impl Moment {
    fn now(traffic: &Traffic, target: &Target) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            tally: traffic.tally.clone(),
            broker_cpu_s: target.broker().map(Process::cpu_s).transpose()?,
            own_cpu_s: Process::this().cpu_s()?,
        })
    }

    fn since(&self, start: &Self) -> Measured {
        let broker = self.broker_cpu_s.zip(start.broker_cpu_s);
        Measured {
            seconds: self.at.duration_since(start.at).as_secs_f64(),
            published: self.tally.published - start.tally.published,
            delivered: self.tally.delivered - start.tally.delivered,
            broker_cpu_s: broker.map(|(end, start)| end - start),
            own_cpu_s: self.own_cpu_s - start.own_cpu_s,
        }
    }
}

impl Measured {
    /// The broker's processor time for a million of what was delivered, as far as known.
    pub fn broker_cpu_s_per_million(&self) -> Option<f64> {
        let per_message = self.broker_cpu_s? / self.delivered as f64;
        Some(per_message * 1e6)
    }
}
