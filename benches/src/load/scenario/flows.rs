//! Messages through topics of different shapes: many to few, one to many, one to one,
//! and many to a group.

use anyhow::{Result, ensure};
use clap::Args;
use quorate_model::retained::QoS;

use super::super::descriptors::make_room_for;
use super::super::fleet::Fleet;
use super::super::options::{Messages, Target};
use super::super::report::Report;
use super::super::seen_once::SeenOnce;
use super::super::subscribing::Subscribing;
use super::super::template::PublishTemplate;
use super::super::traffic::{
    Check, Delivery, Flow, Measured, Message, Pace, Publisher, Rules, Subscriber, Traffic, measure,
};

/// Many publishers, each with a topic of its own; every subscriber gets all of it
/// through a wildcard
#[derive(Args, Clone, Debug)]
pub struct FanIn {
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    pub publishers: usize,
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    pub subscribers: usize,
    #[command(flatten)]
    pub messages: Messages,
}

/// One publisher and one topic that many subscribe to
#[derive(Args, Clone, Debug)]
pub struct FanOut {
    #[arg(long, default_value_t = 1000, value_name = "COUNT")]
    pub subscribers: usize,
    #[command(flatten)]
    pub messages: Messages,
}

/// Pairs of one publisher and one subscriber, each with a topic of its own
#[derive(Args, Clone, Debug)]
pub struct Pairs {
    #[arg(long, default_value_t = 200, value_name = "COUNT")]
    pub pairs: usize,
    #[command(flatten)]
    pub messages: Messages,
}

/// Many publishers to one group: each message goes to one member of `$share/..`
#[derive(Args, Clone, Debug)]
pub struct Shared {
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    pub publishers: usize,
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    pub subscribers: usize,
    #[command(flatten)]
    pub messages: Messages,
}

const USUAL_INFLIGHT: u16 = 5;
const INFLIGHT_OF_PAIRS: u16 = 10;

/// What to set up: names, flows and who belongs to which.
pub(super) struct Plan<'a> {
    target: &'a Target,
    messages: &'a Messages,
    inflight: u16,
    /// Nothing of another run can be mistaken for one's own.
    prefix: String,
    flows: Vec<Flow>,
    subscribers: Vec<Subscriber>,
    publishers: Vec<Publisher>,
}

impl FanIn {
    pub fn run(&self, target: &Target) -> Result<Report> {
        ensure!(self.publishers > 0, "--publishers is at least 1");
        ensure!(self.subscribers > 0, "--subscribers is at least 1");
        let mut plan = Plan::new("fan-in", target, &self.messages, USUAL_INFLIGHT)?;
        plan.add_flow(Delivery::Each, self.subscribers, self.publishers);
        let filter = format!("{}/#", plan.prefix);
        for place in 0..self.subscribers {
            plan.subscribe(0, place, &filter, Check::complete(0, self.publishers));
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
            plan.subscribe(0, place, &filter, Check::complete(0, 1));
        }
        plan.publish(0, "news");
        plan.run("fan-out")
    }
}

impl Pairs {
    pub fn run(&self, target: &Target) -> Result<Report> {
        let plan = self.plan(target, "pairs")?;
        plan.run("pairs")
    }

