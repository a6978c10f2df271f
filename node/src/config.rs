//! What a node runs with, read from where this process was told to look.

use std::path::Path;

use quorate_conf::{Loaded, Sources};

use crate::cli::Failure;

/// Reads the file, the environment and the flags. `dir` is `--dir`, which
/// stands for `--set node.data_dir=..` and wins over it.
pub(crate) fn load(
    config: Option<&Path>,
    sets: &[String],
    dir: Option<&Path>,
) -> Result<Loaded, Failure> {
    let mut sets = sets.to_vec();
    if let Some(dir) = dir {
        sets.push(data_dir(dir)?);
    }
    let sources = Sources {
        file: config.map(Path::to_owned),
        env: environment(),
        sets,
    };
    quorate_conf::load(&sources).map_err(Failure::from)
}

/// Quoted: a path with quotes of its own would be read as TOML.
fn data_dir(dir: &Path) -> Result<String, Failure> {
    let dir = dir.to_str().ok_or_else(|| {
        Failure::usage(
            format!("--dir {}: the path is not UTF-8", dir.display()),
            "use a data directory whose path is UTF-8, as configuration is",
        )
    })?;
    Ok(format!("node.data_dir={}", serde_json::Value::from(dir)))
}

/// Without the variables that are no UTF-8: none of ours can be one.
fn environment() -> Vec<(String, String)> {
    let all = std::env::vars_os();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_the_command_line_wins() {
        let sets = ["node.data_dir=/elsewhere".to_owned()];
        for dir in ["/data", "relative dir", "\"quoted\"", "back\\slash"] {
            let loaded = load(None, &sets, Some(Path::new(dir))).unwrap();
            assert_eq!(loaded.config.node.data_dir, Path::new(dir));
        }
    }
}
