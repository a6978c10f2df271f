//! What clap has to say, in the form of all our messages; and completions.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use quorate_admin::api::{Code, Problem};

use super::args::Cli;
use super::text::one_line;
use super::{Failure, Output};

/// Below it two words have little in common (Jaro-Winkler).
const SIMILAR: f64 = 0.85;

/// `words` is the command line after the program's name.
pub(super) fn explain(
    error: &clap::Error,
    words: &[String],
    output: &Output,
) -> Result<(), Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            if output.palette.enabled {
                output.text(&text.ansi().to_string())
            } else {
                output.text(&text.to_string())
            }
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output.error_text(&error.render().to_string());
            Err(Failure::Shown(Code::Usage))
        }
        _ => {
            let mut problem = Problem::new(Code::Usage, what_failed(error));
            problem.hint = hint(error, words);
            Err(problem.into())
        }
    }
}

/// The first paragraph, without its label: tips and usage follow.
fn what_failed(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let first = text.split("\n\n").next().unwrap_or(text);
    one_line(first)
}

fn hint(error: &clap::Error, words: &[String]) -> Option<String> {
    let suggestion = command_elsewhere(error, 1.0)
        .or_else(|| nearest_command(error, words))
        .or_else(|| suggestion(error))
        .or_else(|| command_elsewhere(error, SIMILAR));
    match (suggestion, error.kind()) {
        (Some(suggestion), _) => Some(format!("did you mean `{suggestion}`?")),
        // The error says already what a value looks like.
        (None, ErrorKind::ValueValidation | ErrorKind::InvalidValue) => None,
        (None, _) => {
            let command = command_of(error);
            Some(format!("`{command} --help` tells what can be written"))
        }
    }
}

fn suggestion(error: &clap::Error) -> Option<String> {
    let kinds = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    kinds.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(one) => Some(one.clone()),
        // From the least to the most similar.
        ContextValue::Strings(some) => some.last().cloned(),
        _ => None,
    })
}

/// `quorate clutser stauts` means `quorate cluster status`.
fn nearest_command(error: &clap::Error, words: &[String]) -> Option<String> {
    error.get(ContextKind::InvalidSubcommand)?;
    let [first, second, ..] = words else {
        return None;
    };
    let typed = format!("quorate {first} {second}");
    let similarity = |path: &str| {
        let (path, typed) = (path.split(' '), typed.split(' '));
        let similarities = path
            .zip(typed)
            .map(|(one, other)| strsim::jaro_winkler(one, other));
        similarities.fold(1.0, f64::min)
    };
    let of_two_words = commands()
        .into_iter()
        .filter(|path| path.split(' ').count() == 3);
    let rated = of_two_words.map(|path| (similarity(&path), path));
    nearest(rated, SIMILAR)
}

/// `quorate status` means `quorate cluster status`.
fn command_elsewhere(error: &clap::Error, least: f64) -> Option<String> {
    let ContextValue::String(word) = error.get(ContextKind::InvalidSubcommand)? else {
        return None;
    };
    let rated = commands().into_iter().map(|path| {
        let last = path.rsplit(' ').next().unwrap_or(&path);
        (strsim::jaro_winkler(word, last), path)
    });
    nearest(rated, least)
}

fn nearest(rated: impl Iterator<Item = (f64, String)>, least: f64) -> Option<String> {
    rated
        .filter(|(similarity, _)| *similarity >= least)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, path)| path)
}

fn commands() -> Vec<String> {
    let mut commands = Vec::new();
    collect_commands(&Cli::command(), String::new(), &mut commands);
    commands
}

fn collect_commands(command: &Command, before: String, found: &mut Vec<String>) {
    let path = format!("{before}{}", command.get_name());
    for inner in command.get_subcommands() {
        collect_commands(inner, format!("{path} "), found);
    }
    found.push(path);
}

/// `quorate token create` out of `Usage: quorate token create --role <ROLE>`.
fn command_of(error: &clap::Error) -> String {
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    let words = usage
        .split_whitespace()
        .skip_while(|word| *word != "quorate");
    let is_name = |word: &&str| word.starts_with(|one: char| one.is_ascii_lowercase());
    let path: Vec<_> = words.take_while(is_name).collect();
    if path.is_empty() {
        "quorate".to_owned()
    } else {
        path.join(" ")
    }
}

pub(super) fn write_completions(shell: Shell, output: &Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "quorate", &mut script);
    output.text(&String::from_utf8_lossy(&script))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn told(line: &str) -> (String, Option<String>) {
        let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
        let words: Vec<String> = line.split(' ').skip(1).map(str::to_owned).collect();
        (what_failed(&error), hint(&error, &words))
    }

    #[test]
    fn each_mistake_is_told_on_one_line_and_with_a_hint() {
        for (line, error, hint) in [
            (
                "quorate clutser status",
                "unrecognized subcommand 'clutser'",
                Some("did you mean `quorate cluster status`?"),
            ),
            (
                "quorate clutser stauts",
                "unrecognized subcommand 'clutser'",
                Some("did you mean `quorate cluster status`?"),
            ),
            (
                "quorate node status",
                "unrecognized subcommand 'status'",
                Some("did you mean `quorate cluster status`?"),
            ),
            (
                "quorate tokn lst",
                "unrecognized subcommand 'tokn'",
                Some("did you mean `quorate token list`?"),
            ),
            (
                "quorate clutser",
                "unrecognized subcommand 'clutser'",
                Some("did you mean `cluster`?"),
            ),
            (
                "quorate clutser frobnicate",
                "unrecognized subcommand 'clutser'",
                Some("did you mean `cluster`?"),
            ),
            (
                "quorate status",
                "unrecognized subcommand 'status'",
                Some("did you mean `quorate cluster status`?"),
            ),
            (
                "quorate cluster stauts",
                "unrecognized subcommand 'stauts'",
                Some("did you mean `quorate cluster status`?"),
            ),
            (
                "quorate frobnicate",
                "unrecognized subcommand 'frobnicate'",
                Some("`quorate --help` tells what can be written"),
            ),
            (
                "quorate cluster status --jsn",
                "unexpected argument '--jsn' found",
                Some("did you mean `--json`?"),
            ),
            (
                "quorate token create",
                "the following required arguments were not provided: --role <ROLE>",
                Some("`quorate token create --help` tells what can be written"),
            ),
            (
                "quorate token create --role coer",
                "invalid value 'coer' for '--role <ROLE>' [possible values: core, replicant]",
                Some("did you mean `core`?"),
            ),
            (
                "quorate token create --role core --ttl 5x",
                "invalid value '5x' for '--ttl <TTL>': write a number and s, m, h or d, like 30m, \
                 24h or 7d",
                None,
            ),
        ] {
            assert_eq!(
                told(line),
                (error.to_owned(), hint.map(str::to_owned)),
                "{line}"
            );
        }
    }
}
