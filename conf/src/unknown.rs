//! What is said about keys and variables that nobody knows.

use crate::listener_id::{ListenerName, ListenerNameError};
use crate::nearest::{listed, nearest};
use crate::origin::Origin;
use crate::problem::Problem;
use crate::schema::{self, Place, SECTIONS, VARIABLE_PREFIX, below};

/// The command line reads these itself.
pub(crate) const VARIABLES_OF_COMMANDS: [&str; 2] = ["QUORATE_ADMIN", "QUORATE_TOKEN"];

/// What a user might name a section, where one has to be shown.
const SOME_NAME: &str = "default";

/// `path` leads nowhere; its parts are as they were written.
pub(crate) fn unknown(path: &[&str], origin: &Origin) -> Problem {
    let noun = if path.len() == 1 { "section" } else { "key" };
    Problem::new(format!("unknown {noun} `{}`", path.join(".")))
        .from(origin)
        .with_hint(hint(path))
}

/// The section exists, but was set as if it were a key.
pub(crate) fn section_as_key(path: &[&str], origin: &Origin) -> Problem {
    let hint = if let Some(meant) = nameless(path) {
        format!("a listener has a name: did you mean `{meant}`?")
    } else if schema::section(path).is_some() {
        format!("set one of its keys: {}", listed(below(path)))
    } else {
        format!(
            "below it are {}",
            listed(schema::examples_below(path, SOME_NAME))
        )
    };
    Problem::new(format!("`{}` is a section, not a key", path.join(".")))
        .from(origin)
        .with_hint(hint)
}

/// The key that was meant by a path that leaves out the name of a section.
fn nameless(path: &[&str]) -> Option<String> {
    let (key, section) = path.split_last()?;
    let named = [section, &[SOME_NAME, key]].concat();
    matches!(schema::place(&named), Place::Key(_)).then(|| named.join("."))
}

fn hint(path: &[&str]) -> String {
    let is_section = |parts: &usize| matches!(schema::place(&path[..*parts]), Place::Section);
    let known = (0..path.len()).rev().find(is_section).unwrap_or(0);
    let (section, rest) = path.split_at(known);
    let [wrong, after @ ..] = rest else {
        return String::new();
    };
    if schema::takes_any_name(section) {
        return ListenerNameError.to_string();
    }
    if let Some(near) = nearest(wrong, below(section)) {
        return did_you_mean(&[section, &[near]].concat(), after);
    }
    let elsewhere = after.last().unwrap_or(wrong);
    let elsewhere = keys_named(elsewhere, section);
    if !elsewhere.is_empty() {
        return format!("did you mean {}?", elsewhere.join(" or "));
    }
    match section {
        [] => format!("the sections are {}", listed(below(section))),
        _ => format!(
            "the keys of [{}] are {}",
            section.join("."),
            listed(below(section))
        ),
    }
}

/// `after` is what followed the part that was mistyped.
fn did_you_mean(near: &[&str], after: &[&str]) -> String {
    let whole = [near, after].concat();
    match (schema::place(&whole), schema::place(near)) {
        (Place::Key(_), _) => format!("did you mean `{}`?", whole.join(".")),
        (_, Place::Key(_)) => format!("did you mean `{}`?", near.join(".")),
        _ => format!("did you mean the section `{}`?", near.join(".")),
    }
}

/// Keys of that very name in other sections. A listener's are looked for in
/// the other kinds; elsewhere one kind stands for all.
fn keys_named(name: &str, section: &[&str]) -> Vec<String> {
    let own_name = match section {
        [_, _, own] => Some(*own),
        _ => None,
    };
    let mut paths = Vec::new();
    let mut has_listener = false;
    for section in SECTIONS.iter().filter(|section| section.has_key(name)) {
        let counts = match own_name {
            Some(_) => section.is_named(),
            None => !(section.is_named() && has_listener),
        };
        has_listener |= section.is_named();
        if counts {
            let path = section.path.replace('*', own_name.unwrap_or(SOME_NAME));
            paths.push(format!("`{path}.{name}`"));
        }
    }
    paths
}

pub(crate) fn unknown_variable(variable: &str) -> Problem {
    let known = known_variables(variable);
    let known = known.iter().map(String::as_str);
    let word = without_prefix(variable);
    let near = nearest(
        word,
        known
            .clone()
            .chain(VARIABLES_OF_COMMANDS)
            .map(without_prefix),
    );
    let section = section_of(variable);
    let siblings: Vec<&str> = known
        .filter(|known| section.is_some() && section == section_of(known))
        .collect();
    let path = word.to_lowercase().replace("__", ".");
    let path: Vec<&str> = path.split('.').collect();
    let hint = if let Some(meant) = nameless(&path) {
        let meant = schema::variable(&meant);
        format!("a listener has a name: did you mean {meant}?")
    } else if let Some(near) = near {
        format!("did you mean {VARIABLE_PREFIX}{near}?")
    } else if !siblings.is_empty() {
        format!("the variables of this section are {}", listed(siblings))
    } else {
        let sections = listed(below(&[]));
        format!(
            "a variable is {VARIABLE_PREFIX}SECTION__KEY with two underscores between them; \
             the sections are {sections}"
        )
    };
    Problem::new(format!("unknown environment variable {variable}")).with_hint(hint)
}

/// All there are, with the name in them that this one has, if it has one.
fn known_variables(variable: &str) -> Vec<String> {
    let name = without_prefix(variable).split("__").nth(2);
    let name = name.map(str::to_lowercase);
    let name = name.filter(|name| ListenerName::new(name).is_ok());
    let paths = schema::paths(name.as_deref().unwrap_or(SOME_NAME));
    let variables = paths.iter().map(|(path, _)| schema::variable(path));
    variables.collect()
}

/// What all variables have in common would make all of them look alike.
fn without_prefix(variable: &str) -> &str {
    variable.strip_prefix(VARIABLE_PREFIX).unwrap_or(variable)
}

fn section_of(variable: &str) -> Option<&str> {
    without_prefix(variable)
        .rsplit_once("__")
        .map(|(section, _)| section)
}
