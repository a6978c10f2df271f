//! Messages through topics of different shapes: many to few, one to many, one to one,
//! and many to a group.

use anyhow::{Result, ensure};
use clap::Args;

use super::super::options::{Messages, Target};
use super::super::report::Report;
use super::super::seen_once::SeenOnce;
use super::super::traffic::{Check, Delivery};
use super::plan::{INFLIGHT_OF_PAIRS, Plan, USUAL_INFLIGHT};

/// Many publishers, each with a topic of its own; every subscriber gets all of it
/// through a wildcard
#[derive(Args, Clone, Debug)]
pub struct FanIn {
    /// Clients that publish
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    pub publishers: usize,
    /// Clients that subscribe
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    pub subscribers: usize,
    #[command(flatten)]
    pub messages: Messages,
}

/// One publisher and one topic that many subscribe to
#[derive(Args, Clone, Debug)]
pub struct FanOut {
    /// Clients that subscribe
    #[arg(long, default_value_t = 1000, value_name = "COUNT")]
    pub subscribers: usize,
    #[command(flatten)]
    pub messages: Messages,
}

/// Pairs of one publisher and one subscriber, each with a topic of its own
#[derive(Args, Clone, Debug)]
pub struct Pairs {
    /// Pairs, of two clients each
    #[arg(long, default_value_t = 200, value_name = "COUNT")]
    pub pairs: usize,
    #[command(flatten)]
    pub messages: Messages,
}

/// Many publishers to one group: each message goes to one member of `$share/..`
#[derive(Args, Clone, Debug)]
pub struct Shared {
    /// Clients that publish
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    pub publishers: usize,
    /// Clients that subscribe
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    pub subscribers: usize,
    #[command(flatten)]
    pub messages: Messages,
}

impl FanIn {
    pub fn run(&self, target: &Target) -> Result<Report> {
        ensure!(self.publishers > 0, "--publishers is at least 1");
        ensure!(self.subscribers > 0, "--subscribers is at least 1");
        let mut plan = Plan::new("fan-in", target, &self.messages, USUAL_INFLIGHT)?;
        plan.add_flow(Delivery::Each, self.subscribers, self.publishers);
        let filter = format!("{}/#", plan.prefix);
        for place in 0..self.subscribers {
            plan.subscribe(
                0,
                place,
                vec![filter.clone()],
                Check::complete(0, self.publishers),
            );
        }
        (0..self.publishers).for_each(|number| plan.publish(0, &format!("device/{number}")));
        plan.run("fan-in")
    }
}

impl FanOut {
    pub fn run(&self, target: &Target) -> Result<Report> {
        ensure!(self.subscribers > 0, "--subscribers is at least 1");
        let mut plan = Plan::new("fan-out", target, &self.messages, USUAL_INFLIGHT)?;
        plan.add_flow(Delivery::Each, self.subscribers, 1);
        let filter = format!("{}/news", plan.prefix);
        for place in 0..self.subscribers {
            plan.subscribe(0, place, vec![filter.clone()], Check::complete(0, 1));
        }
        plan.publish(0, "news");
        plan.run("fan-out")
    }
}

impl Pairs {
    pub fn run(&self, target: &Target) -> Result<Report> {
        ensure!(self.pairs > 0, "--pairs is at least 1");
        let mut plan = Plan::new("pairs", target, &self.messages, INFLIGHT_OF_PAIRS)?;
        plan.add_pairs(self.pairs);
        plan.run("pairs")
    }
}

impl Shared {
    pub fn run(&self, target: &Target) -> Result<Report> {
        ensure!(self.publishers > 0, "--publishers is at least 1");
        ensure!(self.subscribers > 0, "--subscribers is at least 1");
        let mut plan = Plan::new("shared", target, &self.messages, USUAL_INFLIGHT)?;
        let delivery = Delivery::One {
            first_publisher: 0,
            seen: vec![SeenOnce::default(); self.publishers],
        };
        plan.add_flow(delivery, self.subscribers, self.publishers);
        let filter = format!("$share/group/{}/#", plan.prefix);
        for place in 0..self.subscribers {
            plan.subscribe(
                0,
                place,
                vec![filter.clone()],
                Check::sparse(0, self.publishers),
            );
        }
        (0..self.publishers).for_each(|number| plan.publish(0, &format!("device/{number}")));
        plan.run("shared")
    }
}
