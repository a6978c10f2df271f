//! `quorate config`: what a node would run with.

use std::io::{BufRead, Read};
use std::path::Path;

use quorate_admin::api::{Code, Problem};
use quorate_broker::user_line;
use quorate_conf::{Kind, example};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::args::{ConfigCommand, ExampleKind};
use super::{Failure, Output};
use crate::config::load;
use crate::mqtt;

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
            mqtt::check_files(&loaded.config)?;
            output.line("configuration ok")
        }
        ConfigCommand::Show { origin, sources } => {
            let loaded = load(sources.config.as_deref(), &sources.set, dir)?;
            output.configuration_warnings(&loaded.warnings);
            output.text(&loaded.show(*origin))
        }
        ConfigCommand::User { name, iterations } => {
            let password = read_password(output)?;
            let line = user_line(name, &password, *iterations);
            output.line(&line.map_err(|error| Problem::new(Code::Usage, error.to_string()))?)
        }
        ConfigCommand::Example { kind } => output.text(example(kind_of(*kind))),
    }
}

/// One line of standard input, which a terminal does not show.
fn read_password(output: &Output) -> Result<String, Failure> {
    let mut input = std::io::stdin().lock();
    let shown = tcgetattr(&input).ok();
    if let Some(shown) = &shown {
        output.note("type the password; it is not shown");
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // Where it stays visible, the password is read all the same.
        let _ = tcsetattr(&input, OptionalActions::Now, &hidden);
    }
    let line = input.by_ref().lines().next();
    if let Some(shown) = &shown {
        let _ = tcsetattr(&input, OptionalActions::Now, shown);
    }
    match line {
        Some(Ok(password)) => Ok(password),
        Some(Err(error)) => Err(Failure::usage(
            format!("the password cannot be read: {error}"),
            "it is one line of text on standard input",
        )),
        None => Err(Failure::usage(
            "there is no password",
            "it is the first line of standard input",
        )),
    }
}

fn kind_of(kind: ExampleKind) -> Kind {
    match kind {
        ExampleKind::Core => Kind::Core,
        ExampleKind::Replicant => Kind::Replicant,
        ExampleKind::Single => Kind::Single,
    }
}
