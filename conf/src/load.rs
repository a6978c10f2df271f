//! From sources to a checked configuration.

use crate::checks::check;
use crate::cookie::open_to_others;
use crate::layers::{defaults, environment, file, flags};
use crate::loaded::Loaded;
use crate::merged::Merged;
use crate::origin::Origin;
use crate::problem::ConfigError;
use crate::reader::Reader;
use crate::setting::Layer;
use crate::sources::Sources;

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
    let merged = Merged::new(all.settings);
    let mut origins = merged.origins();
    if merged.text("transport.advertise").is_none() {
        origins.insert("transport.advertise".to_owned(), Origin::NAME_AND_BIND);
    }
    let mut problems = all.problems;
    let mut reader = Reader::new(&merged);
    let config = reader.config();
    problems.extend(reader.problems);
    let mut warnings = all.warnings;
    warnings.extend(reader.warnings);
    if let Some(config) = &config {
        problems.extend(check(config, &origins));
        let pki = config.transport.pki.as_ref();
        warnings.extend(pki.and_then(|pki| open_to_others(&pki.key)));
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
