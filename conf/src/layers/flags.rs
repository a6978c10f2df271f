use toml::de::{DeTable, DeValue};

use crate::origin::Origin;
use crate::problem::Problem;
use crate::schema::{self, Place, Shape};
use crate::setting::{Layer, lenient};
use crate::unknown::{section_as_key, unknown};

/// `--set key=value`, once for each flag.
pub(crate) fn flags(sets: &[String]) -> Layer {
    let mut layer = Layer::default();
    for set in sets {
        if let Err(problem) = read_flag(&mut layer, set) {
            layer.problems.push(problem);
        }
    }
    layer
}

fn read_flag(layer: &mut Layer, set: &str) -> Result<(), Problem> {
    // No value in these messages: it may be the cookie.
    let (key, text) = set.split_once('=').ok_or_else(|| {
        let is_key = |one: &char| one.is_ascii_alphanumeric() || matches!(one, '_' | '.');
        let start: String = set.chars().take_while(is_key).collect();
        Problem::new(format!("--set {start}: the `=` is missing"))
            .with_hint("write --set key=value, like --set node.name=core1@10.0.0.1")
    })?;
    let key = key.trim();
    let origin = Origin::flag(key);
    let path = key_parts(key).ok_or_else(|| {
        Problem::new(format!("`{key}` is no key"))
            .from(&origin)
            .with_hint("write --set key=value, like --set node.name=core1@10.0.0.1")
    })?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match schema::place(&path) {
        Place::Key(key) => layer.set(&path, key, &lenient(key.shape, text), 0, &|_| {
            origin.clone()
        }),
        Place::Section => return Err(section_as_key(&path, &origin)),
        Place::Nowhere => match path.split_last() {
            Some((entry, table)) if is_table(table) => {
                let value = lenient(Shape::Text, text);
                layer.set_entry(&table.join("."), entry, &value, origin);
            }
            _ => return Err(unknown(&path, &origin)),
        },
    }
    Ok(())
}

fn is_table(path: &[&str]) -> bool {
    matches!(schema::place(path), Place::Key(key) if key.shape == Shape::Table)
}

/// The parts of `transport.dial."core2@127.0.0.1"`: TOML knows how keys are
/// written, so it is asked with a line of it, one line only.
fn key_parts(key: &str) -> Option<Vec<String>> {
    if key.contains(char::is_control) {
        return None;
    }
    let line = format!("{key} = 0");
    let table = DeTable::parse(&line).ok()?;
    let mut parts = Vec::new();
    let mut inside = table.get_ref();
    loop {
        let (name, value) = inside.iter().next()?;
        parts.push(name.get_ref().clone().into_owned());
        match value.get_ref() {
            DeValue::Table(table) => inside = table,
            _ => return Some(parts),
        }
    }
}
