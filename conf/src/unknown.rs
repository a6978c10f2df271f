//! What is said about keys and variables that nobody knows.

use crate::nearest::{listed, nearest};
use crate::origin::Origin;
use crate::problem::Problem;
use crate::schema::{self, KEYS, Key, VARIABLE_PREFIX};

/// The command line reads these itself.
pub(crate) const VARIABLES_OF_COMMANDS: [&str; 2] = ["QUORATE_ADMIN", "QUORATE_TOKEN"];

/// `path` leads to no key; its parts are as they were written.
pub(crate) fn unknown_key(path: &[&str], origin: &Origin) -> Problem {
    let problem = Problem::new(format!("unknown key `{}`", path.join("."))).from(origin);
    let (section, name) = match path {
        [] => ("", ""),
        [only] => ("", *only),
        [section, name, ..] => (*section, *name),
    };
    let in_section: Vec<&str> = schema::keys_of(section).map(Key::name).collect();
    let hint = if let Some(near) = nearest(name, in_section.iter().copied()) {
        format!("did you mean `{section}.{near}`?")
    } else if let Some(elsewhere) = keys_named(name) {
        format!("did you mean {elsewhere}?")
    } else if in_section.is_empty() {
        hint_for_section(if section.is_empty() { name } else { section })
    } else {
        format!("the keys of [{section}] are {}", listed(in_section))
    };
    problem.with_hint(hint)
}

pub(crate) fn unknown_section(name: &str, origin: &Origin) -> Problem {
    Problem::new(format!("unknown section `{name}`"))
        .from(origin)
        .with_hint(match keys_named(name) {
            Some(keys) => format!("did you mean {keys}?"),
            None => hint_for_section(name),
        })
}

/// The section exists, but was set as if it were a key.
pub(crate) fn section_as_key(section: &str, origin: &Origin) -> Problem {
    let keys = schema::keys_of(section).map(Key::name);
    Problem::new(format!("`{section}` is a section, not a key"))
        .from(origin)
        .with_hint(format!("set one of its keys: {}", listed(keys)))
}

fn hint_for_section(section: &str) -> String {
    let sections = schema::sections();
    match nearest(section, sections.iter().copied()) {
        Some(near) => format!("did you mean the section `{near}`?"),
        None => format!("the sections are {}", listed(sections)),
    }
}

/// Keys with that very name, of whatever section.
fn keys_named(name: &str) -> Option<String> {
    let named = KEYS.iter().filter(|key| key.name() == name);
    let paths: Vec<String> = named.map(|key| format!("`{}`", key.path)).collect();
    (!paths.is_empty()).then(|| paths.join(" or "))
}

pub(crate) fn unknown_variable(variable: &str) -> Problem {
    let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
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
    let hint = if let Some(near) = near {
        format!("did you mean {VARIABLE_PREFIX}{near}?")
    } else if !siblings.is_empty() {
        format!("the variables of this section are {}", listed(siblings))
    } else {
        let sections = listed(schema::sections());
        format!(
            "a variable is {VARIABLE_PREFIX}SECTION__KEY with two underscores between them; \
             the sections are {sections}"
        )
    };
    Problem::new(format!("unknown environment variable {variable}")).with_hint(hint)
}

/// What all variables have in common would make all of them look alike.
fn without_prefix(variable: &str) -> &str {
    variable.strip_prefix(VARIABLE_PREFIX).unwrap_or(variable)
}

fn section_of(variable: &str) -> Option<&str> {
    without_prefix(variable)
        .split_once("__")
        .map(|(section, _)| section)
}
