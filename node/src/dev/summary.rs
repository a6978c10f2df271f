//! What the cluster consists of, and what to do with it.

use std::ffi::OsStr;
use std::path::Path;

use super::process::NodeProcess;
use crate::cli::{Align, Cell, Failure, Output, Table};

pub(super) fn show(nodes: &[NodeProcess], output: &Output) -> Result<(), Failure> {
    output.table(&table(nodes))?;
    let program = program();
    output.line("\nTry, in another terminal:")?;
    for command in commands(nodes) {
        output.line(&format!("  {program} {command}"))?;
    }
    output.line("\nCtrl-C stops it all.")
}

fn table(nodes: &[NodeProcess]) -> Table {
    let mut table = Table::new(&[
        ("NODE", Align::Left),
        ("ROLE", Align::Left),
        ("PID", Align::Right),
        ("CLUSTER (udp)", Align::Left),
        ("ADMIN", Align::Left),
        ("DATA", Align::Left),
    ]);
    for node in nodes {
        table.row(vec![
            Cell::new(node.core.node_name()),
            Cell::new("core"),
            Cell::of(Some(node.pid)),
            Cell::new(node.core.transport()),
            Cell::new(format!("http://{}", node.core.admin())),
            Cell::new(node.dir.display().to_string()),
        ]);
    }
    table
}

/// Three that work as they are.
fn commands(nodes: &[NodeProcess]) -> Vec<String> {
    let (Some(first), Some(last)) = (nodes.first(), nodes.last()) else {
        return Vec::new();
    };
    let of = |node: &NodeProcess, command: &str| {
        format!("{command} --dir {}", quoted(node.dir.as_os_str()))
    };
    let third = if nodes.len() > 1 {
        of(last, "node leave")
    } else {
        of(first, "token create --role core")
    };
    vec![
        of(first, "cluster status"),
        of(last, "cluster history"),
        third,
    ]
}

/// What a shell finds as this very program.
fn program() -> String {
    let Ok(this) = std::env::current_exe() else {
        return "quorate".to_owned();
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("quorate"))
        .find(|file| file.is_file());
    match found.and_then(|file| file.canonicalize().ok()) {
        Some(found) if is_same(&found, &this) => "quorate".to_owned(),
        _ => quoted(this.as_os_str()),
    }
}

fn is_same(found: &Path, this: &Path) -> bool {
    this.canonicalize().is_ok_and(|this| this == found)
}

/// For a shell. What is no UTF-8 can't be shown, and is not used here.
fn quoted(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "/._-+,:@%=".contains(one);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_a_shell() {
        for (path, expected) in [
            ("/tmp/q-1/core1", "/tmp/q-1/core1"),
            ("/my data", "'/my data'"),
            ("/it's", r"'/it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(OsStr::new(path)), expected);
        }
    }
}
