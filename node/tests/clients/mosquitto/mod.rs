//! mosquitto_pub and mosquitto_sub of Debian: a process for each client. Debian builds
//! them without WebSocket, so there is TCP and TLS.

mod both_versions;
mod only_v5;
mod publisher;
mod subscriber;

use std::panic;
use std::process::Command;
use std::sync::Arc;

use crate::matrix::{Scenario, Transport, Version};
use crate::served::Served;

#[test]
#[ignore = "needs mosquitto_pub and mosquitto_sub"]
fn mosquitto_over_tcp() {
    check(Transport::Tcp);
}

#[test]
#[ignore = "needs mosquitto_pub and mosquitto_sub"]
fn mosquitto_over_tls() {
    check(Transport::Tls);
}

fn check(transport: Transport) {
    let served = Served::shared();
    let mut failed = Vec::new();
    for version in Version::ALL {
        for scenario in Scenario::all_of(version) {
            let way = Way {
                served: Arc::clone(&served),
                transport,
                version,
            };
            let what = format!(
                "{} over {} in {}",
                scenario.name(),
                transport.name(),
                version.name()
            );
            match why_not(scenario) {
                Some(why) => println!("without {what}: {why}"),
                None if panic::catch_unwind(|| run(scenario, &way)).is_ok() => {
                    println!("ok {what}");
                }
                None => failed.push(what),
            }
        }
    }
    assert_eq!(failed, Vec::<String>::new());
}

/// How a client gets to the broker.
struct Way {
    served: Arc<Served>,
    transport: Transport,
    version: Version,
}

impl Way {
    fn command(&self, program: &str, id: &str) -> Command {
        // Into a pipe, what `-d` says would come when there are some kilobytes of it.
        let mut command = Command::new("stdbuf");
        command.args(["-oL", program]);
        let port = self.served.port(self.transport).to_string();
        command.args(["-d", "-h", "127.0.0.1", "-p", &port]);
        command.args(match self.version {
            Version::V3_1_1 => ["-V", "mqttv311"],
            Version::V5 => ["-V", "mqttv5"],
        });
        if !id.is_empty() {
            command.args(["-i", id]);
        }
        if self.transport == Transport::Tls {
            command.arg("--cafile").arg(self.served.ca());
        }
        command
    }
}

/// What these two cannot show.
fn why_not(scenario: Scenario) -> Option<&'static str> {
    match scenario {
        Scenario::TakeOver => {
            Some("each connects anew at once, so they would take over from each other for ever")
        }
        Scenario::NoLocal => Some("there is no option for it"),
        Scenario::RetainHandling => {
            Some("there is no option but for 2, and that hides retained messages by itself")
        }
        Scenario::TopicAliasToClient => Some("they look no alias up"),
        _ => None,
    }
}

fn run(scenario: Scenario, way: &Way) {
    let name = format!(
        "mosquitto-{}-{}-{}",
        scenario.name(),
        way.transport.name(),
        way.version.name()
    );
    let name = name.as_str();
    match scenario {
        Scenario::Qos0 => both_versions::round_trip(way, name, 0),
        Scenario::Qos1 => both_versions::round_trip(way, name, 1),
        Scenario::Qos2 => both_versions::round_trip(way, name, 2),
        Scenario::Burst => both_versions::burst(way, name),
        Scenario::Retained => both_versions::retained(way, name),
        Scenario::Will => both_versions::will(way, name),
        Scenario::NoWillAfterDisconnect => both_versions::no_will_after_disconnect(way, name),
        Scenario::SessionResume => both_versions::session_resume(way, name),
        Scenario::SharedSubscription => both_versions::shared_subscription(way, name),
        Scenario::MessageProperties => only_v5::message_properties(way, name),
        Scenario::MessageExpiry => only_v5::message_expiry(way, name),
        Scenario::SubscriptionIdentifiers => only_v5::subscription_identifiers(way, name),
        Scenario::RetainAsPublished => only_v5::retain_as_published(way, name),
        Scenario::TopicAliasToBroker => only_v5::topic_alias_to_broker(way, name),
        Scenario::ReasonCodes => only_v5::reason_codes(way, name),
        Scenario::WillProperties => only_v5::will_properties(way, name),
        Scenario::AssignedClientId => only_v5::assigned_client_id(way, name),
        Scenario::TakeOver
        | Scenario::NoLocal
        | Scenario::RetainHandling
        | Scenario::TopicAliasToClient => panic!("{scenario:?} is left out"),
    }
}