    pub(super) fn plan<'a>(&'a self, target: &'a Target, name: &str) -> Result<Plan<'a>> {
        ensure!(self.pairs > 0, "--pairs is at least 1");
        let mut plan = Plan::new(name, target, &self.messages, INFLIGHT_OF_PAIRS)?;
        for pair in 0..self.pairs {
            plan.add_flow(Delivery::Each, 1, 1);
            let filter = format!("{}/pair/{pair}", plan.prefix);
            plan.subscribe(pair, 0, &filter, Check::complete(pair as u32, 1));
            plan.publish(pair, &format!("pair/{pair}"));
        }
        Ok(plan)
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
            plan.subscribe(0, place, &filter, Check::sparse(0, self.publishers));
        }
        (0..self.publishers).for_each(|number| plan.publish(0, &format!("device/{number}")));
        plan.run("shared")
    }
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        name: &str,
        target: &'a Target,
        messages: &'a Messages,
        inflight: u16,
    ) -> Result<Self> {
        messages.check()?;
        Ok(Self {
            target,
            messages,
            inflight: messages.inflight.unwrap_or(inflight),
            prefix: format!("quorate-bench/{}/{name}", std::process::id()),
            flows: Vec::new(),
            subscribers: Vec::new(),
            publishers: Vec::new(),
        })
    }

    fn add_flow(&mut self, delivery: Delivery, subscribers: usize, publishers: usize) {
        let window = self.messages.window_for(publishers, self.inflight);
        self.flows.push(Flow::new(delivery, subscribers, window));
    }

    fn subscribe(&mut self, flow: usize, place: usize, filter: &str, check: Check) {
        let client_id = format!("{}/subscriber/{}", self.prefix, self.subscribers.len());
        self.subscribers.push(Subscriber {
            client_id,
            subscribing: Subscribing::new(vec![filter.to_owned()], self.level(), 1),
            flow,
            place,
            check,
        });
    }

    fn publish(&mut self, flow: usize, topic: &str) {
        let number = self.publishers.len() as u32;
        let client_id = format!("{}/publisher/{number}", self.prefix);
        let topic = format!("{}/{topic}", self.prefix);
        let version = self.target.version();
        let template = PublishTemplate::new(version, self.level(), &topic, self.messages.payload);
        let messages = vec![Message {
            template,
            deliveries: 1,
        }];
        let publisher = Publisher::new(client_id, number, flow, messages, self.inflight);
        self.publishers.push(publisher);
    }

    fn level(&self) -> QoS {
        self.messages.level()
    }

    fn run(self, name: &str) -> Result<Report> {
        let burst = self.messages.burst;
        self.run_at(name, |_| Pace::Credit { burst })
    }

    /// The pace is asked for when everything is set up: its time begins then.
    pub(super) fn run_at(self, name: &str, pace: impl FnOnce(&Fleet) -> Pace) -> Result<Report> {
        let target = self.target;
        let clients = (self.publishers.len(), self.subscribers.len());
        make_room_for(clients.0 + clients.1)?;
        let mut fleet = Fleet::new(target.address()?, target.version())?;
        let parts = (self.subscribers, self.publishers, self.flows);
        let mut traffic = Traffic::new(target, parts.0, parts.1, parts.2);
        traffic.set_up(&mut fleet)?;
        traffic.set_pace(pace(&fleet));
        let measured = measure(&mut fleet, &mut traffic, target, Rules::of(self.messages))?;
        traffic.tear_down(&mut fleet)?;

        let mut report = Report::new(name);
        report.text("mqtt", "MQTT", target.version().to_string());
        report.count("qos", "QoS", self.messages.qos.into());
        report.count(
            "payload_bytes",
            "payload, bytes",
            self.messages.payload as u64,
        );
        report.count("publishers", "publishers", clients.0 as u64);
        report.count("subscribers", "subscribers", clients.1 as u64);
        describe(&mut report, target, &traffic, &measured);
        Ok(report)
    }
}

/// What every scenario with messages reports.
pub(super) fn describe(
    report: &mut Report,
    target: &Target,
    traffic: &Traffic,
    measured: &Measured,
) {
    let per_second = |count: u64| count as f64 / measured.seconds;
    let tally = traffic.tally();
    report.number("seconds", "measured, s", measured.seconds, 2);
    report.count("published", "published", measured.published);
    report.count("delivered", "delivered", measured.delivered);
    let rate = per_second(measured.published);
    report.number("published_per_s", "published per second", rate, 0);
    let rate = per_second(measured.delivered);
    report.number("delivered_per_s", "delivered per second", rate, 0);
    report.latency(traffic.latency());
    report.fault("lost", "lost", traffic.lost());
    report.fault("duplicated", "duplicated", tally.duplicated);
    report.count("redelivered", "redelivered, marked so", tally.redelivered);
    report.fault("out_of_order", "out of order", tally.out_of_order);
    report.fault("closed", "closed by the broker", tally.closed);
    if let Some(failure) = tally.first_failure() {
        report.problem(failure);
    }
    if measured.delivered == 0 {
        report.problem("nothing was delivered");
    }
    if let (Some(cpu_s), Some(per_million)) =
        (measured.broker_cpu_s, measured.broker_cpu_s_per_million())
    {
        report.number("broker_cpu_s", "broker's processor time, s", cpu_s, 2);
        let key = "broker_cpu_s_per_million";
        report.number(key, "of it per million delivered, s", per_million, 3);
    }
    if let Some(bytes) = target.broker().and_then(|it| it.resident_bytes().ok()) {
        report.count("broker_resident_bytes", "broker's memory, bytes", bytes);
    }
    let own = measured.own_cpu_s;
    report.number("own_cpu_s", "own processor time, s", own, 2);
    let per_million = own / measured.delivered as f64 * 1e6;
    let key = "own_cpu_s_per_million";
    report.number(key, "of it per million delivered, s", per_million, 3);
}
