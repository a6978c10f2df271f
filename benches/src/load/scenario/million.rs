use std::collections::HashSet;

use anyhow::{Result, ensure};
use clap::Args;
use quorate_model::index::FilterIndex;

use super::super::options::{Messages, Target};
use super::super::process::Process;
use super::super::report::Report;
use super::super::traffic::{Check, Delivery, Message, Pace, Rules, measure};
use super::plan::{Plan, USUAL_INFLIGHT, describe};
use crate::filter_mix::FilterMix;

const SEED: u64 = 7;

/// A million filters, three of ten with wildcards, and messages each of which a few of
/// them match
#[derive(Args, Clone, Debug)]
pub struct Million {
    #[arg(long, default_value_t = 1_000_000, value_name = "COUNT")]
    pub filters: usize,
    /// Connections that share the filters
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    pub connections: usize,
    /// Clients that publish
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    pub publishers: usize,
    /// Different topics that are published to, in turn
    #[arg(long, default_value_t = 10_000, value_name = "COUNT")]
    pub topics: usize,
    #[command(flatten)]
    pub messages: Messages,
}

impl Million {
    pub fn run(&self, target: &Target) -> Result<Report> {
        ensure!(self.filters >= 20, "--filters is at least 20");
        ensure!(
            self.filters <= 2_000_000,
            "--filters is at most two million"
        );
        ensure!(self.connections > 0, "--connections is at least 1");
        ensure!(self.publishers > 0, "--publishers is at least 1");
        ensure!(
            self.topics >= self.publishers,
            "--topics is at least --publishers"
        );
        let mut plan = Plan::new("million", target, &self.messages, USUAL_INFLIGHT)?;
        plan.add_flow(Delivery::Some, self.connections, self.publishers);
        let mut mix = FilterMix::new(SEED);
        let filters = mix.filters(self.filters);
        let topics = self.topics_with_matches(&mut mix, &filters);
        ensure!(
            topics.len() >= self.publishers,
            "too few of the topics match a filter"
        );
        for place in 0..self.connections {
            let own = filters.iter().skip(place).step_by(self.connections);
            let own = own.cloned().collect();
            plan.subscribe(0, place, own, Check::sparse(0, self.publishers));
        }
        for number in 0..self.publishers {
            let own = topics.iter().skip(number).step_by(self.publishers);
            let own = own.map(|(topic, matches)| plan.message(topic, *matches));
            let own: Vec<Message> = own.collect();
            plan.publish_in_turn(0, own);
        }
        let matches: u64 = topics.iter().map(|(_, matches)| u64::from(*matches)).sum();
        let per_message = matches as f64 / topics.len() as f64;
        drop((filters, topics));
        self.run_plan(plan, target, per_message)
    }

    fn run_plan(&self, plan: Plan<'_>, target: &Target, per_message: f64) -> Result<Report> {
        let memory = || target.broker().map(Process::resident_bytes).transpose();
        let cpu_s = || target.broker().map(Process::cpu_s).transpose();
        let mut fleet = plan.fleet()?;
        let mut traffic = plan.traffic();
        let before = (memory()?, cpu_s()?);
        traffic.set_up(&mut fleet)?;
        let after = (memory()?, cpu_s()?);
        let burst = self.messages.burst;
        traffic.set_pace(Pace::Credit { burst });
        let rules = Rules::of(&self.messages);
        let measured = measure(&mut fleet, &mut traffic, target, rules)?;
        traffic.tear_down(&mut fleet)?;

        let mut report = Report::new("million");
        report.text("mqtt", "MQTT", target.version().to_string());
        report.count("filters", "filters", self.filters as u64);
        let key = "matches_per_message";
        report.number(key, "filters that match a message", per_message, 2);
        if let Some((before, after)) = before.0.zip(after.0) {
            let bytes = after.saturating_sub(before) as f64 / self.filters as f64;
            let key = "broker_bytes_per_filter";
            report.number(key, "broker's memory per filter, bytes", bytes, 1);
        }
        if let Some((before, after)) = before.1.zip(after.1) {
            let used = (after - before) / self.filters as f64 * 1e6;
            let key = "broker_cpu_us_per_subscribe";
            report.number(key, "broker's processor time per filter, µs", used, 2);
        }
        describe(&mut report, target, &traffic, &measured);
        if let Some(cpu_s) = measured.broker_cpu_s {
            let used = cpu_s / measured.published as f64 * 1e6;
            let key = "broker_cpu_us_per_publish";
            report.number(key, "broker's processor time per publish, µs", used, 2);
        }
        Ok(report)
    }

    /// Topics and how many subscribers get what is published there. A broker may send a
    /// client one copy or one for each filter that matches, so topics where that would
    /// make a difference are left out.
    fn topics_with_matches(&self, mix: &mut FilterMix, filters: &[String]) -> Vec<(String, u32)> {
        let mut index = FilterIndex::new(SEED);
        for (number, filter) in filters.iter().enumerate() {
            index.insert(filter, number % self.connections);
        }
        let topics = mix.topics(filters, 2 * self.topics);
        let counted = topics.into_iter().filter_map(|topic| {
            let mut found = 0;
            let mut connections = HashSet::new();
            index.for_each_match(&topic, |connection| {
                found += 1;
                connections.insert(*connection);
            });
            let is_known = found > 0 && connections.len() == found;
            is_known.then_some((topic, found as u32))
        });
        counted.take(self.topics).collect()
    }
}

#[cfg(test)]
mod tests {
    use quorate_model::topic_filter::TopicFilter;
    use quorate_model::topic_name::TopicName;

    use super::*;

    #[test]
    fn the_number_of_matches_is_what_the_reference_says() {
        let million = Million {
            filters: 5_000,
            connections: 50,
            publishers: 1,
            topics: 40,
            messages: Messages::of_payload(16),
        };
        let mut mix = FilterMix::new(SEED);
        let filters = mix.filters(million.filters);
        let topics = million.topics_with_matches(&mut mix, &filters);
        assert!(!topics.is_empty());
        let parsed: Vec<_> = filters
            .iter()
            .flat_map(|it| TopicFilter::new(&**it))
            .collect();
        for (topic, matches) in topics {
            let Ok(topic) = TopicName::new(topic) else {
                panic!("no topic");
            };
            let expected = parsed.iter().filter(|filter| filter.matches(&topic));
            assert_eq!(expected.count(), matches as usize, "{topic:?}");
            assert!(matches > 0);
        }
    }
}
