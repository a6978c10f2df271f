//! What must hold between values that are right by themselves.

use std::collections::BTreeSet;

use quorate_model::member::Roles;

use crate::config::{Config, DiscoveryStrategy};
use crate::cookie::{open_to_others, weakness};
use crate::listener::{Listener, Protocol, collisions};
use crate::origin::{Origin, Origins};
use crate::pki::check_readable;
use crate::problem::Problem;
use crate::setting::entry_path;

pub(crate) fn check(config: &Config, origins: &Origins) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(check_strategy(config, origins));
    problems.extend(check_cookie(config, origins));
    problems.extend(check_advertised_host(config, origins));
    problems.extend(check_advertised_port(config, origins));
    problems.extend(check_pki(config, origins));
    problems.extend(check_dial(config, origins));
    problems.extend(check_admin(config, origins));
    problems.extend(collisions(&listeners(config)));
    problems
}

fn listeners(config: &Config) -> Vec<Listener> {
    let mut listeners = vec![
        Listener {
            key: "transport.bind".to_owned(),
            protocol: Protocol::Udp,
            address: config.transport.bind,
        },
        Listener {
            key: "admin.bind".to_owned(),
            protocol: Protocol::Tcp,
            address: config.admin.bind,
        },
    ];
    let for_clients = config.listeners.enabled.iter();
    listeners.extend(for_clients.map(|listener| Listener {
        key: format!("{}.bind", listener.id.section()),
        protocol: listener.id.kind.protocol(),
        address: listener.bind,
    }));
    listeners
}

/// Files with secrets that others may read are warned of.
pub(crate) fn check_secrets(config: &Config) -> Vec<Problem> {
    let own = config.transport.pki.iter().map(|pki| &pki.key);
    let listeners = config.listeners.enabled.iter();
    let shown_to_clients = listeners.filter_map(|listener| Some(&listener.tls()?.key));
    let users = config.auth.scram_users.iter();
    let files: BTreeSet<_> = own.chain(shown_to_clients).chain(users).collect();
    files
        .into_iter()
        .filter_map(|file| open_to_others(file))
        .collect()
}

fn check_strategy(config: &Config, origins: &Origins) -> Option<Problem> {
    let is_lost = config.node.roles == Roles::Replicant
        && config.cluster.discovery_strategy == DiscoveryStrategy::Manual;
    is_lost.then(|| {
        Problem::new("a replicant finds its cores by discovery; `manual` is for cores alone")
            .about("cluster.discovery_strategy")
            .from(origins.of("cluster.discovery_strategy"))
            .with_hint(
                "set cluster.discovery_strategy; this build knows `manual` only, so a node \
                 needs the role core too",
            )
    })
}

fn check_cookie(config: &Config, origins: &Origins) -> Option<Problem> {
    let weakness = weakness(config.node.cookie.as_ref()?)?;
    let transport = &config.transport;
    let exposed = if !transport.bind.ip().to_canonical().is_loopback() {
        format!("transport.bind {}", transport.bind)
    } else if !transport.advertise.is_loopback() {
        format!("transport.advertise {}", transport.advertise)
    } else {
        return None;
    };
    let problem = Problem::new(format!("{weakness}, and {exposed} is not loopback"))
        .about("node.cookie")
        .from(origins.of("node.cookie"))
        .with_hint("make one with `openssl rand -hex 32`, or leave it out and join by token");
    Some(problem)
}

fn is_derived(origins: &Origins) -> bool {
    *origins.of("transport.advertise") == Origin::NAME_AND_BIND
}

fn check_advertised_host(config: &Config, origins: &Origins) -> Option<Problem> {
    let advertise = &config.transport.advertise;
    let problem = if !advertise.is_wildcard() {
        return None;
    } else if is_derived(origins) {
        Problem::new(format!(
            "nobody can connect to {}, which transport.advertise takes from here",
            advertise.host()
        ))
        .about("node.name")
        .from(origins.of("node.name"))
        .with_hint("set transport.advertise, or name the node by an address of its own")
    } else {
        Problem::new(format!("nobody can connect to {advertise}"))
            .about("transport.advertise")
            .from(origins.of("transport.advertise"))
            .with_hint("set an address of this machine, like 10.0.0.1:4370")
    };
    Some(problem)
}

fn check_advertised_port(config: &Config, origins: &Origins) -> Option<Problem> {
    let problem = if config.transport.advertise.port() != 0 {
        return None;
    } else if is_derived(origins) {
        Problem::new("port 0 is any free port, and others would not know which")
            .about("transport.bind")
            .from(origins.of("transport.bind"))
            .with_hint("set a port, or transport.advertise to where others reach it")
    } else {
        Problem::new("nobody can connect to port 0")
            .about("transport.advertise")
            .from(origins.of("transport.advertise"))
            .with_hint("set the port at which others reach this node")
    };
    Some(problem)
}

fn check_pki(config: &Config, origins: &Origins) -> Vec<Problem> {
    let Some(pki) = &config.transport.pki else {
        return Vec::new();
    };
    let files = [
        ("transport.ca", &pki.ca),
        ("transport.cert", &pki.cert),
        ("transport.key", &pki.key),
    ];
    let unreadable = files.into_iter().filter_map(|(key, path)| {
        let problem = check_readable(path).err()?;
        Some(problem.about(key).from(origins.of(key)))
    });
    unreadable.collect()
}

fn check_dial(config: &Config, origins: &Origins) -> Vec<Problem> {
    let dial = config.transport.dial.iter();
    let nowhere = dial.filter(|(_, target)| target.is_wildcard() || target.port() == 0);
    nowhere
        .map(|(name, target)| {
            let key = entry_path("transport.dial", name.as_str());
            Problem::new(format!("nobody can connect to {target}"))
                .about(&key)
                .from(origins.of(&key))
        })
        .collect()
}

fn check_admin(config: &Config, origins: &Origins) -> Option<Problem> {
    let bind = config.admin.bind;
    let is_open = !bind.ip().to_canonical().is_loopback();
    is_open.then(|| {
        Problem::new(format!(
            "{bind} is not loopback, and the admin API has no users yet that could guard it"
        ))
        .about("admin.bind")
        .from(origins.of("admin.bind"))
        .with_hint(format!(
            "set admin.bind to 127.0.0.1:{}, and use it from this machine",
            bind.port()
        ))
    })
}
