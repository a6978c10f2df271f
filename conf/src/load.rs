//! From sources to a checked configuration.

use std::collections::BTreeSet;

use crate::checks::{check, check_secrets};
use crate::client_checks::{check_clients, warn_of_clients};
use crate::config::Config;
use crate::layers::{defaults, defaults_of, environment, file, flags};
use crate::loaded::Loaded;
use crate::merged::Merged;
use crate::origin::Origin;
use crate::problem::ConfigError;
use crate::reader::Reader;
use crate::setting::Layer;
use crate::sources::Sources;

/// There is one listener before anything is configured.
const LISTENER_OF_ALL: &str = "listeners.tcp.default";

/// Reads, merges and checks. An error names all that is wrong.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut all = defaults();
    let mut unreadable = None;
    match sources.file.as_deref().map(file) {
        Some(Ok(layer)) => all.append(layer),
        Some(Err(problem)) => unreadable = Some(problem),
        None => {}
    }
    all.append(environment(&sources.env));
    all.append(flags(&sources.sets));
    match unreadable {
        None => check_values(all),
        // Names can still be known or unknown; about values, nothing that is
        // said without the file could be trusted.
        Some(problem) => {
            all.problems.insert(0, problem);
            Err(ConfigError::new(all.problems))
        }
    }
}

fn check_values(all: Layer) -> Result<Loaded, ConfigError> {
    let sections: BTreeSet<&str> = all.named.keys().map(String::as_str).collect();
    let of_listeners = defaults_of(sections.into_iter().chain([LISTENER_OF_ALL]));
    let settings = of_listeners.settings.into_iter().chain(all.settings);
    let merged = Merged::new(settings, all.named);
    let mut problems = all.problems;
    let mut reader = Reader::new(&merged);
    let config = reader.config();
    problems.extend(reader.problems);
    let mut warnings = all.warnings;
    warnings.extend(reader.warnings);
    let mut origins = merged.origins().clone();
    if let Some(config) = &config {
        for (key, origin) in derived(config) {
            if !origins.has(&key) {
                origins.insert(key, origin);
            }
        }
        problems.extend(check(config, &origins));
        problems.extend(check_clients(config, &origins));
        warnings.extend(check_secrets(config));
        warnings.extend(warn_of_clients(config, &origins));
    }
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded {
            config,
            warnings,
            origins,
        }),
        _ => Err(ConfigError::new(problems)),
    }
}

/// Keys whose value comes from others if nobody sets them, and which those are.
fn derived(config: &Config) -> Vec<(String, Origin)> {
    let mut derived = vec![
        ("transport.advertise".to_owned(), Origin::NAME_AND_BIND),
        (
            "mqtt.session_expiry_v3".to_owned(),
            Origin::of_other("mqtt.session_expiry_max"),
        ),
    ];
    for listener in &config.listeners.enabled {
        let section = listener.id.section();
        if listener.websocket().is_some() {
            let origin = Origin::of_other("mqtt.max_packet_size");
            derived.push((format!("{section}.max_message_size"), origin));
        }
        let asks = listener.tls().and_then(|tls| tls.client_certificates.ca());
        if asks.is_some() {
            let origin = Origin::of_other(&format!("{section}.client_ca"));
            derived.push((format!("{section}.verify"), origin));
        }
    }
    derived
}
