//! Each value into its type, and all of them into a [`Config`].

mod listeners;
mod mqtt;
mod text;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::str::FromStr;

use quorate_model::cluster::ClusterName;
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;
use text::{count, duration, file_path, said, socket_address, switch, unknown_value, word};

use crate::config::{
    AdminConfig, AuthConfig, BrokerConfig, ClusterConfig, Config, DiscoveryStrategy, LogConfig,
    LogFormat, NodeConfig, SubscribeConfig, TransportConfig,
};
use crate::cookie::read_cookie;
use crate::host_port::HostPort;
use crate::log_filter::LogFilter;
use crate::merged::Merged;
use crate::pki::Pki;
use crate::problem::Problem;
use crate::setting::entry_path;

/// Goes on after a bad value, so that all of them are told at once. A section
/// with a bad value is `None`; its problem stands in the list.
pub(crate) struct Reader<'a> {
    merged: &'a Merged,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

/// Strategies that users will have, and this build has not.
const UNBUILT_STRATEGIES: [&str; 5] = ["static", "dns", "mcast", "etcd", "k8s"];

const AUTO_THREADS: &str = "auto";
const MAX_THREADS: u16 = 64;

impl<'a> Reader<'a> {
    pub(crate) fn new(merged: &'a Merged) -> Self {
        Self {
            merged,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(crate) fn config(&mut self) -> Option<Config> {
        let node = self.node();
        let cluster = self.cluster();
        let name = node.as_ref().map(|node| &node.name);
        let transport = self.transport(name);
        let broker = self.broker();
        let mqtt = self.mqtt();
        let roles = node.as_ref().map(|node| node.roles);
        let listeners = self.listeners(roles, mqtt.as_ref());
        let wait = self.required("subscribe.visibility_wait", duration);
        let auth = self.auth();
        let bind = self.required("admin.bind", socket_address);
        let log = self.log();
        Some(Config {
            node: node?,
            cluster: cluster?,
            transport: transport?,
            broker: broker?,
            listeners: listeners?,
            mqtt: mqtt?,
            subscribe: SubscribeConfig {
                visibility_wait: wait?,
            },
            auth: auth?,
            admin: AdminConfig { bind: bind? },
            log: log?,
        })
    }

    fn node(&mut self) -> Option<NodeConfig> {
        let name = self.required("node.name", node_name);
        let roles = self.roles();
        let data_dir = self.required("node.data_dir", file_path);
        let cookie = self.optional("node.cookie", read_cookie);
        let cookie = cookie.map(|cookie| {
            cookie.map(|(cookie, warning)| {
                self.warnings.extend(warning);
                cookie
            })
        });
        Some(NodeConfig {
            name: name?,
            roles: roles?,
            data_dir: data_dir?,
            cookie: cookie?,
        })
    }

    fn roles(&mut self) -> Option<Roles> {
        let key = "node.roles";
        let (words, origin) = self.merged.list(key)?;
        match roles(&words) {
            Ok(roles) => Some(roles),
            Err(problem) => {
                self.problems.push(problem.about(key).from(&origin));
                None
            }
        }
    }

    fn cluster(&mut self) -> Option<ClusterConfig> {
        let name = self.required("cluster.name", |text| ClusterName::new(text).map_err(said));
        let strategy = self.required("cluster.discovery_strategy", discovery_strategy);
        Some(ClusterConfig {
            name: name?,
            discovery_strategy: strategy?,
        })
    }

    fn transport(&mut self, name: Option<&NodeName>) -> Option<TransportConfig> {
        let bind = self.required("transport.bind", socket_address);
        let advertise = self.optional("transport.advertise", host_port);
        let pki = self.pki();
        let dial = self.dial();
        let bind = bind?;
        let advertise = match advertise? {
            Some(advertise) => advertise,
            None => HostPort::of_node(name?, bind.port()),
        };
        Some(TransportConfig {
            bind,
            advertise,
            pki: pki?,
            dial: dial?,
        })
    }

    /// Of no use in part. A part is refused, and the rest is still checked.
    fn pki(&mut self) -> Option<Option<Pki>> {
        let keys = ["transport.ca", "transport.cert", "transport.key"];
        let [ca, cert, key] = keys.map(|key| self.optional(key, file_path));
        let (ca, cert, key) = (ca?, cert?, key?);
        let given = [&ca, &cert, &key].map(Option::is_some);
        let (missing, set): (Vec<_>, Vec<_>) =
            keys.into_iter().zip(given).partition(|(_, given)| !given);
        if let (Some((first, _)), false) = (set.first(), missing.is_empty()) {
            let missing: Vec<&str> = missing.into_iter().map(|(key, _)| key).collect();
            let origin = self.merged.text(first).map(|(_, origin)| origin);
            let problem = Problem::new(format!("needs {} as well", missing.join(" and ")))
                .about(first)
                .with_hint("set ca, cert and key, or none of them for the cluster's own");
            self.problems.push(match origin {
                Some(origin) => problem.from(&origin),
                None => problem,
            });
        }
        Some(match (ca, cert, key) {
            (Some(ca), Some(cert), Some(key)) => Some(Pki { ca, cert, key }),
            _ => None,
        })
    }

    fn dial(&mut self) -> Option<BTreeMap<NodeName, HostPort>> {
        let mut dial = BTreeMap::new();
        let before = self.problems.len();
        for (entry, (text, origin)) in self.merged.table("transport.dial") {
            let target = node_name(&entry).and_then(|name| Ok((name, host_port(&text)?)));
            match target {
                Ok((name, target)) => {
                    dial.insert(name, target);
                }
                Err(problem) => {
                    let path = entry_path("transport.dial", &entry);
                    self.problems.push(problem.about(&path).from(&origin));
                }
            }
        }
        (self.problems.len() == before).then_some(dial)
    }

    fn broker(&mut self) -> Option<BrokerConfig> {
        let threads = self.required("broker.threads", threads)?;
        Some(BrokerConfig { threads })
    }

    fn auth(&mut self) -> Option<AuthConfig> {
        let allow_anonymous = self.required("auth.allow_anonymous", switch);
        let scram_users = self.optional("auth.scram_users", file_path);
        Some(AuthConfig {
            allow_anonymous: allow_anonymous?,
            scram_users: scram_users?,
        })
    }

    fn log(&mut self) -> Option<LogConfig> {
        let level = self.required("log.level", |text| {
            LogFilter::new(text).map_err(|error| said(&error).with_hint(error.hint()))
        });
        let format = self.required(
            "log.format",
            word([LogFormat::Text, LogFormat::Json], LogFormat::as_str),
        );
        Some(LogConfig {
            level: level?,
            format: format?,
        })
    }

    /// `None` if it is wrong, `Some(None)` if it is not set.
    fn optional<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<Option<T>> {
        let Some((text, origin)) = self.merged.text(key) else {
            return Some(None);
        };
        match parse(&text) {
            Ok(value) => Some(Some(value)),
            Err(problem) => {
                self.problems.push(problem.about(key).from(&origin));
                None
            }
        }
    }

    fn required<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let value = self.optional(key, parse)?;
        assert!(value.is_some(), "{key} has no default");
        value
    }
}

fn node_name(text: &str) -> Result<NodeName, Problem> {
    NodeName::new(text).map_err(said)
}

fn host_port(text: &str) -> Result<HostPort, Problem> {
    HostPort::from_str(text).map_err(said)
}

/// As many as the machine has are `None`.
fn threads(text: &str) -> Result<Option<NonZeroU16>, Problem> {
    if text == AUTO_THREADS {
        return Ok(None);
    }
    let number = count(0..=MAX_THREADS)(text);
    let number =
        number.map_err(|problem| problem.with_hint("`auto` takes all of the machine's"))?;
    Ok(NonZeroU16::new(number))
}

fn roles(words: &[String]) -> Result<Roles, Problem> {
    let (mut core, mut replicant) = (false, false);
    for word in words {
        match word.as_str() {
            "core" => core = true,
            "replicant" => replicant = true,
            other => return Err(unknown_value(other, &["core", "replicant"])),
        }
    }
    match (core, replicant) {
        (true, true) => Ok(Roles::Both),
        (true, false) => Ok(Roles::Core),
        (false, true) => Ok(Roles::Replicant),
        (false, false) => Err(Problem::new("a node without a role does nothing")
            .with_hint("set node.roles to [\"core\"], or leave it out for both roles")),
    }
}

fn discovery_strategy(text: &str) -> Result<DiscoveryStrategy, Problem> {
    if text == DiscoveryStrategy::Manual.as_str() {
        return Ok(DiscoveryStrategy::Manual);
    }
    if UNBUILT_STRATEGIES.contains(&text) {
        return Err(Problem::new(format!(
            "this build knows `manual` only, not `{text}`"
        )));
    }
    let mut known = vec![DiscoveryStrategy::Manual.as_str()];
    known.extend(UNBUILT_STRATEGIES);
    Err(unknown_value(text, &known))
}
