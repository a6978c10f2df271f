//! `quorate config`: what a node would run with.

use std::path::Path;

use quorate_conf::{Kind, example};

use super::args::{ConfigCommand, ExampleKind};
use super::{Failure, Output};
use crate::config::load;

/// `dir` is the global `--dir`, if it was given.
pub(super) fn run(
    command: &ConfigCommand,
    dir: Option<&Path>,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check { sources } => {
            let loaded = load(sources.config.as_deref(), &sources.set, dir)?;
            output.configuration_warnings(&loaded.warnings);
            output.line("configuration ok")
        }
        ConfigCommand::Show { origin, sources } => {
            let loaded = load(sources.config.as_deref(), &sources.set, dir)?;
            output.configuration_warnings(&loaded.warnings);
            output.text(&loaded.show(*origin))
        }
        ConfigCommand::Example { kind } => output.text(example(kind_of(*kind))),
    }
}

fn kind_of(kind: ExampleKind) -> Kind {
    match kind {
        ExampleKind::Core => Kind::Core,
        ExampleKind::Replicant => Kind::Replicant,
        ExampleKind::Single => Kind::Single,
    }
}
