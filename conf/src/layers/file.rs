use std::fs;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::cookie::{is_reference, open_to_others};
use crate::origin::Origin;
use crate::problem::Problem;
use crate::schema::{self, Place};
use crate::setting::{Layer, Setting};
use crate::unknown::{section_as_key, unknown};

/// `-c FILE`. One that cannot be read or is no TOML is no layer at all.
pub(crate) fn file(path: &Path) -> Result<Layer, Problem> {
    let text = fs::read_to_string(path).map_err(|error| {
        Problem::new(format!(
            "cannot read the configuration file {}: {error}",
            path.display()
        ))
        .with_hint("`quorate config example core` prints one to start from")
    })?;
    let mut layer = parse(path, &text)?;
    if layer.settings.iter().any(holds_cookie) {
        layer.warnings.extend(open_to_others(path));
    }
    Ok(layer)
}

fn parse(path: &Path, text: &str) -> Result<Layer, Problem> {
    let origin = |at: usize| Origin::file(path, line_of(text, at));
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        // The parser's own report quotes the line, which may hold a secret.
        Problem::new(format!("not valid TOML: {}", error.message())).from(&origin(at))
    })?;
    let mut layer = Layer::default();
    read_table(&mut layer, &[], table.get_ref(), &origin);
    Ok(layer)
}

fn read_table(
    layer: &mut Layer,
    above: &[&str],
    table: &DeTable<'_>,
    origin: &dyn Fn(usize) -> Origin,
) {
    for (name, value) in table {
        let at = name.span().start;
        let path = [above, &[name.get_ref().as_ref()]].concat();
        match (schema::place(&path), value.get_ref()) {
            (Place::Key(key), value) => layer.set(&path, key, value, at, origin),
            (Place::Section, DeValue::Table(below)) => {
                layer.name(&path, origin(at));
                read_table(layer, &path, below, origin);
            }
            (Place::Section, _) => layer.problems.push(section_as_key(&path, &origin(at))),
            (Place::Nowhere, _) => layer.problems.push(unknown(&path, &origin(at))),
        }
    }
}

/// The cookie itself, not the name of its file.
fn holds_cookie(setting: &Setting) -> bool {
    setting
        .text_of("node.cookie")
        .is_some_and(|text| !is_reference(text))
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    1 + before.filter(|byte| **byte == b'\n').count()
}
