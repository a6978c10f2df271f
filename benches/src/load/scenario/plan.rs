//! What a scenario with messages sets up, runs and reports.

use anyhow::Result;
use quorate_model::retained::QoS;

use super::super::descriptors::make_room_for;
use super::super::fleet::Fleet;
use super::super::options::{Messages, Target};
use super::super::report::Report;
use super::super::subscribing::Subscribing;
use super::super::template::PublishTemplate;
use super::super::traffic::{
    Check, Delivery, Flow, Measured, Message, Pace, Publisher, Rules, Subscriber, Traffic, measure,
};

pub(super) const USUAL_INFLIGHT: u16 = 5;
pub(super) const INFLIGHT_OF_PAIRS: u16 = 10;
const FILTERS_PER_PACKET: usize = 50;

/// What to set up: names, flows and who belongs to which.
pub(super) struct Plan<'a> {
    pub(super) target: &'a Target,
    pub(super) messages: &'a Messages,
    pub(super) qos: QoS,
    inflight: u16,
    /// Nothing of another run can be mistaken for one's own.
    pub(super) prefix: String,
    flows: Vec<Flow>,
    subscribers: Vec<Subscriber>,
    publishers: Vec<Publisher>,
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
            qos: messages.level(QoS::AtMostOnce),
            inflight: messages.inflight.unwrap_or(inflight),
            prefix: format!("quorate-bench/{}/{name}", std::process::id()),
            flows: Vec::new(),
            subscribers: Vec::new(),
            publishers: Vec::new(),
        })
    }

    pub(super) fn with_qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }

    pub(super) fn add_flow(&mut self, delivery: Delivery, subscribers: usize, publishers: usize) {
        let window = self
            .messages
            .window_for(publishers, self.qos, self.inflight);
        self.flows.push(Flow::new(delivery, subscribers, window));
    }

    pub(super) fn subscribe(
        &mut self,
        flow: usize,
        place: usize,
        filters: Vec<String>,
        check: Check,
    ) {
        let client_id = client_id(&self.prefix, "subscriber", self.subscribers.len());
        self.subscribers.push(Subscriber {
            client_id,
            subscribing: Subscribing::new(filters, self.qos, FILTERS_PER_PACKET),
            flow,
            place,
            check,
        });
    }

    pub(super) fn add_pairs(&mut self, count: usize) {
        for pair in 0..count {
            self.add_flow(Delivery::Each, 1, 1);
            let filter = format!("{}/pair/{pair}", self.prefix);
            self.subscribe(pair, 0, vec![filter], Check::complete(pair as u32, 1));
            self.publish(pair, &format!("pair/{pair}"));
        }
    }

    pub(super) fn publish(&mut self, flow: usize, topic: &str) {
        let topic = format!("{}/{topic}", self.prefix);
        let message = self.message(&topic, 1);
        self.publish_in_turn(flow, vec![message]);
    }

    pub(super) fn publish_in_turn(&mut self, flow: usize, messages: Vec<Message>) {
        let number = self.publishers.len() as u32;
        let client_id = client_id(&self.prefix, "publisher", self.publishers.len());
        let publisher = Publisher::new(client_id, number, flow, messages, self.inflight);
        self.publishers.push(publisher);
    }

    pub(super) fn message(&self, topic: &str, deliveries: u32) -> Message {
        let version = self.target.version();
        let template = PublishTemplate::new(version, self.qos, topic, self.messages.payload);
        Message {
            template,
            deliveries,
        }
    }

    pub(super) fn run(self, name: &str) -> Result<Report> {
        let burst = self.messages.burst;
        self.run_at(name, |_| Pace::Credit { burst })
    }

    /// The pace is asked for when everything is set up: its time begins then.
    pub(super) fn run_at(self, name: &str, pace: impl FnOnce(u64) -> Pace) -> Result<Report> {
        let (target, messages) = (self.target, self.messages);
        let qos = self.qos;
        let mut fleet = self.fleet()?;
        let mut traffic = self.traffic();
        traffic.set_up(&mut fleet)?;
        traffic.set_pace(pace(fleet.now_ns()));
        let measured = measure(&mut fleet, &mut traffic, target, Rules::of(messages))?;
        traffic.tear_down(&mut fleet)?;

        let mut report = Report::new(name);
        report.text("mqtt", "MQTT", target.version().to_string());
        report.count("qos", "QoS", qos as u64);
        report.count("payload_bytes", "payload, bytes", messages.payload as u64);
        report.count("publishers", "publishers", traffic.publishers() as u64);
        report.count("subscribers", "subscribers", traffic.subscribers() as u64);
        describe(&mut report, target, &traffic, &measured);
        Ok(report)
    }

    /// With room for all of the plan's connections.
    pub(super) fn fleet(&self) -> Result<Fleet> {
        make_room_for(self.publishers.len() + self.subscribers.len())?;
        Fleet::new(self.target.address()?, self.target.version())
    }

    pub(super) fn traffic(self) -> Traffic {
        Traffic::new(self.target, self.subscribers, self.publishers, self.flows)
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

/// Without a slash: rumqttd takes none in a client id.
fn client_id(prefix: &str, role: &str, number: usize) -> String {
    format!("{}-{role}-{number}", prefix.replace('/', "-"))
}
